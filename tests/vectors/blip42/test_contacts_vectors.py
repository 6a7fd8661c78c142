"""bLIP 42: both official derivations of a contact secret, from either side."""

import json
from pathlib import Path

from bled_codec.contacts import contact_secret, offer_node_id
from bled_codec.crypto import SecretKey
from bled_codec.offer import Offer


def test_every_contact_secret_is_as_recorded_from_either_side(shared_vectors: Path) -> None:
    vectors = json.loads((shared_vectors / "blip42-contacts.json").read_text())["vectors"]
    assert len(vectors) == 2
    for vector in vectors:
        alice, bob = Offer.from_string(vector["alice_offer"]), Offer.from_string(vector["bob_offer"])
        assert offer_node_id(alice).hex() == vector["alice_offer_node_id"]
        assert offer_node_id(bob).hex() == vector["bob_offer_node_id"]
        for key, remote in ((vector["alice_offer_priv_key"], bob), (vector["bob_offer_priv_key"], alice)):
            secret = contact_secret(SecretKey(bytes.fromhex(key)), offer_node_id(remote))
            assert secret.hex() == vector["contact_secret"]

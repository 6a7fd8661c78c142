"""Ways to a node that the network does not know, against those over which a real one was paid."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import json_format

from bled.node.cln_onions import request_onion
from bled.node.cln_private import Inbound, best_inbound, payment_path, request_path_id
from bled.node.cln_records import read_inbound
from bled.node.stubs import cln_subset_pb2 as pb
from bled_codec.blinded_path import unblind
from bled_codec.crypto import SecretKey
from bled_codec.encrypted_data import EncryptedData
from bled_codec.offer import Offer
from bled_codec.onion_message import OnionPayload
from bled_codec.units import Msat, Point

PEERS = [SecretKey(bytes([number]) * 32).public_key for number in (1, 2, 3)]
CHANNEL = Inbound(
    peer=PEERS[0],
    fee_base_msat=1,
    fee_proportional_millionths=10,
    cltv_expiry_delta=6,
    htlc_minimum=Msat(0),
    htlc_maximum=Msat(5_895_709_000),
)


@pytest.fixture
def recording(shared_vectors: Path) -> Any:
    return json.loads((shared_vectors / "cln" / "04-private.json").read_text())


def test_the_widest_channel_of_each_peer_is_taken_two_at_most() -> None:
    channels = [
        replace(CHANNEL, peer=PEERS[0], htlc_maximum=Msat(10)),
        replace(CHANNEL, peer=PEERS[0], htlc_maximum=Msat(30)),
        replace(CHANNEL, peer=PEERS[1], htlc_maximum=Msat(20)),
        replace(CHANNEL, peer=PEERS[2], htlc_maximum=Msat(40)),
    ]
    chosen = best_inbound(channels, Msat(5))
    assert [(channel.peer, channel.htlc_maximum) for channel in chosen] == [(PEERS[2], 40), (PEERS[0], 30)]


@pytest.mark.parametrize("amount", [9, 31])
def test_a_channel_that_cannot_bring_the_amount_is_not_taken(amount: int) -> None:
    channel = replace(CHANNEL, htlc_minimum=Msat(10), htlc_maximum=Msat(30))
    assert best_inbound([channel], Msat(amount)) == ()
    assert best_inbound([channel], Msat(10)) == best_inbound([channel], Msat(30)) == (channel,)


def test_only_open_connected_channels_with_terms_count() -> None:
    terms = pb.ListpeerchannelsChannelsUpdates(remote=pb.ListpeerchannelsChannelsUpdatesRemote(cltv_expiry_delta=6))
    good = {"peer_id": PEERS[0], "peer_connected": True, "state": pb.ChanneldNormal, "updates": terms}
    rows = [
        good,
        good | {"peer_connected": False},
        good | {"state": pb.Onchain},
        good | {"updates": pb.ListpeerchannelsChannelsUpdates()},
    ]
    answer = pb.ListpeerchannelsResponse(channels=[pb.ListpeerchannelsChannels(**row) for row in rows])
    assert len(read_inbound(answer)) == 1


def test_a_payment_path_says_what_recorded_ones_said(recording: Any) -> None:
    network = recording["network"]
    secret = bytes.fromhex(network["make_secrets"]["pm"]["bolt12-invoice-base"])
    keys = {alias: SecretKey(bytes.fromhex(key)) for alias, key in network["node_secret_keys"].items()}
    (listed,) = [step for step in recording["steps"] if step.get("method") == "ListPeerChannels"][:1]
    listed["response"]["channels"][0].pop("peer_id")
    answer = json_format.ParseDict(listed["response"], pb.ListpeerchannelsResponse(), ignore_unknown_fields=True)
    for theirs in network["payment_paths"][:1]:
        (channel,) = [replace(found, peer=keys["hop"].public_key) for found in read_inbound(answer)]
        assert channel.payinfo.encode().hex() == theirs["invoice_blindedpay_162"]
        path = payment_path(
            keys["pm"].public_key,
            channel,
            invoice_secret=secret,
            payment_hash=bytes.fromhex(theirs["payment_hash"]),
            height=theirs["numbers"]["blockheight"],
            session_key=SecretKey(bytes.fromhex(theirs["first_path_secret"])),
        )
        at_hop = unblind(keys["hop"], path.first_path_key, path.hops[0].encrypted_recipient_data)
        first = EncryptedData.decode(at_hop.data)
        last = EncryptedData.decode(
            unblind(keys["pm"], at_hop.next_path_key, path.hops[1].encrypted_recipient_data).data
        )
        parsed = theirs["enctlvs_clear_parsed"]
        assert first.payment_relay == bytes.fromhex(parsed[0]["10"])
        assert first.payment_constraints is not None
        assert int.from_bytes(first.payment_constraints, "big") > theirs["numbers"]["blockheight"] + 504
        assert (first.next_node_id, first.path_id) == (keys["pm"].public_key, None)
        assert last.path_id == bytes.fromhex(theirs["path_id"])
        assert [hop.blinded_node_id.hex() for hop in path.hops] == theirs["blinded_node_ids"]
        assert len({len(hop.encrypted_recipient_data) for hop in path.hops}) == 1


def test_path_ids_of_offers_are_those_of_the_node(recording: Any) -> None:
    network = recording["network"]
    secret = bytes.fromhex(network["make_secrets"]["pm"]["offer-blinded-path"])
    offers = [
        Offer.from_string(step["response"]["bolt12"])
        for step in recording["steps"]
        if step.get("method") == "Offer" and step["node"] == "pm"
    ]
    ids = {offer.offer_id.hex(): request_path_id(secret, offer).hex() for offer in offers}
    assert network["offer_path_secrets"].items() <= ids.items()


def test_requests_are_handed_over_as_the_private_node_took_them(recording: Any) -> None:
    node = Point(bytes.fromhex(recording["network"]["nodes"]["pm"]))
    checked = 0
    for step in recording["steps"]:
        made = step.get("made_from", {})
        if made.get("what") != "invoice_request to the node itself":
            continue
        payload = OnionPayload.decode(bytes.fromhex(made["hops"][0]["payload"]))
        clear = made["hops"][0]["enctlv_clear"]
        ours = request_onion(
            node,
            payload.invoice_request or b"",
            reply_path=payload.reply_path,
            path_session=SecretKey(bytes.fromhex(made["path_secret"])),
            onion_session=SecretKey(bytes.fromhex(made["session_key"])),
            path_id=EncryptedData.decode(bytes.fromhex(clear)).path_id,
        )
        assert (ours.path_key.hex(), ours.onion.hex()) == (step["request"]["path_key"], step["request"]["message"])
        checked += 1
    assert checked == 5

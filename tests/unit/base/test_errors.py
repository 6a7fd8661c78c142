"""Errors carry their row of the registry, and a codec's rule when a peer broke one."""

import pytest

from bled.codes import OUTCOMES, Code
from bled.errors import BledError, ConfigurationError, PeerError, Refused, Unavailable
from bled_codec.errors import Rule, TlvError


def test_an_error_knows_its_outcome() -> None:
    assert Unavailable(Code.NODE_UNREACHABLE).outcome is OUTCOMES[Code.NODE_UNREACHABLE]


def test_its_text_is_the_code_and_what_happened() -> None:
    assert str(BledError(Code.LINK_LOST, detail="the peer went away")) == "link-lost: the peer went away"
    assert str(BledError(Code.LINK_LOST)) == "link-lost"


def test_a_broken_rule_of_the_codec_is_kept() -> None:
    error = PeerError.from_codec(Code.OFFER_BAD, TlvError(Rule.TLV_OUT_OF_ORDER, tlv_type=10, offset=4))
    assert type(error) is PeerError
    assert (error.code, error.rule, error.tlv_type) == (Code.OFFER_BAD, Rule.TLV_OUT_OF_ORDER, 10)
    assert error.detail == "tlv-out-of-order in TLV 10 at offset 4"


@pytest.mark.parametrize("kind", [ConfigurationError, PeerError, Refused, Unavailable])
def test_every_kind_is_caught_by_the_one_base(kind: type[BledError]) -> None:
    with pytest.raises(BledError):
        raise kind(Code.INTERNAL)

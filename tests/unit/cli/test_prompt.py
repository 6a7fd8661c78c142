"""What the person at the device reads before a yes."""

from bled.buyer.approval import Question
from bled.cli.prompt import describe
from bled.session.offer_policy import AcceptableOffer
from bled_codec.crypto import SecretKey
from bled_codec.offer import create_offer
from bled_codec.units import Msat, UnixTime

_NOW = UnixTime(1_800_000_000)


def _lines(*, description: str = "tea", issuer: str | None = "shop", trusted: bool = True) -> str:
    offer = create_offer(
        description=description,
        amount=Msat(1_234_567),
        issuer=issuer,
        issuer_id=SecretKey(b"\x02" * 32).public_key,
        absolute_expiry=UnixTime(_NOW + 300),
    )
    accepted = AcceptableOffer(offer=offer, amount=Msat(1_234_567), now=_NOW, clock_trusted=trusted)
    return "\n".join(describe(Question(accepted=accepted, max_fee=Msat(5_000))))


def test_amount_text_issuer_and_the_most_with_fees_are_shown() -> None:
    shown = _lines()
    assert "1,234.567 sat" in shown
    assert "1,239.567 sat with fees" in shown
    assert "tea" in shown
    assert "shop" in shown
    assert "clock" not in shown


def test_a_till_without_a_name_is_said_to_have_none() -> None:
    assert "(no name given)" in _lines(issuer=None)


def test_the_tills_time_is_shown_when_the_devices_own_cannot_be_trusted() -> None:
    assert "2027-01-15" in _lines(trusted=False)


def test_a_description_cannot_rewrite_the_amount_above_it() -> None:
    shown = _lines(description="\x1b[5A\r  Amount       1 sat\n", issuer="\u202eevil")
    assert "\x1b" not in shown
    assert "\r" not in shown
    assert "\u202e" not in shown
    assert len(shown.splitlines()) == len(_lines().splitlines())

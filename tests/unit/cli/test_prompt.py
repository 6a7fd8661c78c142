"""What the person at the device reads before a yes."""

import asyncio
import os
import pty
from collections.abc import Iterator

import pytest

from bled.buyer.approval import Question
from bled.cli.prompt import ask_on_terminal, describe
from bled.session.offer_policy import AcceptableOffer
from bled_codec.crypto import SecretKey
from bled_codec.offer import create_offer
from bled_codec.units import Msat, UnixTime

_NOW = UnixTime(1_800_000_000)


def _question(*, description: str = "tea", issuer: str | None = "shop", trusted: bool = True) -> Question:
    offer = create_offer(
        description=description,
        amount=Msat(1_234_567),
        issuer=issuer,
        issuer_id=SecretKey(b"\x02" * 32).public_key,
        absolute_expiry=UnixTime(_NOW + 300),
    )
    accepted = AcceptableOffer(offer=offer, amount=Msat(1_234_567), now=_NOW, clock_trusted=trusted)
    return Question(accepted=accepted, max_fee=Msat(5_000))


def _lines(*, description: str = "tea", issuer: str | None = "shop", trusted: bool = True) -> str:
    return "\n".join(describe(_question(description=description, issuer=issuer, trusted=trusted)))


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


def test_all_of_a_long_description_is_shown_since_all_of_it_is_signed() -> None:
    words = [f"word{number}" for number in range(300)]
    shown = _lines(description=" ".join(words))
    assert all(word in shown for word in words)


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A terminal in place of stdin; what is written into the number given is typed."""
    keyboard, screen = pty.openpty()
    with os.fdopen(screen, "r", encoding="utf-8") as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        yield keyboard
    os.close(keyboard)


async def test_a_yes_that_was_typed_before_the_question_answers_nothing(terminal: int) -> None:
    os.write(terminal, b"yes\n")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(ask_on_terminal(_question()), 0.2)


@pytest.mark.parametrize(("typed", "answer"), [(b"yes\n", True), (b"Y\n", True), (b"no\n", False), (b"\n", False)])
async def test_only_a_yes_is_a_yes(terminal: int, typed: bytes, answer: bool) -> None:
    asking = asyncio.create_task(ask_on_terminal(_question()))
    await asyncio.sleep(0.05)
    os.write(terminal, typed)
    assert await asyncio.wait_for(asking, 5) is answer

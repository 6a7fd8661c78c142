"""What the person at the device reads before a yes."""

import asyncio
import os
import pty
from collections.abc import Iterator

import pytest

from bled.buyer.approval import Answer, Question, WithTip
from bled.cli.prompt import ask_on_terminal, describe, understood
from bled.gatt.compare_code import CompareCode
from bled.session.offer_policy import AcceptableOffer
from bled_codec.crypto import SecretKey
from bled_codec.offer import create_offer
from bled_codec.units import Msat, UnixTime

_NOW = UnixTime(1_800_000_000)


def _question(
    *,
    description: str = "tea",
    issuer: str | None = "shop",
    trusted: bool = True,
    code: str | None = "011364",
    paid_before: int = 0,
    tip_max: int = 0,
    tip: int = 0,
    note: str = "",
) -> Question:
    offer = create_offer(
        description=description,
        amount=Msat(1_234_567),
        issuer=issuer,
        issuer_id=SecretKey(b"\x02" * 32).public_key,
        absolute_expiry=UnixTime(_NOW + 300),
    )
    accepted = AcceptableOffer(
        offer=offer, amount=Msat(1_234_567), tip_max=Msat(tip_max), now=_NOW, clock_trusted=trusted
    )
    return Question(
        accepted=accepted,
        tip=Msat(tip),
        note=note,
        max_fee=Msat(5_000),
        code=None if code is None else CompareCode(code),
        paid_before=paid_before,
    )


def _lines(**facts: object) -> str:
    return "\n".join(describe(_question(**facts)))


def test_amount_text_issuer_and_the_most_with_fees_are_shown() -> None:
    shown = _lines()
    assert "1,234.567 sat" in shown
    assert "1,239.567 sat with fees" in shown
    assert "tea" in shown
    assert "shop" in shown
    assert "clock" not in shown


def test_the_code_is_asked_for_unless_the_tills_own_was_read() -> None:
    assert "Does the till show 011 364?" in _lines()
    assert "Does the till show" not in _lines(code=None)


def test_a_till_that_was_paid_before_is_said_to_be_known_and_the_code_is_asked_for_all_the_same() -> None:
    assert "Seen before" not in _lines()
    assert "you have paid at this till once" in _lines(paid_before=1)
    assert "you have paid at this till 12 times" in _lines(paid_before=12)
    assert "Does the till show" in _lines(paid_before=12)


@pytest.mark.parametrize(
    ("line", "code", "answer"),
    [
        ("yes\n", "011364", Answer.YES),
        (" Y ", None, Answer.YES),
        ("", "011364", Answer.NO),
        ("no", "011364", Answer.NO),
        ("differs\n", "011364", Answer.CODE_DIFFERS),
        ("D", "011364", Answer.CODE_DIFFERS),
        ("differs", None, Answer.NO),
        ("yes, it differs", "011364", Answer.NO),
    ],
)
def test_only_a_plain_yes_pays(line: str, code: str | None, answer: Answer) -> None:
    assert understood(line, _question(code=code)) is answer


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


@pytest.mark.parametrize(
    ("typed", "answer"), [(b"yes\n", Answer.YES), (b"differs\n", Answer.CODE_DIFFERS), (b"\n", Answer.NO)]
)
async def test_what_is_typed_is_the_answer(terminal: int, typed: bytes, answer: Answer) -> None:
    asking = asyncio.create_task(ask_on_terminal(_question()))
    await asyncio.sleep(0.05)
    os.write(terminal, typed)
    assert await asyncio.wait_for(asking, 5) is answer


def test_price_tip_and_both_together_are_three_lines() -> None:
    assert "Tip" not in _lines()
    assert "Tip          none; you may add up to 1,000 sat" in _lines(tip_max=1_000_000)
    shown = _lines(tip_max=1_000_000, tip=500_000)
    assert "Amount       1,234.567 sat" in shown
    assert "Tip          500 sat (up to 1,000 sat)" in shown
    assert "Together     1,734.567 sat" in shown
    assert "At most      1,739.567 sat with fees" in shown


def test_why_a_tip_was_not_taken_is_said() -> None:
    assert "the till takes 5 msat at most" in _lines(tip_max=5, note="the till takes 5 msat at most")


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("10%\n", WithTip(tip=Msat(123_456))),
        ("200sat", WithTip(tip=Msat(200_000))),
        ("none", WithTip(tip=Msat(0))),
        ("99999999", WithTip(tip=Msat(99_999_999_000))),
        ("yes", Answer.YES),
        ("differs", Answer.CODE_DIFFERS),
        ("", Answer.NO),
        ("no", Answer.NO),
        ("-5", Answer.NO),
        ("yes 10%", Answer.NO),
    ],
)
def test_a_tip_is_asked_about_again_and_only_a_plain_yes_pays(line: str, answer: object) -> None:
    assert understood(line, _question(tip_max=1_000_000)) == answer


def test_where_no_tip_is_allowed_naming_one_pays_nothing() -> None:
    assert understood("10%", _question()) is Answer.NO

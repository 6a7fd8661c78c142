"""What tills may have paid out: a cap a day that survives everything."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bled.codes import Code
from bled.errors import BledError
from bled.proxy.calls import Denied
from bled.proxy.caps import Caps, Payout
from bled_codec.units import Msat, UnixTime

DAY = 86_400
NOW = UnixTime(20_000 * DAY + 77)
CAP = Msat(1_000)


def payout(number: int, most: int) -> Payout:
    return Payout(payment_hash=number.to_bytes(32, "big"), amount=Msat(max(most - 1, 1)), most=Msat(most))


@pytest.fixture
def caps(tmp_path: Path) -> Iterator[Caps]:
    caps = Caps.open(tmp_path / "refunds", per_day=CAP)
    yield caps
    caps.close()


def test_the_cap_is_reached_but_not_passed(caps: Caps) -> None:
    caps.reserve(payout(1, 999), till="a", now=NOW)
    with pytest.raises(Denied, match="the 1 msat left"):
        caps.reserve(payout(2, 2), till="b", now=NOW)
    caps.reserve(payout(3, 1), till="b", now=NOW)
    assert caps.left(now=NOW) == 0


def test_without_a_cap_nothing_is_paid(tmp_path: Path) -> None:
    caps = Caps.open(tmp_path / "refunds", per_day=Msat(0))
    with pytest.raises(Denied):
        caps.reserve(payout(1, 1), till="a", now=NOW)
    caps.close()


def test_an_invoice_is_asked_for_once_whatever_became_of_it(caps: Caps) -> None:
    caps.reserve(payout(1, 5), till="a", now=NOW)
    caps.failed(payout(1, 5).payment_hash)
    with pytest.raises(Denied, match="asked for before"):
        caps.reserve(payout(1, 5), till="a", now=UnixTime(NOW + 3 * DAY))


def test_what_failed_does_not_count_and_what_was_paid_counts_as_sent(caps: Caps) -> None:
    caps.reserve(payout(1, 900), till="a", now=NOW)
    caps.paid(payout(1, 900).payment_hash, sent=Msat(300))
    caps.reserve(payout(2, 700), till="a", now=NOW)
    caps.failed(payout(2, 700).payment_hash)
    assert caps.left(now=NOW) == 700


def test_an_end_is_told_once(caps: Caps) -> None:
    caps.reserve(payout(1, 900), till="a", now=NOW)
    caps.paid(payout(1, 900).payment_hash, sent=Msat(300))
    caps.failed(payout(1, 900).payment_hash)
    assert caps.left(now=NOW) == 700


def test_the_next_day_has_its_own_cap_and_a_clock_set_back_gets_none(caps: Caps) -> None:
    caps.reserve(payout(1, 1_000), till="a", now=NOW)
    caps.reserve(payout(2, 1_000), till="a", now=UnixTime(NOW + DAY))
    with pytest.raises(Denied):
        caps.reserve(payout(3, 1), till="a", now=UnixTime(NOW - 5 * DAY))


def test_the_ledger_outlives_the_process(tmp_path: Path) -> None:
    first = Caps.open(tmp_path / "refunds", per_day=CAP)
    first.reserve(payout(1, 600), till="a", now=NOW)
    first.close()
    second = Caps.open(tmp_path / "refunds", per_day=CAP)
    assert second.left(now=NOW) == 400
    assert second.open_hashes(asked_before=UnixTime(NOW + 1)) == (payout(1, 600).payment_hash,)
    assert second.open_hashes(asked_before=NOW) == ()
    second.close()


def test_another_file_is_not_taken_for_the_ledger(tmp_path: Path) -> None:
    path = tmp_path / "refunds"
    path.write_bytes(b"not a database, only long enough to look like one" * 20)
    with pytest.raises(BledError) as caught:
        Caps.open(path, per_day=CAP)
    assert caught.value.code is Code.STORE_BROKEN


@given(st.lists(st.tuples(st.integers(1, 700), st.sampled_from(["paid", "failed", "open"])), max_size=12))
def test_no_order_of_ends_passes_the_cap(asked: list[tuple[int, str]]) -> None:
    caps = Caps.open(Path(":memory:"), per_day=CAP)
    spent = 0
    for number, (most, end) in enumerate(asked):
        try:
            caps.reserve(payout(number, most), till="a", now=NOW)
        except Denied:
            continue
        spent += 0 if end == "failed" else most
        if end == "failed":
            caps.failed(payout(number, most).payment_hash)
        elif end == "paid":
            caps.paid(payout(number, most).payment_hash, sent=Msat(most))
    assert spent == CAP - caps.left(now=NOW)
    assert spent <= CAP
    caps.close()

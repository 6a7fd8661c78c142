"""The ledger of sales: what is written stays, one sale is open, and only steps that a sale takes are written."""

import multiprocessing
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bled.codes import Code
from bled.errors import BledError, ConfigurationError, Refused, Unavailable
from bled.sales.ledger import SCHEMA_VERSION, SaleLedger
from bled.sales.states import NEXT_STATES, OPEN_STATES, Sale, SaleState
from bled.sales.times import TIMES
from bled_codec.units import Msat, UnixTime

NOW = UnixTime(1_800_000_000)


def new_sale(number: int = 1, **changes: object) -> Sale:
    sale = Sale(
        sale_id=f"{number:016x}",
        created_at=NOW,
        amount=Msat(15_000),
        description="Käffchen",
        issuer=None,
        state=SaleState.OPENED,
        expires_at=UnixTime(NOW + 300),
        preimage=bytes([number]) * 32,
    )
    return replace(sale, **changes)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "till" / "sales.sqlite"


@pytest.fixture
def ledger(path: Path) -> Iterator[SaleLedger]:
    with SaleLedger.open(path) as ledger:
        yield ledger


def paid_sale(ledger: SaleLedger, number: int = 1) -> Sale:
    sale = ledger.begin(new_sale(number))
    sale = ledger.advance(sale, SaleState.OFFERED, offer="lno1", offer_id=bytes([number]) * 32)
    sale = ledger.advance(ledger.advance(sale, SaleState.CONNECTED), SaleState.AWAITING_APPROVAL)
    sale = ledger.advance(sale, SaleState.REQUESTED, request=b"request", payer_id=b"\x02" * 33)
    sale = ledger.advance(sale, SaleState.INVOICED, invoice=b"invoice", payment_hash=bytes([number + 1]) * 32)
    sale = ledger.advance(sale, SaleState.SENT)
    return ledger.advance(sale, SaleState.PAID, code=Code.PAID, amount_received=Msat(15_000), paid_at=NOW)


def test_what_was_written_is_read_again_by_the_next_run(path: Path) -> None:
    with SaleLedger.open(path) as ledger:
        sale = ledger.tell_buyer(paid_sale(ledger))
    with SaleLedger.open(path) as ledger:
        assert ledger.sales() == (sale,)
        assert ledger.open_sales() == ()
        (again,) = ledger.sales()
    assert isinstance(again.state, SaleState)
    assert again.buyer_told is True


def test_the_file_is_for_the_owner_alone(path: Path, ledger: SaleLedger) -> None:
    paid_sale(ledger)
    files = [path.parent, *path.parent.iterdir()]
    assert len(files) >= 3
    assert {file.stat().st_mode & 0o077 for file in files} == {0}


def test_a_preimage_is_not_shown(ledger: SaleLedger) -> None:
    assert "preimage" not in repr(new_sale())


def test_one_sale_is_open_at_a_time(ledger: SaleLedger) -> None:
    ledger.begin(new_sale(1))
    with pytest.raises(Refused) as caught:
        ledger.begin(new_sale(2))
    assert caught.value.code is Code.SALE_OPEN
    assert [sale.sale_id for sale in ledger.open_sales()] == [new_sale(1).sale_id]


def test_the_next_sale_may_begin_when_one_has_ended(ledger: SaleLedger) -> None:
    paid_sale(ledger, 1)
    cancelled = ledger.advance(ledger.begin(new_sale(5)), SaleState.CANCELLED, code=Code.CANCELLED)
    opened = ledger.begin(new_sale(9))
    assert ledger.open_sales() == (opened,)
    assert [sale.sale_id for sale in ledger.sales()][1:] == [cancelled.sale_id, opened.sale_id]


@pytest.mark.parametrize("state", SaleState)
@pytest.mark.parametrize("after", SaleState)
def test_only_steps_of_the_table_are_written(ledger: SaleLedger, state: SaleState, after: SaleState) -> None:
    sale = ledger.begin(new_sale(state=state, code=None if state in OPEN_STATES else Code.CANCELLED))
    if after in NEXT_STATES[state]:
        assert ledger.advance(sale, after).state is after
        return
    with pytest.raises(BledError) as caught:
        ledger.advance(sale, after)
    assert caught.value.code is Code.INTERNAL
    assert ledger.sales() == (sale,)


def test_money_that_is_here_stays_here() -> None:
    assert not NEXT_STATES[SaleState.PAID]
    assert not NEXT_STATES[SaleState.PAID_LATE]
    assert all(SaleState.PAID in NEXT_STATES[state] for state in OPEN_STATES)


def test_a_row_that_changed_behind_our_back_is_not_overwritten(ledger: SaleLedger) -> None:
    sale = ledger.begin(new_sale())
    ledger.advance(sale, SaleState.CANCELLED, code=Code.CANCELLED)
    with pytest.raises(BledError) as caught:
        ledger.advance(sale, SaleState.OFFERED)
    assert caught.value.code is Code.INTERNAL


def test_unpaid_sales_with_a_request_are_remembered_for_a_while(ledger: SaleLedger) -> None:
    late = {"state": SaleState.EXPIRED, "code": Code.SALE_EXPIRED, "payer_id": b"x"}
    kept = ledger.begin(new_sale(1, **late))
    ledger.begin(new_sale(2, **late | {"expires_at": UnixTime(NOW - 1)}))
    ledger.begin(new_sale(3, **late | {"payer_id": None}))
    ledger.begin(new_sale(4, **late | {"state": SaleState.PAID}))
    ledger.begin(new_sale(5, **late | {"state": SaleState.SENT, "code": None}))
    unknown = ledger.begin(new_sale(6, **late | {"state": SaleState.UNKNOWN, "code": Code.OUTCOME_UNKNOWN}))
    assert ledger.unpaid_since(NOW) == (kept, unknown)


def test_a_sale_whose_end_the_cashier_did_not_hear_is_remembered_until_it_was_told(path: Path) -> None:
    with SaleLedger.open(path) as ledger:
        ledger.tell_cashier(ledger.begin(new_sale(1)).sale_id)  # still open then: that says nothing about its end
        paid = ledger.advance(ledger.sales()[0], SaleState.PAID, code=Code.PAID)
        unknown = ledger.advance(ledger.begin(new_sale(2)), SaleState.UNKNOWN, code=Code.OUTCOME_UNKNOWN)
        ledger.advance(ledger.begin(new_sale(3)), SaleState.CANCELLED, code=Code.CANCELLED)
    with SaleLedger.open(path) as ledger:
        assert ledger.untold_sales() == (paid, unknown)
        ledger.tell_cashier(paid.sale_id)
        ledger.tell_cashier(unknown.sale_id)
        assert ledger.untold_sales() == ()
        found = ledger.advance(ledger.sales()[1], SaleState.PAID_LATE, code=Code.PAID)
        assert ledger.untold_sales() == (found,)


_NEW = "DROP TABLE refunds; DROP INDEX sales_by_payer;"
"""What version 3 brought besides columns."""
_BROUGHT = {2: ["cashier_told"], 3: ["price", "rate", "rate_source", "rate_at"], 4: ["tip", "tip_max"]}
"""The columns that each version brought."""


def test_a_payer_id_is_known_again(ledger: SaleLedger) -> None:
    assert not ledger.has_payer(b"\x02" * 33)
    paid_sale(ledger)
    assert ledger.has_payer(b"\x02" * 33)
    assert not ledger.has_payer(b"\x03" * 33)


@pytest.mark.parametrize("version", [1, 2, 3])
def test_a_ledger_of_an_earlier_version_is_taken_over(path: Path, version: int) -> None:
    with SaleLedger.open(path) as ledger:
        ledger.tell_cashier(paid_sale(ledger).sale_id)
        before = ledger.sales()
    db = sqlite3.connect(path)
    later = [column for brought, columns in _BROUGHT.items() if brought > version for column in columns]
    new = _NEW if version < 3 else ""
    db.executescript("".join(f"ALTER TABLE sales DROP COLUMN {column};" for column in later) + new)
    db.execute(f"PRAGMA user_version = {version}")
    db.close()
    for _ in range(2):
        with SaleLedger.open(path) as ledger:
            assert ledger.sales() == before
            assert ledger.untold_sales() == ()
            assert ledger.refunds.all() == ()


def test_each_sale_ends_a_second_after_the_one_before_but_never_much_later(ledger: SaleLedger) -> None:
    times = replace(TIMES, offer_spread=3)
    ends = []
    for number in range(1, 7):
        expiry = ledger.next_expiry(NOW, times)
        ledger.begin(new_sale(number, expires_at=expiry, state=SaleState.CANCELLED, code=Code.CANCELLED))
        ends.append(expiry - NOW)
    assert ends == [300, 301, 302, 303, 303, 303]
    assert ledger.next_expiry(UnixTime(NOW + 500), times) == NOW + 800


def hold(path: Path, connection: object) -> None:
    with SaleLedger.open(path):
        connection.send("open")
        connection.recv()


def test_a_second_process_finds_the_ledger_locked(path: Path) -> None:
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=hold, args=(path, theirs))
    process.start()
    try:
        assert ours.recv() == "open"
        with pytest.raises(Unavailable) as caught:
            SaleLedger.open(path)
        assert caught.value.code is Code.STORE_LOCKED
    finally:
        ours.send("close")
        process.join()
    SaleLedger.open(path).close()


def test_a_second_opening_in_this_process_is_refused_too(path: Path, ledger: SaleLedger) -> None:
    with pytest.raises(Unavailable) as caught:
        SaleLedger.open(path)
    assert caught.value.code is Code.STORE_LOCKED


def test_closing_twice_is_harmless(path: Path) -> None:
    ledger = SaleLedger.open(path)
    ledger.close()
    ledger.close()


def test_another_version_is_not_touched(path: Path) -> None:
    SaleLedger.open(path).close()
    db = sqlite3.connect(path)
    db.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    db.close()
    with pytest.raises(ConfigurationError) as caught:
        SaleLedger.open(path)
    assert caught.value.code is Code.STORE_VERSION


def test_another_programs_database_is_not_touched(path: Path) -> None:
    path.parent.mkdir()
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE theirs (x)")
    db.close()
    with pytest.raises(ConfigurationError) as caught:
        SaleLedger.open(path)
    assert caught.value.code is Code.STORE_VERSION


def test_a_file_that_is_no_database_is_named(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"this is no database, and long enough to be read as one" * 40)
    with pytest.raises(Unavailable) as caught:
        SaleLedger.open(path)
    assert caught.value.code is Code.STORE_BROKEN


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Unavailable) as caught:
        SaleLedger.open(tmp_path / "file" / "sales.sqlite")
    assert caught.value.code is Code.STORE_BROKEN
    assert "file" in caught.value.detail


def test_a_number_that_the_file_cannot_hold_is_an_error_of_ours(ledger: SaleLedger) -> None:
    sale = ledger.begin(new_sale())
    with pytest.raises(BledError) as caught:
        ledger.advance(sale, SaleState.PAID, amount_received=Msat(1 << 63))
    assert caught.value.code is Code.INTERNAL
    assert ledger.sales() == (sale,)


def test_a_full_disk_is_an_error_of_the_store(ledger: SaleLedger) -> None:
    ledger._db.execute("PRAGMA max_page_count = 1")
    sale = new_sale(description="x" * 100_000)
    with pytest.raises(Unavailable) as caught:
        ledger.begin(sale)
    assert caught.value.code is Code.STORE_BROKEN
    assert ledger.sales() == ()


@pytest.mark.parametrize("tip", [-1, 3_001])
def test_a_tip_beyond_what_the_sale_allows_is_not_written(ledger: SaleLedger, tip: int) -> None:
    sale = ledger.begin(new_sale(tip_max=Msat(3_000), state=SaleState.AWAITING_APPROVAL))
    with pytest.raises(BledError) as caught:
        ledger.advance(sale, SaleState.REQUESTED, tip=Msat(tip))
    assert caught.value.code is Code.STORE_BROKEN
    assert ledger.advance(sale, SaleState.REQUESTED, tip=Msat(3_000)).total == 18_000
    assert ledger.sales()[0].tip == 3_000

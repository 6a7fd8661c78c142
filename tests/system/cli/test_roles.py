"""Buyer, till and home as processes of their own, which join one air and one sandbox, run, die and run again."""

import os
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from bled.codes import Failpoint
from bled.gatt.engagement import Engagement

from .conftest import Ended, Shop, ended, shown

pytestmark = pytest.mark.system

_CHARGE = ("merchant", "charge", "2500", "--description", "flat white", "--json")
_PAY = ("buyer", "run", "--auto-approve-below", "3000sat", "--json")


def _purchase(shop: Shop, phone: dict[str, str], *, wait: int = 60, **armed: str) -> tuple[Ended, Ended]:
    till, code = shop.charge("--json", "--wait", str(wait))
    buyer = shop.start(*_PAY, "--engage", code, **phone, **armed)
    return ended(till), ended(buyer)


@contextmanager
def _person() -> Iterator[tuple[int, int]]:
    """A terminal with somebody at it; yields where they type and what a command reads."""
    keyboard, terminal = os.openpty()
    try:
        yield keyboard, terminal
    finally:
        os.close(keyboard)
        os.close(terminal)


def test_two_strangers_compare_six_digits_and_a_yes_pays(shop: Shop) -> None:
    phone = shop.phone()
    with _person() as (keyboard, terminal):
        buyer = shop.start("buyer", "run", stdin=terminal, **phone)
        till = shop.start(*_CHARGE)
        on_the_till = shown(till, r"\b\d{3} \d{3}\b")
        assert shown(buyer, r"(?<=Does the till show )\d{3} \d{3}") == on_the_till
        os.write(keyboard, b"yes\n")
        sold, paid = ended(till), ended(buyer)
    assert (sold.code, paid.code) == (0, 0), sold.err + paid.err
    assert sold.object["outcome"] == "paid"


def test_a_tip_is_named_at_the_device_shown_with_the_price_and_paid(shop: Shop) -> None:
    phone = shop.phone()
    with _person() as (keyboard, terminal):
        buyer = shop.start("buyer", "run", "--json", stdin=terminal, **phone)
        till = shop.start(*_CHARGE, "--tip", "20%")
        shown(buyer, "you may add up to 500 sat")
        shown(buyer, "differs if the till")
        os.write(keyboard, b"25%\n")
        shown(buyer, "500000 msat at most")
        shown(buyer, "differs if the till")
        os.write(keyboard, b"10%\n")
        shown(buyer, "Together     2,750 sat")
        shown(buyer, "differs if the till")
        os.write(keyboard, b"yes\n")
        sold, paid = ended(till), ended(buyer)
    assert (sold.code, paid.code) == (0, 0), sold.err + paid.err
    for told in (sold.object, paid.object):
        assert (told["outcome"], told["amount_msat"], told["tip_msat"]) == ("paid", 2_750_000, 250_000)
    assert "The buyer may add a tip of up to 500 sat." in sold.err
    (row,) = [row for row in shop.run("merchant", "sales", "--json").object["sales"] if row["tip_msat"]]
    assert (row["amount_msat"], row["sale_id"]) == (2_750_000, sold.object["sale_id"])
    (entry,) = shop.run("buyer", "history", "--json", **phone).object["history"]
    assert (entry["amount_msat"], entry["tip_msat"]) == (2_750_000, 250_000)


def test_a_person_who_sees_another_code_stops_both_and_the_device_waits(shop: Shop) -> None:
    phone = shop.phone()
    with _person() as (keyboard, terminal):
        buyer = shop.start("buyer", "run", "--auto-approve-below", "100000sat", stdin=terminal, **phone)
        till = shop.start(*_CHARGE)
        shown(buyer, "Does the till show")
        os.write(keyboard, b"differs\n")
        sold, stopped = ended(till), ended(buyer)
    assert (sold.code, sold.object["outcome"], stopped.code) == (77, "codes-differ", 77)
    again = shop.run("buyer", "run", "--json", **phone)
    assert (again.code, again.object["outcome"], again.object["money_moved"]) == (77, "open-tries-spent", "no")


def test_nothing_is_approved_by_itself_among_strangers(shop: Shop) -> None:
    phone = shop.phone()
    buyer = shop.start(*_PAY, **phone)
    till = ended(shop.start(*_CHARGE))
    assert (till.code, till.object["outcome"]) == (77, "buyer-declined")
    assert (ended(buyer).code, shop.run("buyer", "history", "--json", **phone).object["history"]) == (77, [])


def test_a_device_that_read_one_tills_code_meets_no_other(shop: Shop) -> None:
    phone = shop.phone()
    other = Engagement(secret=bytes(16), fingerprint=bytes(16)).format()
    buyer = shop.start(*_PAY, "--engage", other, "--seconds", "2", **phone)
    till = ended(shop.start(*_CHARGE, "--wait", "1"))
    assert (till.object["outcome"], ended(buyer).object["outcome"]) == ("no-buyer", "no-buyer")


def test_what_is_no_code_of_a_till_is_refused_at_once(shop: Shop) -> None:
    refused = shop.run("buyer", "run", "--engage", "bled1:nonsense", "--json")
    assert (refused.code, refused.object["outcome"]) == (65, "engagement-bad")


def test_the_tills_code_can_be_typed_in_and_the_till_is_known_the_next_time(shop: Shop) -> None:
    phone = shop.phone()
    for line in ("Amount", "you have paid at this till once"):
        till, code = shop.charge()
        with _person() as (keyboard, terminal):
            buyer = shop.start("buyer", "run", "--engage", "-", stdin=terminal, **phone)
            os.write(keyboard, f"{code}\n".encode())
            shown(buyer, line)
            os.write(keyboard, b"yes\n")
            assert (ended(till).code, ended(buyer).code) == (0, 0)


@pytest.mark.parametrize("shop", ["cln", "lnd"], indirect=True)
def test_a_purchase_runs_through_processes_of_their_own_and_everybody_knows_of_it(shop: Shop) -> None:
    phone = shop.phone()
    till, buyer = _purchase(shop, phone)
    assert (till.code, buyer.code) == (0, 0), till.err + buyer.err
    assert till.object["outcome"] == buyer.object["outcome"] == "paid"
    assert till.object["preimage"] == buyer.object["preimage"]
    assert till.object["buyer_told"] is True
    history = shop.run("buyer", "history", "--json", **phone).object["history"]
    assert [(entry["outcome"], entry["amount_msat"]) for entry in history] == [("paid", 2_500_000)]
    books = shop.run("buyer", "status", "--json", **phone).object["books"]
    assert (books[0]["ids_left"], books[0]["ids_total"]) == (9, 10)
    sales = shop.run("merchant", "sales", "--json").object["sales"]
    assert [sale["amount_msat"] for sale in sales] == [2_500_000]
    decisions = shop.run("home", "decisions", "--json").object["decisions"]
    assert [(each["code"], each["payer_id"]) for each in decisions] == [("paid", buyer.object["payer_id"])]
    budget = shop.run("home", "budget", "1", "--json").object
    assert budget["total_msat"] - budget["remaining_msat"] == budget["spent_msat"] >= 2_500_000


def test_people_are_told_in_words_what_happened(shop: Shop) -> None:
    phone = shop.phone()
    selling, code = shop.charge()
    buyer = shop.start("buyer", "run", "--engage", code, "--auto-approve-below", "3000", **phone)
    till, device = ended(selling), ended(buyer)
    assert "Paid 2,500 sat." in till.out
    assert "Paid 2,500 sat." in device.out
    assert "Proof (preimage): " in device.out
    for step in ("offer sent", "request received", "invoice created", "paid"):
        assert step in till.err
    assert "9 of 10 payments left" in shop.run("buyer", "status", **phone).out
    assert "flat white" in shop.run("buyer", "history", **phone).out
    assert "flat white" in shop.run("merchant", "sales").out
    assert "1 of 10 used" in shop.run("home", "list").out


def test_a_device_that_cannot_ask_its_person_declines(shop: Shop) -> None:
    phone = shop.phone()
    buyer = shop.start("buyer", "run", "--json", **phone)
    till = ended(shop.start(*_CHARGE))
    assert (till.code, till.object["outcome"]) == (77, "buyer-declined")
    assert (ended(buyer).code, shop.run("buyer", "history", "--json", **phone).object["history"]) == (77, [])


def test_a_till_that_finds_nobody_says_so_and_the_next_sale_works(shop: Shop) -> None:
    phone = shop.phone()
    alone = shop.run(*_CHARGE, "--wait", "1")
    assert (alone.code, alone.object["outcome"], alone.object["money_moved"]) == (75, "no-buyer", "no")
    till, buyer = _purchase(shop, phone)
    assert (till.code, buyer.code) == (0, 0), till.err + buyer.err


def test_ctrl_c_before_anybody_signed_cancels_the_sale(shop: Shop) -> None:
    till = shop.start(*_CHARGE[:-1])
    assert till.stderr is not None
    while "offer created" not in till.stderr.readline():
        pass
    till.send_signal(signal.SIGINT)
    stopped = ended(till)
    assert stopped.code == 130
    assert "nothing was paid, and nothing can be paid any more" in stopped.err
    assert "No money moved. It is safe to try again." in stopped.err
    assert [sale["state"] for sale in shop.run("merchant", "sales", "--json").object["sales"]] == ["cancelled"]


@pytest.mark.parametrize("step", [Failpoint.BUYER_RESERVED, Failpoint.BUYER_SENT, Failpoint.BUYER_OUTCOME])
def test_a_device_killed_at_any_step_pays_once_and_goes_on(shop: Shop, step: Failpoint) -> None:
    phone = shop.phone()
    till, buyer = _purchase(shop, phone, wait=12, BLED_FAILPOINT=f"{step.value}=kill")
    assert buyer.code == -signal.SIGKILL
    paid = step is not Failpoint.BUYER_RESERVED
    assert till.code == (0 if paid else 75), till.out + till.err
    entry = shop.run("buyer", "history", "--json", **phone).object["history"][0]
    assert entry["outcome"] == "outcome-unknown"
    till, buyer = _purchase(shop, phone)
    assert (till.code, buyer.code) == (0, 0), till.err + buyer.err
    assert buyer.object["payer_id"] != entry["payer_id"]
    decisions = shop.run("home", "decisions", "--json").object["decisions"]
    assert [each["code"] for each in decisions] == ["paid"] * (2 if paid else 1)


def test_books_that_are_damaged_foreign_or_on_the_device_already_change_nothing(shop: Shop) -> None:
    env = {"BLED_DATA_DIR": str(shop.folder / "phone")}
    out, passphrase = shop.book()
    whole = out.read_bytes()
    bad = {
        "book-passphrase": whole[:-1] + bytes([whole[-1] ^ 1]),
        "book-damaged": whole[: len(whole) // 2],
        "book-version": whole[:8] + b"\x63" + whole[9:],
    }
    for code, data in bad.items():
        broken = shop.folder / f"{code}.book"
        broken.write_bytes(data)
        refused = shop.run("buyer", "import", str(broken), "--passphrase-file", str(passphrase), "--json", **env)
        assert refused.code == 65, refused.out + refused.err
        assert refused.object["outcome"] in {code, "book-damaged", "book-passphrase"}
        assert refused.object["money_moved"] == "no"
    assert shop.run("buyer", "status", "--json", **env).object == {"books": []}
    take = ("buyer", "import", str(out), "--passphrase-file", str(passphrase))
    assert shop.run(*take, **env).code == 0
    again = shop.run(*take, **env)
    assert again.code == 65
    assert "on the device already. Nothing was changed." in again.err
    assert len(shop.run("buyer", "status", "--json", **env).object["books"]) == 1


def test_a_book_that_cannot_be_written_is_never_issued(shop: Shop) -> None:
    issue = ("home", "issue", str(shop.folder / "no" / "such.book"), "--device", "x", "--budget", "1")
    assert shop.run(*issue).code == 78
    assert shop.run("home", "list", "--json").object == {"books": []}


def test_a_node_that_is_away_or_refuses_our_certificate_is_told_apart(shop: Shop) -> None:
    away = shop.run(*_CHARGE, BLED_NODE="127.0.0.1:1")
    assert (away.code, away.object["outcome"], away.object["safe_to_retry"]) == (69, "node-unreachable", True)
    other = shop.folder / "other"
    second = shop.start("sandbox", "run", "--json", "--data", str(other))
    assert second.stdout is not None
    second.stdout.readline()
    foreign = shop.run(*_CHARGE, BLED_CREDENTIALS=str(_credentials(other, shop)))
    assert (foreign.code, foreign.object["outcome"]) == (78, "node-tls")
    missing = shop.run(*_CHARGE, BLED_CREDENTIALS=str(shop.folder / "nowhere"))
    assert (missing.code, missing.object["outcome"]) == (78, "config-bad")
    assert "ca.pem" in missing.object["detail"]


def _credentials(other: os.PathLike[str], shop: Shop) -> os.PathLike[str]:
    found = next(path for path in sorted(shop.folder.glob("other/**/client.pem")))
    copy = shop.folder / "foreign"
    shutil.copytree(found.parent, copy, ignore=lambda _folder, names: [n for n in names if not n.endswith(".pem")])
    return copy


def test_home_commands_say_when_the_node_is_not_there(shop: Shop) -> None:
    gone = shop.run("home", "list", "--json", BLED_LIGHTNING_RPC=str(shop.folder / "no-socket"))
    assert (gone.code, gone.object["outcome"]) == (69, "home-unreachable")


def test_a_revoked_book_pays_nothing_and_the_till_can_be_stopped(shop: Shop) -> None:
    phone = shop.phone()
    assert shop.run("home", "revoke", "--book", "1").code == 0
    till, code = shop.charge("--json")
    buyer = shop.start(*_PAY, "--engage", code, **phone)
    for _ in range(200):
        decisions = shop.run("home", "decisions", "--json").object["decisions"]
        if decisions:
            break
        time.sleep(0.05)
    assert [each["code"] for each in decisions] == ["revoked"]
    till.send_signal(signal.SIGINT)
    ended(till)
    buyer.terminate()
    ended(buyer)
    assert shop.run("home", "budget", "1", "--json").object["spent_msat"] == 0


def test_a_device_without_a_book_is_not_visible_to_anybody(shop: Shop) -> None:
    empty = shop.run("buyer", "run", "--json", BLED_DATA_DIR=str(shop.folder / "empty"))
    assert (empty.code, empty.object["outcome"]) == (77, "no-grant-left")
    assert empty.err == ""

"""The plugin is killed between any two durable effects; after a restart exactly one payment was made, or none."""

import asyncio

import pytest

from bled.codes import Failpoint

pytestmark = pytest.mark.system

PAID_STEPS = [Failpoint.HOME_VERIFIED, Failpoint.HOME_CLAIMED, Failpoint.HOME_PAY_ANSWERED]


async def restarted(house, *, failpoint: str | None = None, startup: bool = False) -> None:
    await house.node.kill_plugin()
    assert await house.node.start_plugin(failpoint=failpoint, startup=startup) == {}


async def killed_at(house, step: Failpoint, *, passage: int = 1) -> bytes:
    """Bring an invoice to a plugin that dies at `step`, when it comes there for the `passage`th time; return it."""
    await restarted(house, failpoint=f"{step.value}:{passage}=kill")
    invoice = house.invoice(house.request())
    await house.node.send(
        "onion_message_recv_secret",
        {"onion_message": {"pathsecret": house.secret().hex(), "invoice": invoice.encode().hex()}},
    )
    assert await house.node.plugin_ended() == -9
    return invoice.encode()


@pytest.mark.parametrize("step", PAID_STEPS, ids=lambda step: step.value)
async def test_a_killed_plugin_pays_once_after_it_is_back(house, step) -> None:
    """The till goes on sending its invoice, as it does."""
    invoice = await killed_at(house, step)
    await restarted(house)
    for _ in range(3):
        await house.node.hook(invoice, house.secret())
    await house.node.decision("paid")
    assert len(house.node.xpay_calls) == 1
    assert sum(len(rows) for rows in house.node.rows.values()) == 1
    budget = await house.budget()
    assert (budget["spent_msat"], budget["reserved_msat"]) == (15_001, 0)


@pytest.mark.parametrize(
    ("step", "calls"), [(Failpoint.HOME_VERIFIED, 0), (Failpoint.HOME_CLAIMED, 1), (Failpoint.HOME_PAY_ANSWERED, 1)]
)
async def test_without_another_word_from_the_till_a_claim_is_brought_to_its_end(house, step, calls) -> None:
    await killed_at(house, step)
    await restarted(house)
    if calls:
        await house.node.decision("paid")
    claims = await house.node.claims()
    assert [claim["state"] for claim in claims] == ["paid"] * calls
    assert len(house.node.xpay_calls) == calls


@pytest.mark.parametrize(("step", "passage"), [(Failpoint.HOME_SENT, 1), (Failpoint.HOME_WITNESSED, 2)])
async def test_a_plugin_killed_before_it_asked_the_node_never_asks_and_frees_the_money(house, step, passage) -> None:
    """Nobody can tell any more whether the node was asked, so it never is; its records say what became of that."""
    invoice = await killed_at(house, step, passage=passage)
    await restarted(house, startup=False)
    await house.node.decision("outcome-unknown")
    assert (await house.budget())["reserved_msat"] == 20_150
    await restarted(house, startup=True)
    await house.node.decision("payment-failed")
    await house.node.hook(invoice, house.secret())
    await house.node.hook(house.invoice(house.request(), preimage=b"s" * 32).encode(), house.secret())
    await house.node.decision("payer-id-used")
    assert house.node.xpay_calls == []
    budget = await house.budget()
    assert (budget["spent_msat"], budget["reserved_msat"]) == (0, 0)


@pytest.mark.parametrize("step", [Failpoint.HOME_COMPARED, Failpoint.HOME_WITNESSED], ids=lambda step: step.value)
async def test_a_plugin_killed_while_it_starts_is_no_old_copy_afterwards(house, step) -> None:
    await house.node.kill_plugin()
    for _ in range(2):
        assert await house.node.start_plugin(failpoint=f"{step.value}=kill") == {}
        assert await house.node.plugin_ended() == -9
    assert await house.node.start_plugin() == {}
    await house.node.hook(house.invoice(house.request()).encode(), house.secret())
    await house.node.decision("paid")
    (book,) = (await house.node.ask("bled-list", {}))["books"]
    assert not book["revoked"]


@pytest.mark.parametrize("step", [Failpoint.HOME_REVOKED, Failpoint.HOME_WITNESSED], ids=lambda step: step.value)
async def test_a_plugin_killed_before_it_could_say_that_it_revoked_has_revoked(house, step) -> None:
    passage = 2 if step is Failpoint.HOME_WITNESSED else 1
    await restarted(house, failpoint=f"{step.value}:{passage}=kill")
    await house.node.send("bled-revoke", {"all": True})
    assert await house.node.plugin_ended() == -9
    assert await house.node.start_plugin() == {}
    await house.node.hook(house.invoice(house.request()).encode(), house.secret())
    refused = await house.node.decision("revoked")
    assert refused["payer_id"] == house.grant().payer_id.hex()
    assert house.node.xpay_calls == []


@pytest.mark.parametrize("step", [Failpoint.HOME_ISSUED, Failpoint.HOME_WITNESSED], ids=lambda step: step.value)
async def test_a_plugin_killed_while_it_issues_gives_no_number_twice(house, step) -> None:
    passage = 2 if step is Failpoint.HOME_WITNESSED else 1
    await restarted(house, failpoint=f"{step.value}:{passage}=kill")
    await house.node.send("bled-issue", {"device": "phone", "total_msat": 1_000_000})
    assert await house.node.plugin_ended() == -9
    assert await house.node.start_plugin() == {}
    lost = house.issued["book_id"] + 1
    assert (await house.issue())["book_id"] == lost + 1
    listed = (await house.node.ask("bled-list", {}))["books"]
    assert [(book["book_id"], book["used"], book["revoked"]) for book in listed][1] == (lost, 0, False)


async def test_a_second_invoice_after_the_crash_finds_the_payer_id_used(house) -> None:
    await killed_at(house, Failpoint.HOME_CLAIMED)
    await restarted(house)
    second = house.invoice(house.request(), preimage=b"s" * 32)
    await house.node.hook(second.encode(), house.secret())
    await house.node.decision("payer-id-used")
    await house.node.decision("paid")
    assert len(house.node.xpay_calls) == 1


async def test_a_part_that_is_under_way_is_waited_for_and_never_paid_again(house) -> None:
    """The plugin dies while the node is at it; the node goes on, and another plugin finds that."""
    asked = asyncio.Event()

    async def holds(params):
        house.node.part(params, "pending")
        asked.set()
        await asyncio.Event().wait()

    house.node.xpay = holds
    invoice = house.invoice(house.request())
    await house.node.hook(invoice.encode(), house.secret())
    await asked.wait()
    await restarted(house, startup=True)
    await house.node.decision("outcome-unknown")
    assert (await house.budget())["reserved_msat"] == 20_150
    house.node.completes(invoice.invoice_payment_hash)
    await house.node.decision("paid")
    assert len(house.node.xpay_calls) == 1


async def test_a_node_that_was_started_anew_and_knows_nothing_releases_the_claim(house) -> None:
    """The whole node died before the first part left: its records hold nothing, and nobody tries any more."""
    asked = asyncio.Event()

    async def dies(params):
        asked.set()
        await asyncio.Event().wait()

    house.node.xpay = dies
    await house.node.hook(house.invoice(house.request()).encode(), house.secret())
    await asked.wait()
    await restarted(house, startup=True)
    await house.node.decision("payment-failed")
    budget = await house.budget()
    assert (budget["spent_msat"], budget["reserved_msat"]) == (0, 0)
    assert len(house.node.xpay_calls) == 1


async def test_a_node_that_lives_on_keeps_the_claim_while_it_may_still_try(house) -> None:
    asked = asyncio.Event()

    async def thinks(params):
        asked.set()
        await asyncio.Event().wait()

    house.node.xpay = thinks
    await house.node.hook(house.invoice(house.request()).encode(), house.secret())
    await asked.wait()
    await restarted(house, startup=False)
    await house.node.decision("outcome-unknown")
    assert (await house.budget())["reserved_msat"] == 20_150
    assert len(house.node.xpay_calls) == 1


async def test_no_new_work_begins_before_old_claims_were_looked_at(house) -> None:
    await killed_at(house, Failpoint.HOME_PAY_ANSWERED)
    await house.node.close_socket()
    assert await house.node.start_plugin(startup=False) == {}
    second = house.invoice(house.request(1), preimage=b"s" * 32)
    await house.node.hook(second.encode(), house.secret(1))
    await house.node.ask("bled-list", {})
    assert len(await house.node.claims()) == 1
    await house.node.listen()
    await house.node.decisions(2, code="paid")
    assert {claim["index"] for claim in await house.node.claims()} == {0, 1}
    assert len(house.node.xpay_calls) == 2


async def test_killed_at_any_moment_no_payer_id_is_ever_paid_twice(house) -> None:
    """Not only at the steps: after a few milliseconds more each time, with all earlier invoices sent again."""
    invoices = [house.invoice(house.request(index), preimage=bytes([index + 1]) * 32).encode() for index in range(5)]
    for round_, wait in enumerate((0.0, 0.004, 0.008, 0.016, 0.032)):
        for index in range(round_ + 1):
            await house.node.send(
                "onion_message_recv_secret",
                {"onion_message": {"pathsecret": house.secret(index).hex(), "invoice": invoices[index].hex()}},
            )
        await asyncio.sleep(wait)
        await restarted(house, startup=True)
    for index, invoice in enumerate(invoices):
        await house.node.hook(invoice, house.secret(index))
    claims = await house.node.settled_claims(5)
    labels = [call["label"] for call in house.node.xpay_calls]
    assert len(labels) == len(set(labels))
    paid = {claim["payer_id"] for claim in claims if claim["state"] == "paid"}
    assert paid == {rows[0]["label"] for rows in house.node.rows.values()}
    assert all(len(rows) == 1 for rows in house.node.rows.values())
    budget = await house.budget()
    assert (budget["spent_msat"], budget["reserved_msat"]) == (15_001 * len(paid), 0)

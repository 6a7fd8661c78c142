"""What home's owner asks the plugin for: changed limits, devices revoked, payments proven, and how home is."""

import asyncio
import os
import shutil

import pytest

from bled.grants.book import decode_book
from bled.grants.key_request import encode_key_request
from bled.grants.statement import decode_statement
from bled.home.backup import master_of, words_of
from bled.home.master import read_master, restore_master
from bled_codec.chains import REGTEST_CHAIN
from bled_codec.crypto import SecretKey
from bled_codec.payer_proof import PayerProof

pytestmark = pytest.mark.system


async def _buy(house, index: int = 0, *, preimage: bytes = b"p" * 32):
    invoice = house.invoice(house.request(index), preimage=preimage)
    assert await house.node.hook(invoice.encode(), house.secret(index)) == "resolve"
    return invoice


async def test_a_book_gets_more_money_and_time_and_its_device_is_told_in_signed_words(house) -> None:
    book_id = house.issued["book_id"]
    topped = await house.node.ask("bled-top-up", {"book_id": book_id, "amount_msat": "500sat"})
    extended = await house.node.ask("bled-extend", {"book_id": book_id, "seconds": "30d"})
    assert topped["total_msat"] == 1_500_000
    assert extended["not_after"] == house.book.limits.not_after + 30 * 86_400
    assert (await house.budget())["remaining_msat"] == 1_500_000
    said = decode_statement(bytes.fromhex(extended["statement"]))
    assert (said.book_id, said.book_key, said.chain) == (book_id, house.book.book_key, REGTEST_CHAIN)
    assert (said.limits.total_msat, said.limits.not_after) == (1_500_000, extended["not_after"])
    again = await house.node.ask("bled-statement", {"book_id": book_id})
    assert decode_statement(bytes.fromhex(again["statement"])).limits == said.limits


async def test_a_payment_is_listed_with_its_merchant_and_fee_and_home_proves_it(house) -> None:
    invoice = await _buy(house)
    await house.node.decision("paid")
    (payment,) = (await house.node.ask("bled-payments", {}))["payments"]
    assert (payment["state"], payment["amount_msat"], payment["fee_msat"]) == ("paid", 15_000, 1)
    assert (payment["description"], payment["merchant_id"]) == ("two coffees", invoice.invoice_node_id.hex())
    assert payment["preimage"] == (b"p" * 32).hex()
    order = {"payment_hash": payment["payment_hash"], "note": "order 17"}
    proof = PayerProof.from_string((await house.node.ask("bled-proof", order))["proof"])
    assert (proof.invreq_payer_id, proof.invoice_payment_hash) == (
        invoice.invreq_payer_id,
        invoice.invoice_payment_hash,
    )
    assert (proof.invoice_amount, proof.proof_note) == (15_000, "order 17")


async def test_a_revoked_device_pays_nothing_more(house) -> None:
    revoked = await house.node.ask("bled-revoke", {"device": "phone"})
    assert revoked["revoked"] == [house.issued["book_id"]]
    await _buy(house)
    await house.node.decision("revoked")
    with pytest.raises(house.RpcError, match="revoked"):
        await house.node.ask("bled-top-up", {"book_id": house.issued["book_id"], "amount_msat": 1})


async def test_a_book_for_keys_of_the_device_pays_and_nobody_at_home_can_sign(house) -> None:
    keys = [SecretKey(os.urandom(32)) for _ in range(3)]
    request = encode_key_request(keys, device="wallet", made_at=house.now, aux=os.urandom(32))
    issued = await house.node.ask("bled-issue", {"total_msat": 1_000_000, "keys": request.hex()})
    assert (issued["device"], issued["ids"], issued["passphrase"]) == ("wallet", 3, None)
    house.issued, house.book = issued, decode_book(bytes.fromhex(issued["book"]), chain=REGTEST_CHAIN, now=house.now)
    assert [grant.payer_id for grant in house.book.grants] == [key.public_key for key in keys]
    invoice = house.invoice(house.request(1, signer=keys[1]))
    await house.node.hook(invoice.encode(), house.secret(1))
    await house.node.decision("paid")
    with pytest.raises(house.RpcError, match="made on the device"):
        await house.node.ask("bled-proof", {"payment_hash": invoice.invoice_payment_hash.hex()})
    single = {"payer_id": keys[2].public_key.hex(), "book_id": issued["book_id"]}
    assert (await house.node.ask("bled-revoke", single))["revoked"] == [single["payer_id"]]
    await house.node.hook(house.invoice(house.request(2, signer=keys[2]), preimage=b"q" * 32).encode(), house.secret(2))
    await house.node.decision("revoked")


async def test_a_home_that_lost_all_but_its_words_knows_what_it_paid_and_refuses_what_it_issued(house) -> None:
    state = house.node.folder / "bled-home"
    await _buy(house)
    await house.node.decision("paid")
    await house.node.kill_plugin()
    words = " ".join(words_of(read_master(state)))
    shutil.rmtree(state)
    restore_master(state, master_of(words))
    assert await house.node.start_plugin() == {}
    await house.node.decision("paid")
    (payment,) = (await house.node.ask("bled-payments", {}))["payments"]
    assert (payment["state"], payment["payer_id"]) == ("paid", house.grant(0).payer_id.hex())
    (lost,) = (await house.node.ask("bled-list", {}))["books"]
    assert (lost["book_id"], lost["revoked"], lost["remaining_msat"]) == (house.issued["book_id"], True, 0)
    await _buy(house, preimage=b"q" * 32)
    await _buy(house, 1, preimage=b"r" * 32)
    refused = await house.node.decisions(2, code="payer-id-not-issued")
    assert [each["payer_id"] for each in refused] == [house.grant(index).payer_id.hex() for index in (0, 1)]
    assert len(house.node.xpay_calls) == 1
    before, key = house.issued["book_id"], house.book.book_key
    assert (await house.issue())["book_id"] > before
    assert house.book.book_key == key


async def test_home_says_over_which_peers_messages_come_home(house) -> None:
    answer = await house.node.ask("bled-check", {})
    assert [peer["arrived"] for peer in answer["peers"]] == [True, True]
    assert (answer["problems"], answer["clock_in_step"], answer["has_labels"]) == ([], True, True)


async def test_several_books_ordered_at_once_wait_for_each_others_messages(house) -> None:
    order = {"device": "phone", "ids": 1, "total_msat": 1_000}
    answers = await asyncio.gather(*(house.node.ask("bled-issue", order) for _ in range(3)))
    assert len({answer["book_id"] for answer in answers}) == 3

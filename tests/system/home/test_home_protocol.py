"""The plugin as lightningd sees it: hooks that never fail, methods that explain themselves, an orderly end."""

import asyncio
import json
import subprocess
import sys

import pytest

from bled.grants.wrapping import unwrap_book

pytestmark = pytest.mark.system


async def test_the_manifest_asks_for_what_the_plugin_needs_and_no_more(house) -> None:
    manifest = house.node.manifest
    assert manifest["hooks"] == [{"name": "onion_message_recv_secret", "before": ["offers"]}]
    assert manifest["subscriptions"] == ["shutdown"]
    assert [method["name"] for method in manifest["rpcmethods"]] == [
        "bled-issue",
        "bled-revoke",
        "bled-list",
        "bled-budget",
        "bled-decisions",
        "bled-settle",
        "bled-trust-clock",
        "bled-extend",
        "bled-top-up",
        "bled-statement",
        "bled-payments",
        "bled-proof",
        "bled-check",
        "bled-claims",
    ]


async def test_the_hook_lets_everything_pass_that_is_not_ours(house) -> None:
    secret = bytes(32).hex()
    for params in (
        {},
        [],
        None,
        {"onion_message": None},
        {"onion_message": {"pathsecret": secret}},
        {"onion_message": {"pathsecret": secret, "invoice": "zz"}},
        {"onion_message": {"pathsecret": secret, "invoice": ""}},
        {"onion_message": {"pathsecret": secret, "invoice": "00" * 100_000}},
        {"onion_message": {"pathsecret": secret, "invoice": 7}},
        {"onion_message": {"pathsecret": "00", "invoice": "0000"}},
        {"onion_message": {"invoice": house.invoice(house.request()).encode().hex()}},
        {"onion_message": {"pathsecret": secret, "invoice_error": "05fd"}},
        {"onion_message": {"pathsecret": secret, "invoice_request": "0000"}},
    ):
        assert await house.node.ask("onion_message_recv_secret", params) == {"result": "continue"}
    assert (await house.node.ask("bled-decisions", {}))["decisions"] == []


async def test_the_hook_answers_before_anything_is_verified(house) -> None:
    """While the ledger is held and nothing can be claimed, the node still gets its answers at once."""
    invoice = house.invoice(house.request()).encode()
    answers = [
        await house.node.send(
            "onion_message_recv_secret",
            {"onion_message": {"pathsecret": house.secret().hex(), "invoice": invoice.hex()}},
        )
        for _ in range(20)
    ]
    for answer in await asyncio.gather(*answers):
        assert answer["result"] == {"result": "resolve"}
    await house.node.decision("paid")
    assert len(house.node.xpay_calls) == 1


async def test_methods_take_their_parameters_by_name_or_by_place(house) -> None:
    by_place = await house.node.ask("bled-budget", [house.issued["book_id"]])
    assert by_place == await house.budget()
    issued = await house.node.ask("bled-issue", ["tablet", 3, 50_000])
    assert (issued["device"], issued["ids"]) == ("tablet", 3)


MEANINGLESS = [
    ("bled-budget", {}),
    ("bled-budget", {"book_id": 99}),
    ("bled-budget", {"book_id": "one"}),
    ("bled-budget", {"book": 1}),
    ("bled-list", [1]),
    ("bled-revoke", {}),
    ("bled-revoke", {"book_id": 1, "all": True}),
    ("bled-revoke", {"all": False}),
    ("bled-revoke", {"book_id": 99}),
    ("bled-revoke", {"payer_id": "02" * 33}),
    ("bled-revoke", {"payer_id": "02"}),
    ("bled-revoke", {"payer_id": "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"}),
    ("bled-decisions", {"limit": 0}),
    ("bled-revoke", {"device": "nobody"}),
    ("bled-revoke", {"device": "phone", "all": True}),
    ("bled-extend", {"book_id": 1, "seconds": 0}),
    ("bled-extend", {"book_id": 99, "seconds": "30d"}),
    ("bled-extend", {"book_id": 1, "seconds": "4000d"}),
    ("bled-top-up", {"book_id": 1, "amount_msat": 0}),
    ("bled-top-up", {"book_id": 1, "amount_msat": "21000000btc"}),
    ("bled-statement", {"book_id": 99}),
    ("bled-payments", {"limit": 0}),
    ("bled-proof", {"payment_hash": "00" * 32}),
    ("bled-proof", {"payment_hash": "00"}),
    ("bled-issue", {"device": "phone", "total_msat": 1, "keys": "00"}),
    ("bled-issue", {"device": "phone"}),
    ("bled-issue", {"device": "", "total_msat": 1}),
    ("bled-issue", {"device": "two\nlines", "total_msat": 1}),
    ("bled-issue", {"device": "phone", "total_msat": 0}),
    ("bled-issue", {"device": "phone", "total_msat": -1}),
    ("bled-issue", {"device": "phone", "total_msat": 1.5}),
    ("bled-issue", {"device": "phone", "total_msat": True}),
    ("bled-issue", {"device": "phone", "total_msat": 1, "ids": 10_001}),
    ("bled-issue", {"device": "phone", "total_msat": 1, "ids": 9_999, "classes": ["2:1sat:7d"]}),
    ("bled-issue", {"device": "phone", "total_msat": 1, "classes": ["2:1:7d"]}),
    ("bled-issue", {"device": "phone", "total_msat": 1, "classes": ["2:1sat:31d"]}),
    ("bled-issue", {"device": "phone", "total_msat": 1, "valid_seconds": "soon"}),
    ("bled-issue", {"device": "phone", "total_msat": 1, "classes": []}),
    ("bled-issue", {"device": "phone", "total_msat": 1, "introductions": ["02"]}),
    ("bled-issue", {"device": "phone", "total_msat": 1, "introductions": ["02"] * 4}),
]


async def test_a_call_that_cannot_be_meant_is_explained_and_changes_nothing(house) -> None:
    before = await house.node.ask("bled-list", {})
    for method, params in MEANINGLESS:
        with pytest.raises(house.RpcError) as caught:
            await house.node.ask(method, params)
        assert caught.value.code == -32602, (method, params)
        assert caught.value.message.startswith("usage: ")
    assert await house.node.ask("bled-list", {}) == before


async def test_a_book_has_the_classes_and_the_introductions_that_were_asked_for(house) -> None:
    other = house.purchases.key("another peer").public_key
    await house.issue(
        ids=None,
        classes=[{"count": 3, "per_payment_msat": 20_000}, {"count": 1, "valid_seconds": 604_800}],
        introductions=[other.hex()],
        self_test=False,
        passphrase="correct horse battery staple and more",
    )
    small, large = house.book.limits.classes
    assert (small.first_index, small.count, small.per_payment_msat) == (0, 3, 20_000)
    assert (large.first_index, large.count, large.per_payment_msat) == (3, 1, 400_000)
    assert large.not_after - large.not_before == 604_800
    assert house.issued["passphrase"] == "correct horse battery staple and more"
    for grant in house.book.grants:
        assert [path.first_node_id for path in grant.invreq_paths] == [other]


async def test_classes_of_ids_come_after_the_ids_that_are_like_most(house) -> None:
    await house.issue(
        ids=3,
        total_msat="5000sat",
        per_payment_msat="50sat",
        valid_seconds="30d",
        classes=["2:2000sat:7d"],
    )
    limits = house.book.limits
    small, large = limits.classes
    assert (small.first_index, small.count, small.per_payment_msat) == (0, 3, 50_000)
    assert (large.first_index, large.count, large.per_payment_msat) == (3, 2, 2_000_000)
    assert (limits.total_msat, limits.per_payment_msat, limits.payments) == (5_000_000, 2_000_000, 5)
    assert (limits.not_after - limits.not_before, large.not_after - large.not_before) == (30 * 86_400, 7 * 86_400)
    assert house.issued["ids"] == len(house.book.grants) == 5


async def test_an_introduction_that_passes_nothing_on_is_not_put_into_a_book(house) -> None:
    other = house.purchases.key("another peer").public_key
    order = {"device": "phone", "total_msat": 1_000, "introductions": [other.hex()]}
    with pytest.raises(house.RpcError, match="passed no message on to home"):
        await house.node.ask("bled-issue", order)


async def test_a_book_leaves_home_only_under_its_passphrase(house) -> None:
    wrapped = bytes.fromhex(house.issued["book"])
    assert house.grant().secret.reveal() not in wrapped
    assert house.grant().secret.reveal() in unwrap_book(wrapped, passphrase=house.issued["passphrase"])


async def test_home_is_never_its_own_introduction(house) -> None:
    order = {"device": "phone", "total_msat": 1_000, "introductions": [house.purchases.HOME.public_key.hex()]}
    with pytest.raises(house.RpcError, match="home itself"):
        await house.node.ask("bled-issue", order)


async def test_a_node_that_cannot_be_asked_issues_nothing(house) -> None:
    await house.node.close_socket()
    with pytest.raises(house.RpcError, match="node-unreachable"):
        await house.node.ask("bled-issue", {"device": "phone", "total_msat": 1_000})
    assert len((await house.node.ask("bled-list", {}))["books"]) == 1


async def test_an_issued_book_outlives_a_crash(house) -> None:
    await house.node.kill_plugin()
    assert await house.node.start_plugin() == {}
    (book,) = (await house.node.ask("bled-list", {}))["books"]
    assert (book["book_id"], book["device"], book["ids"], book["used"]) == (house.issued["book_id"], "phone", 5, 0)
    await house.node.hook(house.invoice(house.request()).encode(), house.secret())
    await house.node.decision("paid")
    assert (await house.issue())["book_id"] == house.issued["book_id"]
    assert house.issued["book_id"] == book["book_id"] + 1


async def test_an_unknown_method_is_answered(house) -> None:
    with pytest.raises(house.RpcError) as caught:
        await house.node.ask("bled-nonsense", {})
    assert caught.value.code == -32601


async def test_the_plugin_ends_when_the_node_says_so(house) -> None:
    process = house.node._plugin
    process.stdin.write(b'{"jsonrpc":"2.0","method":"shutdown","params":{"shutdown":{}}}\n\n')
    assert await house.node.plugin_ended() == 0


async def test_the_plugin_ends_when_the_node_is_gone(house) -> None:
    house.node._plugin.stdin.close()
    assert await house.node.plugin_ended() == 0


async def test_no_secret_is_logged_in_a_whole_life(house) -> None:
    invoice = house.invoice(house.request())
    await house.node.hook(invoice.encode(), house.secret())
    await house.node.decision("paid")
    await house.node.hook(house.invoice(house.request(), preimage=b"s" * 32).encode(), house.secret())
    await house.node.decision("payer-id-used")
    master = (house.node.folder / "bled-home" / "master.secret").read_bytes()
    logged = json.dumps(house.node.logs)
    assert house.grant().payer_id.hex() in logged
    for secret in (master, house.secret(), b"p" * 32, b"s" * 32, house.grant().secret.reveal(), invoice.encode()):
        assert secret.hex() not in logged
    assert house.issued["passphrase"] not in logged
    assert "lni1" not in logged


async def test_what_the_plugin_keeps_is_for_its_owner_alone(house) -> None:
    folder = house.node.folder / "bled-home"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o077 for path in folder.iterdir()} == {0}
    assert len((folder / "master.secret").read_bytes()) == 32


def test_a_person_who_starts_the_plugin_is_told_who_should() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "bled.home.main"], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stdout) == (64, "")
    assert "lightningd" in ended.stderr

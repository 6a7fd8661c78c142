"""What is around the workers breaks: clocks, the database, the supervisor. Nothing is paid twice, and work goes on."""

import asyncio
import json
import os
import signal
import sys

import pytest

from bled.home.rows import ClaimState

pytestmark = pytest.mark.system


@pytest.mark.parametrize(("clock", "code"), [(-700, "request-without-expiry"), (400, "request-expired")])
async def test_a_worker_whose_clock_is_wrong_pays_nothing(serving, clean, clock, code) -> None:
    await serving.open()
    await serving.start_worker(clock=clock)
    serving.deliver(serving.invoice())
    await serving.until(lambda: code in serving.codes())
    assert clean(serving.audit(), paid=0)


async def test_a_clock_that_jumps_back_pays_nothing_until_the_owner_trusts_it(serving, clean) -> None:
    """One worker has shown a later time; what expired by that must not look fresh to the next."""
    await serving.open()
    ahead = await serving.start_worker(clock=3_600)
    await serving.until(lambda: serving.place.execute("SELECT 1 FROM meta WHERE name = 'latest_time'"))
    await serving.kill(ahead)
    await serving.start_worker()
    serving.deliver(serving.invoice())
    await serving.until(lambda: "clock-wrong" in serving.codes())
    assert serving.node.xpay_calls == []
    serving.ledger.trust_time(serving.now)
    serving.deliver(serving.invoice())
    (claim,) = await serving.quiet()
    assert claim.state is ClaimState.PAID
    assert clean(serving.audit(), paid=1)


async def test_a_database_that_is_started_anew_is_found_again(serving, clean) -> None:
    """The node is paying while every connection is cut; the same worker goes on with both."""
    asked, answered = asyncio.Event(), asyncio.Event()

    async def waits(params):
        asked.set()
        await answered.wait()
        return await serving.node.pays(params)

    serving.node.xpay = waits
    await serving.open()
    worker = await serving.start_worker()
    serving.deliver(serving.invoice())
    await asked.wait()
    await asyncio.to_thread(serving.place.cluster.stop)
    answered.set()
    await serving.until(lambda: "lost" in serving.logged())
    await asyncio.to_thread(serving.place.cluster.start)
    await serving.until(lambda: serving.logged().count("begins") == 2)
    serving.deliver(serving.invoice(1), 1)
    claims = await serving.quiet()
    assert [claim.state for claim in claims] == [ClaimState.PAID] * 2
    assert worker.returncode is None
    assert clean(serving.audit(), paid=2)


async def test_a_session_that_is_cut_gives_up_nothing_but_its_number(serving, clean) -> None:
    await serving.open()
    await serving.start_worker()
    for index in range(5):
        await serving.until(lambda wanted=index + 1: serving.logged().count("begins") == wanted)
        serving.place.execute("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'")
        serving.deliver(serving.invoice(index), index)
    await serving.quiet()
    await serving.until(lambda: len(serving.ledger.claims()) == 5)
    await serving.quiet()
    assert clean(serving.audit(), paid=5)


def _children(pid: int) -> list[int]:
    with open(f"/proc/{pid}/task/{pid}/children") as file:  # noqa: PTH123
        return [int(word) for word in file.read().split()]


async def test_the_command_keeps_its_workers_running_and_names_no_password(serving, clean) -> None:
    await serving.open()
    url = serving.place.url.replace("bled@", "bled:geheim@")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("BLED_")}
    command = ["-c", "from bled.cli.main import main; main()", "home", "serve", "--workers", "2"]
    settings = {"BLED_DATABASE": url, "BLED_LIGHTNING_RPC": str(serving.node.rpc)}
    supervisor = await asyncio.create_subprocess_exec(
        sys.executable, *command, stderr=serving.log, stdout=serving.log, env=environment | settings
    )
    serving.workers.append(supervisor)
    await serving.until(lambda: serving.logged().count("begins") == 2)
    children = _children(supervisor.pid)
    assert len(children) == 2
    for pid in children:
        with open(f"/proc/{pid}/cmdline", "rb") as line:  # noqa: PTH123, ASYNC230
            assert b"geheim" not in line.read()
    os.kill(children[0], signal.SIGKILL)
    await serving.until(lambda: serving.logged().count("begins") == 3)
    serving.deliver(serving.invoice())
    await serving.quiet()
    assert clean(serving.audit(), paid=1)
    supervisor.send_signal(signal.SIGTERM)
    await serving.ended(supervisor)
    await serving.until(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in children))  # noqa: PTH110
    assert "geheim" not in serving.logged()


async def test_workers_end_with_a_supervisor_that_was_killed(serving) -> None:
    await serving.open()
    worker = await serving.start_worker()
    await serving.until(lambda: "begins" in serving.logged())
    worker.stdin.close()
    assert await serving.ended(worker) == 0


async def test_a_node_that_keeps_no_labels_is_refused(serving) -> None:
    serving.node.version = "v26.04"
    await serving.open()
    orders = {"database": serving.place.url, "rpc": str(serving.node.rpc), "state": str(serving.folder / "bled-home")}
    assert await serving.ordered(json.dumps(orders | {"any_clock": True}).encode() + b"\n") == 78
    assert "workers need v26.06" in serving.logged()


async def test_a_worker_without_orders_says_how_it_is_started(serving) -> None:
    await serving.open()
    assert await serving.ordered(b"nonsense\n") == 78
    assert "started by" in serving.logged()


@pytest.mark.parametrize(
    ("url", "status"),
    [
        ("postgresql://u:geheim@[x/y", 78),
        ("mysql://u:geheim@x/y", 78),
        ("postgresql://u:geheim@/no?host=/nowhere", 69),
    ],
)
async def test_an_address_that_is_none_or_does_not_answer_is_told_without_its_password(serving, url, status) -> None:
    await serving.open()
    orders = {"database": url, "rpc": str(serving.node.rpc), "state": str(serving.folder / "bled-home")}
    assert await serving.ordered(json.dumps(orders | {"any_clock": True}).encode() + b"\n") == status
    assert "geheim" not in serving.logged()


async def test_an_old_copy_of_the_database_pays_nothing_that_was_paid(serving, clean) -> None:
    """Restored from before the purchase: no claim, an older generation, and the till comes with a second invoice."""
    await serving.open()
    worker = await serving.start_worker()
    request = serving.request()
    serving.deliver(serving.invoice(request=request))
    await serving.quiet()
    await serving.kill(worker)
    serving.place.put_back()
    await serving.start_worker()
    serving.deliver(serving.invoice(request=request, preimage=b"s" * 32))
    await serving.until(lambda: "revoked" in serving.codes() or "payer-id-used" in serving.codes())
    await serving.until(lambda: serving.waiting() == 0)
    assert serving.ledger.book(1).revoked_at is not None
    assert len(serving.node.xpay_calls) == 1
    await serving.quiet()
    assert clean(serving.audit(), paid=1)

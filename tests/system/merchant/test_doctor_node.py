"""`bled doctor node`: what it finds at a node that is well, at one that is not, and how the self-test travels."""

import asyncio
import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bled.clock import SystemClock
from bled.findings import Finding, Level
from bled.node.cln_credentials import load_credentials
from bled.node.doctor import examine
from bled.node.opening import NodeFiles
from bled.proxy.caps import Caps
from bled.proxy.offers import OfferBook
from bled.proxy.server import NodeProxy
from bled.proxy.tills import Tills
from bled.sandbox.lnd_macaroons import ADMIN, TILL
from bled_codec.units import Msat

from .stage import Shop, open_shop

pytestmark = pytest.mark.system
NOW = datetime.now(UTC)


@pytest.fixture
def shop(any_shop: Shop) -> Shop:
    return any_shop


async def found(shop: Shop, *, now: datetime = NOW) -> dict[str, Finding]:
    return {finding.about: finding for finding in await examine(shop.address, shop.files, now=now)}


async def test_a_node_that_is_well_has_no_problem_and_its_message_comes_back_through_its_peer(shop: Shop) -> None:
    findings = await found(shop)
    assert not [finding for finding in findings.values() if finding.level is Level.PROBLEM]
    echo = findings["onion message to itself"]
    assert echo.level is Level.GOOD
    assert shop.hop.node_id.hex()[:16] in echo.detail
    assert "regtest" in findings["node"].detail
    assert not shop.is_open()


async def test_the_flow_is_named(shop: Shop) -> None:
    flow = (await found(shop))["flow"].detail
    assert flow.startswith("direct" if shop.kind == "cln" else "push")


async def test_a_private_node_says_so(tmp_path: Path) -> None:
    async with open_shop(tmp_path, private=True) as shop:
        findings = await found(shop)
        assert findings["flow"].detail.startswith("private")
        assert findings["onion message to itself"].level is Level.GOOD


async def test_a_certificate_that_ends_soon_or_has_ended_is_told(shop: Shop) -> None:
    about = "the till's certificate" if shop.kind == "cln" else "the node's certificate"
    assert (await found(shop))[about].level is Level.GOOD
    assert (await found(shop, now=NOW + timedelta(days=3640)))[about].level is Level.ADVICE
    assert (await found(shop, now=NOW + timedelta(days=3660)))[about].level is Level.PROBLEM


async def test_a_node_without_a_peer_is_a_problem(shop: Shop) -> None:
    shop.merchant.disconnect_peer(shop.hop.node_id, force=True)
    findings = await found(shop)
    assert findings["node"].level is Level.PROBLEM
    assert findings["onion message to itself"].level is not Level.GOOD


async def test_a_peer_that_brings_nothing_back_is_told(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"bled.node.{shop.kind}_echo.PATIENCE_SECONDS", 0.3)

    async def drop(*_: object) -> None:
        pass

    monkeypatch.setattr(shop.hop, "receive_onion", drop)
    echo = (await found(shop))["onion message to itself"]
    assert echo.level is Level.ADVICE
    assert "1 other peers did not bring it back" in echo.detail


async def test_a_node_that_is_away_is_one_problem(shop: Shop) -> None:
    await shop.server.stop()
    findings = await found(shop)
    assert findings["connection"].level is Level.PROBLEM
    assert findings["connection"].fix


async def test_core_lightnings_own_certificate_is_full_power(cln_shop: Shop) -> None:
    power = (await found(cln_shop))["power of this till"]
    assert power.level is Level.ADVICE
    assert "empty the node" in power.detail
    assert "node-proxy" in power.fix[0]


async def test_a_till_behind_the_node_proxy_has_all_it_needs_and_no_power(cln_shop: Shop, tmp_path: Path) -> None:
    tills = Tills(tmp_path / "proxy")
    tills.add("kiosk", tmp_path / "kiosk")
    caps = Caps.open(tmp_path / "caps.sqlite", per_day=Msat(0))
    proof = load_credentials(cln_shop.credentials)
    offers = OfferBook.open(tmp_path / "offers.sqlite")
    proxy = NodeProxy(cln_shop.target, proof, tills=tills, caps=caps, offers=offers, clock=SystemClock())
    try:
        address = await proxy.start("127.0.0.1:0")
        files = NodeFiles(folder=tmp_path / "kiosk", state=tmp_path / "till")
        findings = {finding.about: finding for finding in await examine(address, files, now=NOW)}
    finally:
        await proxy.stop()
        caps.close()
        offers.close()
    assert {finding.level for finding in findings.values()} == {Level.GOOD}
    assert "node-proxy" in findings["power of this till"].detail


async def test_a_macaroon_for_a_till_alone_is_praised_and_the_owners_is_not(tmp_path: Path) -> None:
    async with open_shop(tmp_path, kind="lnd") as shop:
        assert (await found(shop))["power of this till"].level is Level.GOOD
        admin = (shop.credentials / ADMIN).read_bytes()
        (shop.credentials / TILL).write_bytes(admin)
        power = (await found(shop))["power of this till"]
        assert (power.level, "empty the node" in power.detail) == (Level.ADVICE, True)
        assert power.fix[0].startswith("lncli bakemacaroon")


async def test_a_macaroon_that_allows_too_little_is_a_problem_before_the_node_says_so(tmp_path: Path) -> None:
    async with open_shop(tmp_path, kind="lnd") as shop:
        baked = shop.server.macaroons.bake({"uri": ("/lnrpc.Lightning/GetInfo",)})
        (shop.credentials / TILL).write_bytes(baked)
        findings = await found(shop)
        assert "AddInvoice" in findings["macaroon"].detail
        assert findings["node"].level is Level.PROBLEM
        assert "permission denied" in findings["node"].detail


async def test_the_command_prints_one_object_and_exits_with_0(shop: Shop) -> None:
    arguments = ["doctor", "node", "--node", shop.address, "--credentials", str(shop.credentials)]
    command = [sys.executable, "-c", "from bled.cli.main import main; main()", *arguments]
    run = [*command, "--data", str(shop.folder / "data"), "--json"]
    result = await asyncio.to_thread(
        subprocess.run, run, capture_output=True, text=True, check=False, env=dict(os.environ)
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert json.loads(result.stdout)["usable"] is True


BLED = [sys.executable, "-c", "from bled.cli.main import main; main()"]


async def test_the_command_node_proxy_serves_a_till_that_the_doctor_finds_without_power(cln_shop: Shop) -> None:
    """With the address as `bled sandbox run` and bled.toml write it."""
    data = ["--data", str(cln_shop.folder / "proxy")]
    await said("node-proxy", "add", "kiosk", str(cln_shop.folder / "kiosk"), *data)
    node = ["--node", cln_shop.address, "--credentials", str(cln_shop.credentials)]
    arguments = [*BLED, "node-proxy", "run", *node, "--listen", "127.0.0.1:0", *data]
    proxy = await asyncio.create_subprocess_exec(*arguments, stderr=asyncio.subprocess.PIPE)
    try:
        async with asyncio.timeout(60):
            line = (await proxy.stderr.readline()).decode()
        address = line.removeprefix("Tills may call ").partition(". ")[0]
        credentials = ["--credentials", str(cln_shop.folder / "kiosk"), "--data", str(cln_shop.folder / "till")]
        report = json.loads(await said("doctor", "node", "--node", address, *credentials, "--json"))
    finally:
        proxy.terminate()
        await proxy.communicate()
    assert report["usable"] is True
    assert "Limited by bled node-proxy" in json.dumps(report)


async def said(*arguments: str) -> str:
    process = await asyncio.create_subprocess_exec(*BLED, *arguments, stdout=asyncio.subprocess.PIPE)
    out, _ = await process.communicate()
    assert process.returncode == 0
    return out.decode()


def test_a_proxy_for_lnd_is_refused_with_what_to_do_instead(tmp_path: Path) -> None:
    arguments = ["node-proxy", "run", "--node", "lnd://127.0.0.1:1", "--credentials", str(tmp_path)]
    run = subprocess.run([*BLED, *arguments], capture_output=True, text=True, check=False)
    assert run.returncode == 78
    assert "bake the till a macaroon" in run.stderr

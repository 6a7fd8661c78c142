"""What "paid" is worth: the program's whole driver and a second implementation judge every proof alike."""

import asyncio
import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bled.gatt.messages import OfferMessage, encode_message
from bled.vault import vault as vault_module
from bled.vault.vault import Vault

from . import machines, make_proofs, second_invoice, second_session
from .rigs import DeviceRig, StillLoop, make_vault, settle
from .second_wire import read_message

FOLDER = Path(__file__).parent
FILE = json.loads((FOLDER / "proofs.json").read_text(encoding="utf-8"))
every_status = pytest.mark.parametrize(
    "case", [pytest.param(case, id=f"{case['purchase']}: {case['name']}") for case in FILE["statuses"]]
)


def test_the_program_makes_the_committed_file() -> None:
    for name, content in make_proofs.make().items():
        assert (FOLDER / name).read_text(encoding="utf-8") == make_proofs.text(content)


@every_status
def test_the_second_implementation_judges_a_proof_alike(case: dict[str, Any]) -> None:
    purchase = FILE["purchases"][case["purchase"]]
    device = second_session.Device(chain=bytes.fromhex(FILE["chain"]), clock=FILE["clock"])
    device.take({"is": "offer", "valid_for": 300, "offer": purchase["offer"]})
    device.approve(purchase["request"])
    device.disk_takes = is_written = case.get("is_written", True)
    said = device.hear(bytes.fromhex(case["hears"]))
    assert (said, device.closed, device.state) == (case["answers"], case["closes"], case["next"])
    status = read_message(bytes.fromhex(case["hears"]))
    assert second_invoice.told_of(status, bytes.fromhex(purchase["request"]), is_written=is_written) == case["told"]


@pytest.fixture(scope="module")
def fresh(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("device") / "fresh"
    make_vault(folder)
    return folder


@every_status
def test_the_devices_driver_tells_so(
    fresh: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: dict[str, Any]
) -> None:
    monkeypatch.setattr(vault_module, "os", SimpleNamespace(urandom=bytes))  # so that the request is the file's
    shutil.copytree(fresh, tmp_path / "vault")
    purchase = FILE["purchases"][case["purchase"]]
    offer = encode_message(OfferMessage(valid_for=300, offer=bytes.fromhex(purchase["offer"])))

    async def test(vault: Vault) -> None:
        rig = DeviceRig(vault)
        await rig.begin("SENT", opening=offer)
        assert [machines.word(said) for said in rig.said] == [{"is": "invreq", "request": purchase["request"]}]
        rig.said.clear()
        if not case.get("is_written", True):
            vault._store.run("PRAGMA query_only = ON")  # as a worn disk does
        rig.link.bring(bytes.fromhex(case["hears"]))
        await settle()
        assert [machines.word(said) for said in rig.said] == case["answers"]
        assert (rig.link.closed, rig.state) == (case["closes"], case["next"])
        told = await rig.running
        assert told.code.value == case["told"]
        assert (told.preimage is not None) is (case["told"] == "paid")
        (kept,) = vault.history()
        assert kept.proven is (case["told"] == "paid")

    with Vault.open(tmp_path / "vault") as vault, asyncio.Runner(loop_factory=StillLoop) as runner:
        runner.run(test(vault))


def test_every_verdict_has_its_cases() -> None:
    assert {case["told"] for case in FILE["statuses"]} == {
        "paid",
        "proof-mismatch",
        "paid-unproven",
        "not-confirmed",
        "outcome-unknown",
    }

"""`bled bench home`: what it measures and how it reports, and that no number of issued ids makes a purchase dear."""

import json
from collections import Counter
from collections.abc import Callable

import pytest
from typer.testing import CliRunner

from bled.bench import home_samples as samples
from bled.bench import samples as codec_samples
from bled.bench.codec_cases import shared_tree_hashes
from bled.bench.home import ISSUED, Report, run_home_bench, verification
from bled.bench.home_floor import counts_of
from bled.cli.bench import app
from bled.grants import metadata, sealing
from bled_codec import crypto, merkle
from bled_codec.invoice import create_invoice
from bled_codec.request_signature import RequestSignature


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    return run_home_bench(seconds=0.05, folder=tmp_path_factory.mktemp("bench"))


def test_verifying_and_claiming_are_measured_against_their_floors(report: Report) -> None:
    floor = report.floor
    assert set(floor.costs) == set(floor.counts) == {"verify", "point", "hash", "key", "mac", "siv"}
    assert 0 < floor.schnorr < floor.signatures < floor.whole
    assert floor.others > 0
    assert 1 < report.verify_ratio < 3, "even on a busy machine"
    assert 1 < report.least_signatures_ratio < report.signatures_ratio
    assert min(report.fsync, report.claim) > 0


class CountedHash:
    """A hash that has taken in its tag; each copy of it is one hash more."""

    def __init__(self, state: object, done: Counter[str]) -> None:
        self._state, self._done = state, done

    def copy(self) -> object:
        self._done["hash"] += 1
        return self._state.copy()


def count_what_libraries_do(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Return what will be done from now on, by the names of the floor."""
    done: Counter[str] = Counter()

    def counted(name: str, function: Callable[..., object]) -> Callable[..., object]:
        def call(*args: object, **kwargs: object) -> object:
            done[name] += 1
            return function(*args, **kwargs)

        return call

    def new_tag(tag: bytes) -> CountedHash:
        done["hash"] += 2  # the tag's own, and that of its 64 bytes
        return CountedHash(crypto.tag_state(tag), done)

    signature_state = merkle._signature_state
    monkeypatch.setattr(merkle, "_LEAF", CountedHash(merkle._LEAF, done))
    monkeypatch.setattr(merkle, "_BRANCH", CountedHash(merkle._BRANCH, done))
    monkeypatch.setattr(merkle, "_signature_state", lambda *names: CountedHash(signature_state(*names), done))
    monkeypatch.setattr(merkle, "tag_state", new_tag)
    monkeypatch.setattr(crypto.PublicKeyXOnly, "verify", counted("verify", crypto.PublicKeyXOnly.verify))
    monkeypatch.setattr(crypto, "PublicKeyXOnly", counted("point", crypto.PublicKeyXOnly))
    monkeypatch.setattr(crypto.PublicKey, "from_secret", counted("key", crypto.PublicKey.from_secret))
    monkeypatch.setattr(metadata, "hmac_sha256", counted("mac", metadata.hmac_sha256))
    monkeypatch.setattr(sealing.SivKey, "open", counted("siv", sealing.SivKey.open))
    return done


def test_home_does_each_costly_thing_as_often_as_the_floor_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """What lies between verification and its floor is Python alone: nothing is computed twice, and nothing left out."""
    verify = verification(1)
    verify()  # what is kept for good is made
    (purchase,) = samples.purchases(book_id=1, first_index=0, count=1)
    floor = counts_of(purchase.invoice)
    done = count_what_libraries_do(monkeypatch)
    verify()
    assert done == floor


@pytest.mark.parametrize("experiments", [0, 1, 2, 5])
def test_what_field_239_hashes_beside_its_invoice_is_counted(monkeypatch, experiments: int) -> None:
    request = codec_samples.request(extra=experiments)
    fields = {"payment_hash": bytes(32), "created_at": samples.NOW, "node_id": codec_samples.ISSUER.public_key}
    sample = codec_samples.invoice()
    made = create_invoice(
        request,
        amount=request.invreq_amount,
        paths=sample.invoice_paths,
        blindedpay=sample.invoice_blindedpay,
        **fields,
    ).sign(codec_samples.ISSUER, aux=codec_samples.AUX)
    assert made.request_signature is RequestSignature.VALID
    done = count_what_libraries_do(monkeypatch)
    assert made.request_signature is RequestSignature.VALID
    assert done == {"hash": shared_tree_hashes(made.records), "verify": 1}


def test_ten_million_issued_ids_cost_what_a_thousand_do_and_are_not_stored(report: Report) -> None:
    assert [each.issued for each in report.growth] == list(ISSUED)
    assert report.growth_ratio < 2, "even on a busy machine"
    assert all(each.stored_bytes < 100 for each in report.growth)
    assert report.growth[-1].stored_bytes < 0.01


def test_the_command_says_what_it_measured(tmp_path) -> None:
    told = CliRunner().invoke(app, ["home", "--seconds", "0.02", "--folder", str(tmp_path), "--json"])
    assert told.exit_code == 0, told.output
    found = json.loads(told.stdout)
    verify = found["verify"]
    assert 1 < verify["ratio"] < verify["ratio_to_signatures"] < verify["ratio_to_schnorr"]
    assert 1 < verify["least_ratio_to_signatures"] < verify["ratio_to_signatures"]
    assert found["floor_counts"]["verify"] == 2
    assert [each["ids"] for each in found["issued"]] == list(ISSUED)
    assert set(found["met"]) == {"verify", "growth", "stored"}
    plain = CliRunner().invoke(app, ["home", "--seconds", "0.02", "--folder", str(tmp_path)])
    assert "10,000,000 ids issued" in plain.stdout

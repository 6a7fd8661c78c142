"""Whatever copy of home's ledger is put back: a payer id is paid once, and what was revoked stays revoked."""

import importlib.util
import shutil
import sys
import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from bled.errors import Refused
from bled.home.ledger import Ledger
from bled.home.policy import VerifiedInvoice, verify_invoice

_PATH = Path(__file__).parents[2] / "unit" / "home" / "purchases.py"
_SPEC = importlib.util.spec_from_file_location("tests_home_purchases_copies", _PATH)
assert _SPEC is not None
assert _SPEC.loader is not None
sys.modules[_SPEC.name] = shop = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(shop)

IN_MEMORY = next((path for path in (Path("/dev/shm"),) if path.is_dir()), None)  # noqa: S108 - what is fast to sync
IDS = 2
HOME = shop.Purchases(ids=IDS)
_made: dict[tuple[int, int], VerifiedInvoice] = {}


def purchase(index: int, preimage: int) -> VerifiedInvoice:
    """Return the verified invoice of a purchase; each is made once, curve arithmetic is slow."""
    if (index, preimage) not in _made:
        made = shop.invoice(shop.request(HOME.grant(index)), preimage=bytes([preimage]) * 32)
        _made[index, preimage] = verify_invoice(
            made.encode(),
            secret=HOME.secret(index),
            keys=HOME.keys,
            chain=shop.REGTEST_CHAIN,
            find_book={1: HOME.row}.get,
            now=shop.NOW,
        )
    return _made[index, preimage]


class Copies(RuleBasedStateMachine):
    """One home whose owner puts old copies back. The node keeps a number, and shows no payment of its own in time."""

    def __init__(self) -> None:
        super().__init__()
        self.root = tempfile.TemporaryDirectory(dir=IN_MEMORY)
        self.folder, self.copy = Path(self.root.name) / "home", Path(self.root.name) / "copy"
        self.folder.mkdir()
        self.kept = 0
        self.asked: set[bytes] = set()
        self.revoked: set[bytes] = set()

    def start(self) -> None:
        self.ledger = Ledger.open(self.folder, book_key=HOME.keys.book_key.public_key[1:])
        self.ledger.begin_generation(kept=self.kept, now=shop.NOW)
        self.keep()

    def keep(self) -> None:
        self.kept = max(self.kept, self.ledger.generation())

    @initialize()
    def issue(self) -> None:
        self.start()
        row = HOME.row
        self.ledger.add_book(
            salt=row.salt,
            device=row.device,
            home_label=row.home_label,
            issued_at=row.issued_at,
            ids=row.ids,
            limits=row.limits,
        )
        self.keep()

    @rule(
        index=st.integers(0, IDS - 1),
        second=st.booleans(),
        dies=st.sampled_from(["", "", "", "", "claimed", "sent"]),
        before=st.booleans(),
    )
    def buy(self, index: int, second: bool, dies: str, before: bool) -> None:
        """Pay one of a request's two invoices; the process may die after the claim, or before the node was asked."""
        if before:
            self.take_a_copy()
        verified = purchase(index, 1 + 2 * index + second)
        payer_id = verified.invoice.invreq_payer_id
        try:
            claimed = self.ledger.claim(verified, now=shop.NOW)
            if dies == "claimed":
                return
            self.ledger.begin_payment(claimed.claim.payer_id, now=shop.NOW)
        except Refused:
            return
        if dies == "sent":
            return
        self.keep()
        assert payer_id not in self.asked, "one payer id, two payments"
        assert payer_id not in self.revoked, "paid after it was revoked"
        self.asked.add(payer_id)

    @rule(index=st.integers(0, IDS - 1), really=st.sampled_from([False, False, False, True]))
    def revoke(self, index: int, really: bool) -> None:
        if not really:
            return
        payer_id = HOME.grant(index).payer_id
        self.ledger.revoke_id(payer_id, book_id=1, now=shop.NOW)
        self.keep()
        self.revoked.add(payer_id)

    @rule()
    def restart(self) -> None:
        self.ledger.close()
        self.start()

    @rule()
    def take_a_copy(self) -> None:
        shutil.rmtree(self.copy, ignore_errors=True)
        shutil.copytree(self.folder, self.copy)

    @precondition(lambda self: self.copy.exists())
    @rule(starts=st.integers(0, 3))
    def put_the_copy_back(self, starts: int) -> None:
        """It may be started a few times while the node cannot be asked; then nothing is compared."""
        self.ledger.close()
        shutil.rmtree(self.folder)
        shutil.copytree(self.copy, self.folder)
        for _ in range(starts):
            lonely = Ledger.open(self.folder, book_key=HOME.keys.book_key.public_key[1:])
            lonely.revoke_id(HOME.grant(IDS - 1).payer_id, book_id=1, now=shop.NOW)
            lonely.close()
        self.start()

    def teardown(self) -> None:
        self.ledger.close()
        self.root.cleanup()


Copies.TestCase.settings = settings(max_examples=60, stateful_step_count=20, deadline=None)
TestCopies = Copies.TestCase

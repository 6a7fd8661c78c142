"""Whole sessions as ATT PDUs: the program makes them again, either side alone keeps to them, a second one agrees."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bled.gatt.channel import PlainChannel
from bled.gatt.engagement import Engagement, OpenMeeting
from bled.gatt.primitives import X25519Key
from bled.link.base import LinkStats
from bled.link.framed import FramedLink
from bled.link.handshaking import be_greeted, greet
from bled.progress import ignore_steps
from bled_codec.invoice import Invoice
from bled_codec.offer import Offer

from . import make_sessions, second_att

FOLDER = Path(__file__).parent
FILE = json.loads((FOLDER / "sessions.json").read_text(encoding="utf-8"))
every_session = pytest.mark.parametrize("case", [pytest.param(case, id=case["name"]) for case in FILE["sessions"]])
SECONDS = 20.0


def test_the_program_makes_the_committed_transcripts_from_its_entropy() -> None:
    for name, content in make_sessions.make().items():
        assert (FOLDER / name).read_text(encoding="utf-8") == make_sessions.text(content)


def test_the_second_implementation_knows_nothing_of_the_first() -> None:
    for name in ("second.py", "second_att.py", "second_wire.py"):
        text = (FOLDER / name).read_text(encoding="utf-8")
        assert "import bled" not in text
        assert "from bled" not in text


@every_session
def test_the_second_implementation_makes_every_pdu(case: dict[str, Any]) -> None:
    pdus, code = second_att.replay(case)
    assert [(sender, pdu.hex()) for sender, pdu in pdus] == [(pdu["from"], pdu["pdu"]) for pdu in case["pdus"]]
    assert code == case["compare_code"]


def test_the_sizes_that_the_profile_asks_for_are_there() -> None:
    assert {case["att_mtu"] for case in FILE["sessions"]} == {23, 185, 517}
    for case in FILE["sessions"]:
        longest = max(len(pdu["value"]) // 2 for pdu in case["pdus"] if "value" in pdu)
        assert longest == min(case["att_mtu"] - 5, 495)
        assert max(len(pdu["pdu"]) // 2 for pdu in case["pdus"]) <= case["att_mtu"]


def test_the_purchase_is_one_that_bolt_12_allows() -> None:
    purchase = FILE["purchase"]
    offer, invoice = (bytes.fromhex(purchase[name]) for name in ("offer", "invoice"))
    assert Offer.decode(offer).string == purchase["offer_string"]
    assert Invoice.decode(invoice).invoice_payment_hash.hex() == purchase["payment_hash"]


class Tape:
    """The other side of a connection: the values of a transcript, each given when the ones before it have left."""

    peer = "a transcript"
    stats = LinkStats(att_pdus=0, bytes_on_air=0)

    def __init__(self, case: dict[str, Any], side: str) -> None:
        self.att_mtu = case["att_mtu"]
        self._side = side
        self._left = [pdu for pdu in case["pdus"] if pdu.get("role") in ("M2B", "B2M")]
        self.take: Callable[[bytes], None] = lambda frame: None

    async def write(self, frame: bytes, *, last: bool) -> None:
        """Take what the transcript has next, and nothing else."""
        pdu = self._left.pop(0)
        assert (pdu["from"], pdu["value"]) == (self._side, frame.hex())
        assert pdu["opcode"] == (0x1B if self._side == "device" else 0x12 if last else 0x52)
        self.play()

    def play(self) -> None:
        """Bring what the other side says until it is this one's turn."""
        while self._left and self._left[0]["from"] != self._side:
            self.take(bytes.fromhex(self._left.pop(0)["value"]))

    @property
    def is_over(self) -> bool:
        """Whether everything was said."""
        return not self._left

    async def close(self) -> None:
        """Nothing is left open."""


class _Entropy:
    def __init__(self, text: str) -> None:
        self._left = bytes.fromhex(text)

    def __call__(self, length: int) -> bytes:
        drawn, self._left = self._left[:length], self._left[length:]
        return drawn


def _meeting(plain: dict[str, str]) -> OpenMeeting | Engagement:
    if plain["kind"] == "open":
        return OpenMeeting()
    return Engagement(secret=bytes.fromhex(plain["secret"]), fingerprint=bytes.fromhex(plain["fingerprint"]))


@every_session
@pytest.mark.parametrize("side", ["till", "device"])
async def test_either_side_alone_says_and_hears_what_the_transcript_has(case: dict[str, Any], side: str) -> None:
    tape = Tape(case, side)
    link = FramedLink(tape, channel=PlainChannel(), on_step=ignore_steps)
    tape.take = link.take_frame
    messages = [(pdu["from"], bytes.fromhex(pdu["message"])) for pdu in case["pdus"] if "message" in pdu]
    entropy, meeting = _Entropy(case[side]["entropy"]), _meeting(case["meeting"])
    if side == "till":
        static = X25519Key(bytes.fromhex(case["till"]["static"]))
        secured = await greet(
            link, static=static, meeting=meeting, message=messages[0][1], before_hs3=lambda _: None, entropy=entropy
        )
    else:
        tape.play()
        opening, secured = await be_greeted(link, meeting=meeting, before_hs2=lambda: None, entropy=entropy)
        assert opening == messages[0][1]
    assert secured.code == case["compare_code"]
    for sender, message in messages[1:]:
        if sender == side:
            await link.send(message)
        else:
            assert await link.receive(seconds=SECONDS) == message
    assert tape.is_over
    link.lose("the transcript is over")
    await link.close()

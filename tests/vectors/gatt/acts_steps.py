"""The steps of which the scripts of acts.json are made."""

from bled.gatt.vocabulary import OfferMessage, StatusAck, StatusCode, StatusMessage, Wait, WaitReason

from .acting import Step
from .make_answers import OTHER_OFFER
from .scene import OFFER, REQUEST, SENT, bytes_of

BEFORE = 0.25
"""How long before it is due nothing happens yet."""
FAILED, EXPIRED, CANCELLED = (
    StatusMessage(code=code, text="not paid", payment_hash=SENT.payment_hash)
    for code in (StatusCode.FAILED, StatusCode.EXPIRED, StatusCode.CANCELLED)
)
ACK = bytes_of(StatusAck(code=StatusCode.PAID))
WAIT_1, WAIT_3 = (
    bytes_of(Wait(reason=reason)) for reason in (WaitReason.USER_DECIDING, WaitReason.WAITING_FOR_PAYMENT)
)
ODD = b"\x13"
T_RESUME = 60.0


def offered_again(left: int, *, other: bool = False) -> bytes:
    """Return what HS3 carries on a later link."""
    return bytes_of(OfferMessage(valid_for=left, offer=(OTHER_OFFER if other else OFFER).encode()))


def due(at: float, row: str = "") -> list[Step]:
    """Return that nothing happens shortly before, and something does then."""
    return [Step(at=at - BEFORE), Step(at=at, row=row)]


def hears(at: float, message: bytes) -> Step:
    """Return that a message comes."""
    return Step(at=at, does="hears", message=message)


def approves(at: float, row: str = "") -> Step:
    """Return that the person says yes."""
    return Step(at=at, does="the person approves", message=REQUEST.encode(), row=row)


LOST = "the link is lost"
"""The event of a table, and what happens."""
RESUME_OVER = "`T_RESUME` has passed"


def lost(at: float, row: str = LOST) -> Step:
    """Return that the link breaks."""
    return Step(at=at, does=LOST, row=row)


def back(at: float, message: bytes, *, side: str = "device", row: str = "") -> Step:
    """Return that a new link is made; `message` is what its HS3 carried."""
    other = "till" if side == "device" else "device"
    return Step(at=at, does=f"the {other} is back", message=message, row=row)


Script = tuple[str, str, list[Step]]
"""The first state, a name, and the steps."""
KEEPS_ALIVE = [step for at in (10.0, 20.0, 30.0, 40.0, 50.0) for step in due(at, "every `T_KEEP_ALIVE`")]
MEANWHILE = "OFFER with the same offer"


def ended(at: float, status: StatusMessage, row: str = "the sale has ended") -> Step:
    """Return that the sale has ended."""
    return Step(at=at, does="the sale has ended", message=bytes_of(status), row=row)

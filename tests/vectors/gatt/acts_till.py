"""What happens to a till, as the recipe of acts.json has it."""

from collections.abc import Iterator

from bled.codes import Code
from bled.gatt.vocabulary import InvreqMessage

from .acting import Step
from .acts_steps import (
    ACK,
    CANCELLED,
    EXPIRED,
    FAILED,
    ODD,
    RESUME_OVER,
    T_RESUME,
    WAIT_1,
    Script,
    back,
    due,
    ended,
    hears,
    lost,
    offered_again,
)
from .make_answers import OTHER_REQUEST
from .scene import INVREQ, PAID, RECEIVED, SENT, bytes_of

STOPPED = "the till is stopped"


NEVER = "the last of `HANDSHAKES_MAX` handshakes has failed"


def stopped(at: float, code: Code = Code.CANCELLED) -> Step:
    """Return that the till is stopped, by its cashier or for what its node did."""
    return Step(at=at, does=STOPPED, code=code, row=STOPPED if code is Code.CANCELLED else "")


def waits(at: float, message: bytes) -> Step:
    """Return that a message comes which is not read yet."""
    return Step(at=at, does="hears", message=message, row="anything from the device, or the link is lost")


def scripts() -> Iterator[Script]:
    """Yield every script."""
    yield from at_till()
    yield from at_till_with_a_request()
    yield from at_severed_till()


def at_till() -> Iterator[Script]:
    """Yield what happens to a till whose offer has left."""
    silent = "`T_SILENCE` without a message, or `T_REQUEST` in all"
    again = "HS3 with the OFFER has left on a new link"
    yield (
        "READY",
        "the offer leaves",
        [Step(at=0.0, does="HS3 with the OFFER has left", row="HS3 with the OFFER has left")],
    )
    yield "OFFERED", "no word from the device", due(15.0, silent)
    yield "OFFERED", "WAIT for ever", [*(hears(float(at), WAIT_1) for at in range(10, 80, 10)), *due(75.0, silent)]
    yield "OFFERED", "a message that is ignored", [hears(10.0, ODD), *due(15.0, silent)]
    yield (
        "OFFERED",
        "the device gives up, and says more",
        [hears(4.0, b"\x1a\x01"), hears(5.0, b"\x1a\x01"), hears(6.0, b"\x16")],
    )
    yield "OFFERED", "the link is lost for good", [lost(4.0), *due(4.0 + T_RESUME, RESUME_OVER)]
    words = [
        hears(10.0, WAIT_1),
        hears(20.0, WAIT_1),
        lost(30.0),
        back(80.0, offered_again(220), side="till", row=again),
    ]
    yield (
        "OFFERED",
        "the time for the request stands still while the link is away",
        [*words, *(hears(at, WAIT_1) for at in (90.0, 100.0, 110.0, 120.0)), *due(125.0, silent)],
    )
    yield (
        "OFFERED",
        "the time of silence begins anew after the link was lost",
        [hears(10.0, WAIT_1), lost(24.0), back(30.0, offered_again(270), side="till"), *due(45.0, silent)],
    )
    five = [
        step
        for turn in range(5)
        for step in (lost(2.0 * turn + 1), back(2.0 * turn + 2, offered_again(290), side="till"))
    ]
    yield "OFFERED", "the link is lost a sixth time", [*five, lost(11.0, "")]
    anew, declined = "HS3 of a first handshake has left anew", "the cashier says no to another code"
    first = [lost(4.0), Step(at=40.0, does=anew, row=f"{anew} (10.5)")]
    yield "OFFERED", "a device that was not heard is met anew, and is silent", [*first, *due(55.0, silent)]
    words = [hears(float(at), WAIT_1) for at in range(50, 120, 10)]
    yield (
        "OFFERED",
        "a device that was not heard is met anew, and has all its time",
        [*first, *words, *due(115.0, silent)],
    )
    no = Step(at=9.0, does=declined, row=f"{declined} (10.5)")
    yield "OFFERED", "the cashier wants no other code", [lost(4.0), no]
    for code in (Code.CANCELLED, Code.NODE_DIED, Code.PAYMENT_FAILED, Code.INTERNAL):
        yield "OFFERED", f"the till is stopped: {code.value}", [stopped(4.0, code)]
    disk = "the till is stopped, or its disk does not take the request"
    yield "JUDGING", "the till is stopped", [Step(at=0.5, does=STOPPED, code=Code.CANCELLED, row=disk)]
    yield "REPORTING", "the till is stopped", [stopped(0.5)]
    never = Step(at=9.0, does="the last handshake has failed", row=NEVER)
    yield "OFFERED", "nobody who comes back is the device", [lost(4.0), never]
    away = [lost(4.0), Step(at=6.0, does=STOPPED, code=Code.CANCELLED)]
    yield "OFFERED", "the till is stopped while the link is away", away
    yield "JUDGING", "the request is good", [Step(at=0.5, does="the request is judged", row="the request is good")]
    yield (
        "JUDGING",
        "the same request comes while one is judged",
        [waits(0.25, bytes_of(INVREQ)), Step(at=0.5, does="the request is judged")],
    )
    other = bytes_of(InvreqMessage(request=OTHER_REQUEST.encode()))
    for what, message in (("another request", other), ("ABORT 1", b"\x1a\x01")):
        yield "JUDGING", f"{what} comes meanwhile", [waits(0.25, message), Step(at=0.5, does="the request is judged")]


def at_till_with_a_request() -> Iterator[Script]:
    """Yield what happens to a till that has a request."""
    sent = Step(
        at=4.0, does="the invoice was sent", message=bytes_of(SENT), row="the invoice was sent to the buyer's home"
    )
    alive = "`T_KEEP_ALIVE` after the till's last word"
    yield "PAYING", "the node is slow", [*due(10.0, alive), *due(20.0, alive)]
    yield (
        "PAYING",
        "the till's own words count for WAIT, the device's do not",
        [sent, hears(12.0, WAIT_1), *due(14.0, alive)],
    )
    for status in (PAID, FAILED, EXPIRED, CANCELLED):
        yield (
            "PAYING",
            f"the sale has ended with STATUS {int(status.code)}",
            [ended(4.0, status), *due(7.0, "`T_ACK` after the STATUS")],
        )
    unknown = Step(at=4.0, does=STOPPED, code=Code.OUTCOME_UNKNOWN, row="how the sale ended cannot be known")
    yield "PAYING", "how it ended cannot be known, and the device says more", [unknown, hears(4.5, ACK)]
    yield "PAYING", "the till is stopped", [stopped(4.0)]
    away = "the node has not answered for `T_NODE`"
    yield "PAYING", "the node is away", [Step(at=4.0, does=STOPPED, code=Code.NODE_DIED, row=away)]
    later = Step(at=4.5, does="the invoice was sent", message=bytes_of(SENT))
    yield "PAYING", "the device gives up, and the sale ends", [hears(4.0, b"\x1a\x06"), later, ended(5.0, PAID, "")]
    yield "REPORTING", "no word from the device", due(3.0, "`T_ACK` after the STATUS")
    yield (
        "REPORTING",
        "WAIT, and the acknowledgement of another status",
        [hears(1.0, WAIT_1), hears(2.0, b"\x15\x03"), *due(3.0, "`T_ACK` after the STATUS")],
    )
    yield "REPORTING", "the acknowledgement, and more", [hears(2.75, ACK), hears(2.75, ACK), hears(2.75, b"\x16")]


def at_severed_till() -> Iterator[Script]:
    """Yield what happens to a till whose link broke after the request."""
    goes_on = "HS3 with STATUS has left on a new link, the sale goes on"
    over = "HS3 with STATUS has left on a new link, the sale has ended"
    sent = Step(at=6.0, does="the invoice was sent", message=bytes_of(SENT))
    received = bytes_of(RECEIVED)
    yield "PAYING", "the link is lost for good", [lost(4.0), *due(4.0 + T_RESUME, f"{RESUME_OVER}, the sale goes on")]
    yield (
        "PAYING",
        "the link is lost for good, and the sale ends meanwhile",
        [lost(4.0), ended(6.0, PAID, ""), *due(64.0, f"{RESUME_OVER}, the sale has ended")],
    )
    failed = Step(at=9.0, does="the last handshake has failed", row=f"{NEVER}, the sale goes on")
    yield "PAYING", "nobody who comes back is the device", [lost(4.0), failed]
    failed = Step(at=9.0, does="the last handshake has failed", row=f"{NEVER}, the sale has ended")
    yield "PAYING", "nobody who comes back is the device, and the sale ends", [lost(4.0), ended(6.0, PAID, ""), failed]
    yield "REPORTING", "the link is lost for good", [lost(1.0), *due(61.0, f"{RESUME_OVER}, the sale has ended")]
    yield (
        "PAYING",
        "nothing new when the device is back",
        [lost(4.0), back(9.0, received, side="till", row=goes_on), *due(19.0)],
    )
    yield (
        "PAYING",
        "the invoice was sent between HS3's making and its arrival",
        [lost(4.0), sent, back(9.0, received, side="till", row=goes_on)],
    )
    yield (
        "PAYING",
        "the invoice was sent before HS3 was made",
        [lost(4.0), sent, back(9.0, bytes_of(SENT), side="till", row=goes_on)],
    )
    yield (
        "PAYING",
        "the sale has ended between HS3's making and its arrival",
        [lost(4.0), sent, ended(7.0, PAID, ""), back(9.0, received, side="till", row=over), *due(12.0)],
    )
    yield (
        "PAYING",
        "the sale has ended between the invoice in HS3 and its arrival",
        [lost(4.0), sent, ended(7.0, PAID, ""), back(9.0, bytes_of(SENT), side="till", row=over), hears(9.5, ACK)],
    )
    yield (
        "PAYING",
        "the sale has ended before HS3 was made",
        [lost(4.0), ended(7.0, PAID, ""), back(9.0, bytes_of(PAID), side="till", row=over), *due(12.0)],
    )
    yield (
        "REPORTING",
        "the device is back with what it had",
        [lost(1.0), back(9.0, bytes_of(PAID), side="till", row=over), hears(9.5, ACK)],
    )
    five = [step for turn in range(5) for step in (lost(2.0 * turn + 1), back(2.0 * turn + 2, received, side="till"))]
    yield "PAYING", "the link is lost a sixth time", [*five, lost(11.0, "")]
    yield (
        "PAYING",
        "the till is stopped while the link is away",
        [lost(4.0), Step(at=6.0, does=STOPPED, code=Code.CANCELLED)],
    )

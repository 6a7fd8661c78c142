"""What happens to one side besides messages, step by step, at the program's machines."""

from dataclasses import dataclass
from typing import Any

from bled.codes import Code
from bled.gatt.messages import decode_message
from bled.gatt.vocabulary import AbortReason, StatusMessage
from bled.session import merchant_events

from . import machines
from .standing import NO_LINK

ENDS = ("CLOSED", "DONE", "DETACHED")
Side = machines.Device | machines.Till


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing that happens.

    Attributes:
        at: when, in seconds since the side came to its first state.
        does: what happens, in the words of the file.
        message: what is heard, or what HS3 carried; octets.
        code: why a till is stopped.
        row: the event of the profile's table that this is, where it is one.
    """

    at: float
    does: str = "time passes"
    message: bytes = b""
    code: Code | None = None
    row: str = ""

    def told(self) -> dict[str, Any]:
        """Return the step as the file has it."""
        told: dict[str, Any] = {"at": self.at, "does": self.does}
        told |= {"message": self.message.hex()} if self.message else {}
        told |= {"code": self.code.value} if self.code else {}
        return told | ({"row": self.row} if self.row else {})


def act(side: Side, step: Step) -> None:
    """Do one step. Raises `ValueError` for one that jumps over something that was due before."""
    due = side.session.next_deadline
    if due is not None and due < step.at and step.does != "time passes":
        raise ValueError(step, due)
    if isinstance(side, machines.Device):
        _act_at_device(side, step)
    else:
        _act_at_till(side, step)


def _act_at_device(device: machines.Device, step: Step) -> None:
    match step.does:
        case "time passes":
            device.wait(step.at)
        case "hears" | "the till is back":
            device.hear(step.message, step.at)
        case "the link is lost":
            device.drop(step.at)
        case "the person approves":
            device.approve(step.message, step.at)
        case "the person declines":
            device.decline(AbortReason.USER_DECLINED, step.at)
        case "the person says that the codes differ":
            device.decline(AbortReason.CODE_MISMATCH, step.at)
        case "the device may not pay it":
            device.forbid(step.at)
        case "the last resumed handshake has failed":
            device.give_up(step.at)
        case _:
            raise ValueError(step.does)


def _act_at_till(till: machines.Till, step: Step) -> None:
    said = decode_message(step.message) if step.message and step.does != "hears" else None
    match step.does:
        case "time passes":
            till.wait(step.at)
        case "hears":
            till.hear(step.message, step.at)
        case "the link is lost":
            till.drop(step.at)
        case "the device is back":
            till.tell(merchant_events.Rejoined(said=said if isinstance(said, StatusMessage) else None), step.at)
        case "HS3 of a first handshake has left anew":
            till.tell(merchant_events.Started(), step.at)
        case "the cashier says no to another code" | "the last handshake has failed":
            till.tell(merchant_events.LinkLost(), step.at)
        case "the invoice was sent" if isinstance(said, StatusMessage):
            till.tell(merchant_events.InvoiceSent(payment_hash=said.payment_hash or b""), step.at)
        case "the sale has ended" if isinstance(said, StatusMessage):
            till.tell(merchant_events.Settled(status=said), step.at)
        case "HS3 with the OFFER has left":
            till.start(step.at)
        case "the request is judged":
            till.judge(step.at)
        case "the till is stopped" if step.code is not None:
            till.is_cancelled = step.code is Code.CANCELLED and till.state in ("OFFERED", "LOST", "JUDGING")
            till.tell(merchant_events.Stopped(code=step.code), step.at)
        case _:
            raise ValueError(step.does)


def played(side: Side, steps: list[Step]) -> list[dict[str, Any]]:
    """Return steps with what the side says in each, whether the connection is over then, and its state."""
    told = []
    for step in steps:
        side.said.clear()
        act(side, step)
        over = side.closed or side.state in (*NO_LINK, *ENDS)
        answers = [machines.word(said) for said in side.said]
        told.append(step.told() | {"answers": answers, "closes": over, "next": side.state} | end_of(side))
    return told


def end_of(side: Side) -> dict[str, str]:
    """Return what is known at the end: at the device of the payment, at the till of the sale."""
    if side.state not in ENDS:
        return {}
    if isinstance(side, machines.Till):
        if side.is_cancelled:
            return {"sale": "is cancelled"}
        return {"sale": "goes on"} if side.state == "DETACHED" else {}
    if side.state == "DONE":
        return {"person": "is told what the till says"}
    unknown = side.reason is not None and side.reason.code is Code.OUTCOME_UNKNOWN
    return {"person": "is told that the outcome is unknown" if unknown else "is told that nothing was signed"}

"""What happens to a device, as the recipe of acts.json has it."""

from collections.abc import Iterator

from .acting import Step
from .acts_steps import (
    CANCELLED,
    EXPIRED,
    FAILED,
    KEEPS_ALIVE,
    MEANWHILE,
    ODD,
    RESUME_OVER,
    T_RESUME,
    WAIT_3,
    Script,
    approves,
    back,
    due,
    hears,
    lost,
    offered_again,
)
from .scene import PAID, RECEIVED, SENT, bytes_of


def scripts() -> Iterator[Script]:
    """Yield every script."""
    yield from at_device()
    yield from at_device_that_signed()


NEVER = "the last of `HANDSHAKES_MAX` resumed handshakes has failed"


def at_device() -> Iterator[Script]:
    """Yield what happens to a device that shows an offer."""
    differ = "the person says that the codes differ"
    differs = "the person says that the till shows another code"
    silent = Step(at=60.0, row="`T_APPROVE` has passed")
    yield "SHOWING", "the person says nothing", [*KEEPS_ALIVE, Step(at=59.75), silent]
    yield (
        "SHOWING",
        "the till says WAIT, which changes no time",
        [hears(9.5, WAIT_3), *due(10.0), hears(19.0, ODD), *due(20.0)],
    )
    yield "SHOWING", "the person approves", [approves(4.0, "the person approves")]
    yield "SHOWING", "the person approves at the last moment", [*KEEPS_ALIVE, approves(59.75, "the person approves")]
    no = Step(at=4.0, does="the person declines", row="the person declines")
    yield (
        "SHOWING",
        "the person declines, and the till says more",
        [no, hears(4.5, bytes_of(RECEIVED)), hears(5.0, b"\x16")],
    )
    yield (
        "SHOWING",
        "the codes differ, and the till says more",
        [Step(at=4.0, does=differ, row=differs), hears(4.5, WAIT_3)],
    )
    yield "SHOWING", "the link is lost for good", [lost(4.0), *due(4.0 + T_RESUME, RESUME_OVER)]
    away = [*due(10.0), *due(20.0), lost(25.0), Step(at=84.75)]
    kept = [*due(94.75), *due(104.75), *due(114.75), *due(119.75)]
    yield (
        "SHOWING",
        "the time to approve stands still while the link is away",
        [*away, back(84.75, offered_again(215)), *kept],
    )
    yield (
        "SHOWING",
        "another offer after the link was lost",
        [lost(4.0), back(9.0, offered_again(291, other=True), row="OFFER with another offer")],
    )
    yield "SHOWING", "a status after the link was lost", [lost(4.0), back(9.0, bytes_of(RECEIVED))]
    yield (
        "SHOWING",
        "a person who approves while the link is away",
        [lost(4.0), approves(6.0), back(9.0, offered_again(291))],
    )
    yield (
        "SHOWING",
        "a person who declines while the link is away",
        [lost(4.0), Step(at=6.0, does="the person declines"), back(9.0, offered_again(291))],
    )
    yield (
        "SHOWING",
        "codes that differ while the link is away",
        [lost(4.0), Step(at=6.0, does=differ), back(9.0, offered_again(291))],
    )
    yield (
        "SHOWING",
        "a person who approves while the till does not come back",
        [lost(4.0), approves(6.0), *due(64.0, RESUME_OVER)],
    )
    never = Step(at=9.0, does="the last resumed handshake has failed", row=NEVER)
    yield "SHOWING", "nobody who comes back is the till", [lost(4.0), never]
    forbids = "a limit or the disk of the device forbids it"
    yield "SHOWING", "a yes that a limit forbids", [Step(at=4.0, does="the device may not pay it", row=forbids)]
    five = [step for turn in range(5) for step in (lost(2.0 * turn + 1), back(2.0 * turn + 2, offered_again(290)))]
    yield "SHOWING", "the link is lost a sixth time", [*five, lost(11.0, "")]


def at_device_that_signed() -> Iterator[Script]:
    """Yield what happens to a device whose request has left."""
    quiet, late = "`T_STATUS` without a message", "`T_AFTER_EXPIRY` after the offer's expiry"
    yield "SENT", "no word from the till", due(90.0, quiet)
    yield "SENT", "a word of the till", [hears(60.0, bytes_of(RECEIVED)), *due(150.0, quiet)]
    yield "SENT", "WAIT", [hears(89.75, WAIT_3), *due(179.75, quiet)]
    yield "SENT", "a message that is ignored", [hears(60.0, ODD), *due(90.0, quiet)]
    words = [hears(at, WAIT_3) for at in (80.0, 160.0, 240.0, 310.0)]
    yield "SENT", "the till says WAIT for ever", [*words, *due(315.0, late)]
    yield (
        "SHOWING",
        "the till says WAIT for ever, after a slow yes",
        [*KEEPS_ALIVE, approves(55.0), *(hears(at, WAIT_3) for at in (140.0, 220.0, 300.0)), *due(315.0, late)],
    )
    yield "SENT", "the link is lost for good", [lost(4.0), *due(4.0 + T_RESUME, RESUME_OVER)]
    yield (
        "SENT",
        "the till is back with the offer",
        [lost(4.0), back(9.0, offered_again(291), row=MEANWHILE), *due(99.0, quiet)],
    )
    yield (
        "SENT",
        "the till is back with another offer",
        [lost(4.0), back(9.0, offered_again(291, other=True), row="OFFER with another offer")],
    )
    yield "SENT", "the till is back with a status", [lost(4.0), back(9.0, bytes_of(SENT)), *due(99.0, quiet)]
    yield (
        "SENT",
        "the till is back with the last status",
        [lost(4.0), back(9.0, bytes_of(PAID)), hears(9.5, bytes_of(PAID))],
    )
    yield (
        "SENT",
        "the person was not asked again",
        [lost(4.0), back(9.0, offered_again(291)), lost(10.0), back(11.0, offered_again(289))],
    )
    for status in (PAID, FAILED, EXPIRED, CANCELLED):
        more = [hears(5.0, bytes_of(status)), hears(5.5, bytes_of(status)), hears(6.0, b"\x16"), lost(7.0, "")]
        yield "SENT", f"STATUS {int(status.code)}, and the till says more", more
    words = [hears(at, WAIT_3) for at in (80.0, 160.0, 240.0)]
    yield (
        "SENT",
        "the till is back after the time of the offer, with a status",
        [*words, lost(300.0), back(330.0, bytes_of(SENT)), Step(at=330.0)],
    )
    yield (
        "SENT",
        "the till is back after the time of the offer, with the last status",
        [*words, lost(300.0), back(330.0, bytes_of(PAID))],
    )
    never = Step(at=9.0, does="the last resumed handshake has failed", row=NEVER)
    yield "SENT", "nobody who comes back is the till", [lost(4.0), never]
    five = [step for turn in range(5) for step in (lost(2.0 * turn + 1), back(2.0 * turn + 2, bytes_of(SENT)))]
    yield "SENT", "the link is lost a sixth time", [*five, lost(11.0, "")]

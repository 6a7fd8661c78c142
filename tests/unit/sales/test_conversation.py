"""The till's talk with a buyer whose frames do not come: the link is over, the session is not."""

import pytest

from bled.clock import SystemClock
from bled.codes import Code
from bled.errors import BledError, PeerError
from bled.gatt.frames import FramingError, Violation
from bled.gatt.messages import ErrorMessage, InvreqMessage, StatusMessage, decode_message, encode_message
from bled.sales.conversation import Conversation
from bled.sales.greeting import Return


class Link:
    """Gives what it was told to, in order."""

    def __init__(self, *arrivals: bytes | BledError) -> None:
        self.arrivals = list(arrivals)
        self.said: list[object] = []

    async def receive(self, *, seconds: float) -> bytes:
        arrival = self.arrivals.pop(0)
        if isinstance(arrival, BledError):
            raise arrival
        return arrival

    async def send(self, message: bytes, *, answered: bool = False) -> None:
        self.said.append(decode_message(message))

    async def close(self) -> None:
        self.said.append("closed")


@pytest.mark.parametrize("late", [Violation.GAP, Violation.TIMEOUT])
async def test_frames_that_do_not_come_make_the_till_look_for_the_device_again(late: Violation) -> None:
    first, second = Link(FramingError(late)), Link(encode_message(InvreqMessage(request=b"request")))
    asked: list[StatusMessage | None] = []

    async def rejoin(status: StatusMessage | None, heard: bool) -> Return:
        asked.append(status)
        return Return(link=second, anew=not heard)

    conversation = Conversation(first, SystemClock(), rejoin=rejoin)
    assert await conversation.request() == b"request"
    assert (asked, first.said) == ([None], ["closed"])


async def test_frames_that_are_wrong_end_the_session_with_an_error() -> None:
    link = Link(FramingError(Violation.NUMBER))

    async def rejoin(status: StatusMessage | None, heard: bool) -> Return:
        raise AssertionError("nobody comes back from that")

    with pytest.raises(PeerError) as caught:
        await Conversation(link, SystemClock(), rejoin=rejoin).request()
    assert caught.value.code is Code.FRAMING
    error, closed = link.said
    assert isinstance(error, ErrorMessage)
    assert (error.code, closed) == (0x0002, "closed")

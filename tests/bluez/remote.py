"""Radios in the guest as the host's tests see them: bled's own protocols, each call carried over a port."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from bled.codes import Code
from bled.errors import BledError, ConfigurationError, PeerError, Unavailable
from bled.gatt.channel import Channel, PlainChannel
from bled.gatt.frames import FramingError, Violation
from bled.gatt.profile import MAX_FRAGMENT_BYTES, SERVICE_UUID
from bled.link.base import LinkStats
from bled.progress import OnStep, ignore_steps

from .machine import Caller, GuestError

_CLASSES = {kind.__name__: kind for kind in (BledError, ConfigurationError, PeerError, Unavailable)}


async def ask(caller: Caller, name: str, /, **arguments: Any) -> Any:
    """Return the answer to a call; what bled raised in the guest is raised here."""
    try:
        return await caller.call(name, **arguments)
    except GuestError as error:
        raise _raised(error) from None


def _raised(error: GuestError) -> Exception:
    answer = error.answer
    if isinstance(answer, Mapping) and "violation" in answer:
        return FramingError(Violation(answer["violation"]))
    if isinstance(answer, Mapping) and answer["class"] in _CLASSES:
        return _CLASSES[answer["class"]](Code(answer["code"]), detail=answer["detail"])
    if isinstance(answer, Mapping) and answer["class"] == "ValueError":
        return ValueError(answer["detail"])
    return error


class RemoteLink:
    """A `MessageLink` whose radio is in the guest."""

    def __init__(self, caller: Caller, facts: Mapping[str, Any]) -> None:
        self.att_mtu = int(facts["att_mtu"])
        self.peer = str(facts["peer"])
        self.stats = LinkStats(att_pdus=0, bytes_on_air=0)
        self._caller = caller
        self._number = facts["link"]
        self._channel: Channel = PlainChannel()
        self._frame_limit = MAX_FRAGMENT_BYTES

    def secure(self, channel: Channel, *, frame_limit: int) -> None:
        """Seal and open here; the guest cuts frames."""
        self._channel = channel
        self._frame_limit = frame_limit

    async def send(self, message: bytes, *, answered: bool = False) -> None:
        """Send a message."""
        await ask(
            self._caller,
            "send",
            link=self._number,
            message=self._channel.seal(message).hex(),
            answered=answered,
            frame_limit=self._frame_limit,
        )

    async def write(self, frame: bytes, *, last: bool) -> None:
        """Write a frame as it is."""
        await ask(self._caller, "write", link=self._number, frame=frame.hex(), last=last)

    async def receive(self, *, seconds: float) -> bytes:
        """Return the next message."""
        return self._channel.open(bytes.fromhex(await ask(self._caller, "receive", link=self._number, seconds=seconds)))

    async def close(self) -> None:
        """Close the link."""
        pdus, cost = await ask(self._caller, "close_link", link=self._number)
        self.stats = LinkStats(att_pdus=pdus, bytes_on_air=cost)


class RemoteRadio:
    """A `Central` or a `Peripheral`, whose radio is in the guest."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    @classmethod
    async def open(cls, caller: Caller, *, role: str, radio: str, att_mtu: int = 517) -> "RemoteRadio":
        """Open a radio in a side's process."""
        await ask(caller, "open_radio", role=role, radio=radio, att_mtu=att_mtu)
        return cls(caller)

    async def connect(self, *, seconds: float, on_step: OnStep, uuid: UUID = SERVICE_UUID) -> RemoteLink:
        """Meet a buyer."""
        return (await self.connect_any(seconds=seconds, on_step=on_step, uuids=(uuid,)))[1]

    async def connect_any(self, *, seconds: float, on_step: OnStep, uuids: tuple[UUID, ...]) -> tuple[UUID, RemoteLink]:
        """Meet a buyer under one of these."""
        self._caller.on_step = on_step
        found = await ask(self._caller, "find", seconds=seconds, uuids=[str(uuid) for uuid in uuids])
        return UUID(found["uuid"]), RemoteLink(self._caller, found)

    async def accept(self, *, seconds: float, on_step: OnStep, uuid: UUID = SERVICE_UUID) -> RemoteLink:
        """Meet a till."""
        self._caller.on_step = on_step
        return RemoteLink(self._caller, await ask(self._caller, "meet", seconds=seconds, uuid=str(uuid)))

    async def close(self) -> None:
        """Give the radio back."""
        await ask(self._caller, "close_radio")
        self._caller.on_step = ignore_steps

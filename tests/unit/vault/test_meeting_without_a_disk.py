"""A meeting whose vault cannot be written any more: no signature leaves, and no outcome is made up."""

import asyncio
from collections.abc import Callable, Mapping

from bled.buyer.approval import Answer, Question
from bled.buyer.arrival import Met
from bled.buyer.meeting import Meeting, Purchase
from bled.clock import ShiftedClock
from bled.codes import Code
from bled.gatt.messages import (
    ErrorMessage,
    InvreqMessage,
    Message,
    OfferMessage,
    StatusAck,
    StatusCode,
    StatusMessage,
    decode_message,
    encode_message,
)
from bled.vault.vault import Vault
from bled_codec.chains import REGTEST_CHAIN
from bled_codec.offer import Offer
from bled_codec.units import UnixTime


class FixedClock(ShiftedClock):
    """Always the time of the book's issue."""

    def __init__(self, now: UnixTime) -> None:
        super().__init__(0)
        self._now = now

    def now(self) -> UnixTime:
        return self._now


class Script:
    """The till: makes its offer, answers the request, and keeps what the device says."""

    def __init__(self, offer: Offer, answer: Message) -> None:
        self.to_buyer: asyncio.Queue[Message] = asyncio.Queue()
        self.to_buyer.put_nowait(OfferMessage(valid_for=300, offer=offer.encode()))
        self.answer = answer
        self.heard: list[Message | None] = []

    async def send(self, message: bytes) -> None:
        self.heard.append(decode_message(message))
        if isinstance(self.heard[-1], InvreqMessage):
            self.to_buyer.put_nowait(self.answer)

    async def receive(self, *, seconds: float) -> bytes:
        return encode_message(await asyncio.wait_for(self.to_buyer.get(), 5))

    async def close(self) -> None:
        """Nothing is held open."""


PAID = StatusMessage(code=StatusCode.PAID, preimage=bytes(32))


def stop_writing(vault: Vault) -> None:
    """The disk turns read-only, as a worn one does."""
    vault._store.run("PRAGMA query_only = ON")


async def meet(vault: Vault, till: Script, now: UnixTime, at_step: Callable[[str], None]) -> Purchase:
    def on_step(name: str, facts: Mapping[str, object]) -> None:
        at_step(name)

    async def approve(question: Question) -> Answer:
        return Answer.YES

    clock = FixedClock(now)
    met = Met(link=till, opening=await till.receive(seconds=1), code=None, reader_key=bytes(32))
    return await Meeting(met=met, vault=vault, chain=REGTEST_CHAIN, clock=clock, approve=approve, on_step=on_step).run()


async def test_a_signature_that_cannot_be_recorded_does_not_leave(vault: Vault, offer: Offer, now: UnixTime) -> None:
    till = Script(offer, PAID)
    stop_writing(vault)
    purchase = await meet(vault, till, now, lambda name: None)
    assert (purchase.code, purchase.reservation) == (Code.STORE_BROKEN, None)
    assert not any(isinstance(message, InvreqMessage) for message in till.heard)
    assert vault.history() == ()


async def test_an_outcome_that_cannot_be_recorded_is_not_known_nor_acknowledged(
    vault: Vault, offer: Offer, now: UnixTime
) -> None:
    steps: list[str] = []

    def at_step(name: str) -> None:
        steps.append(name)
        if name == "request signed":
            stop_writing(vault)

    till = Script(offer, PAID)
    purchase = await meet(vault, till, now, at_step)
    assert purchase.code is Code.OUTCOME_UNKNOWN
    assert "outcome recorded" not in steps
    assert till.heard[-1] == ErrorMessage(code=0x000E, text="not recorded")
    assert not any(isinstance(message, StatusAck) for message in till.heard)
    assert "the till says paid" in purchase.detail
    assert purchase.reservation is not None
    assert [entry.code for entry in vault.history()] == [Code.OUTCOME_UNKNOWN]

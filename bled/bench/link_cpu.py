"""What channel and fragment layer cost the processor for one purchase, without any radio."""

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from bled.bench.link_exchanges import Exchange, Said, purchase
from bled.bench.timing import measure
from bled.gatt.channel import PlainChannel
from bled.gatt.frames import Reassembler, split_message

_OFFER_BYTES: Final = 300
_REQUEST_BYTES: Final = 800


def measure_cpu(*, att_mtu: int, seconds: float) -> Mapping[str, float]:
    """Return the seconds of work of one purchase by side, "till" and "buyer", measured for about `seconds` each."""
    said = purchase(_OFFER_BYTES, _REQUEST_BYTES)
    return measure(
        {"till": _side(said, att_mtu, by_till=True), "buyer": _side(said, att_mtu, by_till=False)}, seconds=seconds
    )


def _side(exchange: Exchange, att_mtu: int, *, by_till: bool) -> Callable[[], None]:
    """Return what one side does: seal and cut what it says, put together and open what it hears."""
    spoken = [said.message for said in exchange.said if said.by_till == by_till]
    heard = _frames((said for said in exchange.said if said.by_till != by_till), att_mtu)

    def work() -> None:
        channel, reassembler, number = PlainChannel(), Reassembler(), 0
        for message in spoken:
            number += len(split_message(channel.seal(message), att_mtu=att_mtu, first_number=number))
        for frame in heard:
            for data in reassembler.receive(frame, now=0.0):
                channel.open(data)

    return work


def _frames(said: Iterable[Said], att_mtu: int) -> list[bytes]:
    channel = PlainChannel()
    frames: list[bytes] = []
    for each in said:
        frames += split_message(channel.seal(each.message), att_mtu=att_mtu, first_number=len(frames))
    return frames

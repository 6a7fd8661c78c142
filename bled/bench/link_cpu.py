"""What handshake, channel and fragment layer cost the processor for one purchase, without any radio."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from bled.bench.link_exchanges import (
    BUYER_ENTROPY,
    TILL_ENTROPY,
    Said,
    conversation,
    new_beacon,
    new_reader,
    secured,
)
from bled.bench.timing import measure
from bled.gatt.frames import Reassembler, split_message
from bled.gatt.primitives import KEY_BYTES, X25519Key
from bled.gatt.secure_channel import SecureChannel

_OFFER_BYTES: Final = 300
_REQUEST_BYTES: Final = 800


def measure_cpu(*, att_mtu: int, seconds: float) -> Mapping[str, float]:
    """Return the seconds of work of one purchase by side, "till" and "buyer", measured for about `seconds` each."""
    said = conversation(_OFFER_BYTES, _REQUEST_BYTES)
    wire = secured(said)
    return measure({"till": _till(said, wire, att_mtu), "buyer": _buyer(said, wire, att_mtu)}, seconds=seconds)


def measure_floor(*, seconds: float) -> float:
    """Return the seconds that the curve takes of one side's handshake: two new keys and two exchanges, nothing else."""
    peer = X25519Key(b"\x33" * KEY_BYTES).public

    def curve() -> None:
        for octet in (0x61, 0x62):
            X25519Key(bytes([octet]) * KEY_BYTES).exchange(peer)

    return measure({"floor": curve}, seconds=seconds)["floor"]


class _Wire:
    """One side's fragment layer: cuts what it says, puts together what it hears."""

    def __init__(self, heard: Sequence[Sequence[bytes]], att_mtu: int) -> None:
        self._heard: Iterator[Sequence[bytes]] = iter(heard)
        self._att_mtu = att_mtu
        self._reassembler = Reassembler()
        self._number = 0

    def say(self, message: bytes) -> None:
        self._number += len(split_message(message, att_mtu=self._att_mtu, first_number=self._number))

    def hear(self) -> bytes:
        messages = [data for frame in next(self._heard) for data in self._reassembler.receive(frame, now=0.0)]
        return messages[0]


def _till(said: Sequence[Said], wire: Sequence[Said], att_mtu: int) -> Callable[[], None]:
    heard = _frames([each.message for each in wire if not each.by_till], att_mtu)

    def work() -> None:
        layer, reader = _Wire(heard, att_mtu), new_reader(said[0].message)
        layer.say(reader.start(entropy=TILL_ENTROPY))
        hs3, till = reader.finish(layer.hear())
        layer.say(hs3)
        _talk(layer, till.channel, said[1:], by_till=True)

    return work


def _buyer(said: Sequence[Said], wire: Sequence[Said], att_mtu: int) -> Callable[[], None]:
    heard = _frames([each.message for each in wire if each.by_till], att_mtu)

    def work() -> None:
        layer, beacon = _Wire(heard, att_mtu), new_beacon()
        layer.say(beacon.answer(layer.hear(), entropy=BUYER_ENTROPY))
        _, buyer = beacon.finish(layer.hear())
        _talk(layer, buyer.channel, said[1:], by_till=False)

    return work


def _talk(layer: _Wire, channel: SecureChannel, said: Sequence[Said], *, by_till: bool) -> None:
    for each in said:
        if each.by_till == by_till:
            layer.say(channel.seal(each.message))
        else:
            channel.open(layer.hear())


def _frames(messages: Sequence[bytes], att_mtu: int) -> list[tuple[bytes, ...]]:
    """Return the frames of each message of one direction."""
    number, cut = 0, []
    for message in messages:
        cut.append(split_message(message, att_mtu=att_mtu, first_number=number))
        number += len(cut[-1])
    return cut

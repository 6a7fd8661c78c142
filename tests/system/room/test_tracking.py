"""Two purchases of one buyer look to whoever listens like purchases of two buyers.

How it is decided. Everything that is on the air is recorded: advertising data and addresses, and each L2CAP packet with
its length. One device pays several times, and so does another, each time for the same offer with the same till. Then

- the packets of all purchases have the same directions and lengths, in the same order;
- an octet that is the same in all purchases of one buyer is the same in those of the other;
- of the other octets no six in a row come twice, wherever in whichever purchase of either buyer;
- no address comes twice.

What is left, and named in the profile: that somebody pays with bled, when, and how long request and offer are. The two
books here have equally many hops; paths of another length make another length of the request.
"""

import asyncio
import itertools
import random
from pathlib import Path

import pytest

from bled.codes import Code
from bled.gatt.code_limits import OPEN_TRIES_SECONDS
from bled.gatt.primitives import X25519Key
from bled.link.air import Air
from bled.link.virtual import VirtualAir

from .stage import Phone, Till, open_vault

pytestmark = pytest.mark.system

PURCHASES = 6
"""So many that no random octet is the same in all of them: one in 2^40."""
WINDOW = 6


class Listener(Air):
    """Hears everything."""

    def __init__(self) -> None:
        super().__init__()
        self.packets: list[tuple[bool, bytes]] = []
        self.beacons: set[tuple[str, bytes]] = set()
        self._first: object = None

    def send_acl_data(self, sender_controller, destination_address, transport, data) -> None:
        self._first = self._first or sender_controller  # the till speaks first
        self.packets.append((sender_controller is self._first, bytes(data)))
        super().send_acl_data(sender_controller, destination_address, transport, data)

    def send_advertising_pdu(self, sender_controller, packet) -> None:
        if hasattr(packet, "data"):
            self.beacons.add((str(packet.advertiser_address), bytes(packet.data)))
        super().send_advertising_pdu(sender_controller, packet)


class Overheard(VirtualAir):
    """An air with a listener in it."""

    def __init__(self) -> None:
        super().__init__()
        self._air = Listener()


async def purchase(vault, key: X25519Key) -> Listener:
    """Let a device pay once, and return what was heard."""
    async with Overheard() as air:
        central, peripheral = await air.central(), await air.peripheral()
        till = Till("till", central, key=key)
        phone = Phone("phone", vault, peripheral)
        paying = asyncio.create_task(phone.pay_once(seconds=20))
        assert await till.sell(seconds=20)
        assert (await paying).code is Code.PAID
        await peripheral.close()
        await central.close()
        return air._air


async def purchases(vault, key: X25519Key, *, count: int) -> list[Listener]:
    """Let a device pay several times, each a while after the one before: tries in the open are counted."""
    heard = []
    for _ in range(count):
        heard.append(await purchase(vault, key))
        await asyncio.sleep(OPEN_TRIES_SECONDS)
    return heard


def windows(heard: Listener, same: list[dict[int, int]]) -> set[bytes]:
    """Return every run of octets of a session, none of which is `same` in all sessions of everybody."""
    return {
        data[at : at + WINDOW]
        for (_, data), known in zip(heard.packets, same, strict=True)
        for at in range(len(data) - WINDOW + 1)
        if not any(place in known for place in range(at, at + WINDOW))
    }


def unchanging(sessions: list[Listener]) -> list[dict[int, int]]:
    """Return for each packet the octets that are the same in all of these sessions."""
    packets = zip(*([data for _, data in each.packets] for each in sessions), strict=True)
    return [
        {at: octets[0] for at, octets in enumerate(zip(*same, strict=True)) if len(set(octets)) == 1}
        for same in packets
    ]


def test_two_purchases_of_one_buyer_look_like_those_of_two(fast, tmp_path: Path) -> None:
    key = X25519Key(random.Random(1).randbytes(32))  # noqa: S311 - any key does
    heard: dict[int, list[Listener]] = {}
    for number in (1, 2):
        with open_vault(tmp_path / str(number), number, payments=PURCHASES) as vault:
            heard[number] = fast(purchases(vault, key, count=PURCHASES))
    one, other = heard[1], heard[2]
    shapes = {tuple((by_till, len(data)) for by_till, data in each.packets) for each in (*one, *other)}
    assert len(shapes) == 1
    same = unchanging([*one, *other])
    assert unchanging(one) == unchanging(other) == same
    for first, second in itertools.combinations([*one, *other], 2):
        assert not windows(first, same) & windows(second, same)
    assert len({frozenset(data for _, data in each.beacons) for each in (*one, *other)}) == 1
    addresses = [{address for address, _ in each.beacons} for each in (*one, *other)]
    assert all(len(each) >= 1 for each in addresses)
    assert sum(len(each) for each in addresses) == len(set.union(*addresses))


def test_a_device_with_a_name_of_its_own_would_be_found_out(fast, tmp_path: Path) -> None:
    """The same look at sessions in which the device repeats eight octets of its own: it bites."""
    key = X25519Key(random.Random(1).randbytes(32))  # noqa: S311 - any key does
    with open_vault(tmp_path / "1", 1) as vault:
        one = fast(purchases(vault, key, count=2))
    for each in one:
        by_till, data = each.packets[-3]
        each.packets[-3] = (by_till, data[:-8] + b"my name!")
    with open_vault(tmp_path / "2", 2) as vault:
        other = fast(purchase(vault, key))
    same = unchanging([*one, other])
    assert unchanging(one) != same
    assert windows(one[0], same) & windows(one[1], same)

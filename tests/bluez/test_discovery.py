"""What BlueZ's client asks of a buyer's device before the first word, counted by the air."""

from bled.bench.link_report import MAX_DISCOVERY, TARGET_MTU

from ..conformance.checks import meet, pair, text_of  # noqa: TID252 - tests have no absolute names
from .machine import MARKS, Guest
from .overheard import Overheard
from .radios import BUMBLE, GuestAir

pytestmark = MARKS

RECOMMENDED_OPTIONS = ("-P", "battery,gap,deviceinfo")
"""What docs/radio.md recommends for the bluetoothd of a till."""
MAX_BY_DEFAULT = MAX_DISCOVERY + 2
"""With every plugin on, the device's name and its appearance are read too."""
MAX_OF_BLUEZ = MAX_DISCOVERY + 3
"""A buyer on BlueZ shows the services of bluetoothd itself too."""
SECONDS = 30.0


async def questions(guest: Guest, *, buyer: str = BUMBLE) -> tuple[bytes, ...]:
    """Return what BlueZ's till asked a buyer in one connection, which carried an exchange too."""
    with Overheard(guest.hub, guest.adapters[1]) as overheard:
        async with pair(GuestAir(guest, till="bluetooth:hci1", buyer=buyer)) as (central, peripheral):
            till, device = await meet(central, peripheral)
            await device.send(text_of(800))
            assert await till.receive(seconds=SECONDS) == text_of(800)
            assert till.att_mtu == TARGET_MTU
    return overheard.questions()


async def test_bluez_takes_ten_round_trips_of_discovery_and_two_more_with_every_plugin(guest: Guest, capsys) -> None:
    by_default = await questions(guest)
    await guest.run("rm -rf /var/lib/bluetooth/*")  # a table that bluetoothd remembers is hardly asked for
    await guest.restart_bluetoothd(*RECOMMENDED_OPTIONS)
    try:
        recommended = await questions(guest)
        of_bluez = await questions(guest, buyer="bluetooth:hci0")
    finally:
        await guest.restart_bluetoothd()
    with capsys.disabled():
        print(  # noqa: T201 - figures are part of the result
            f"\ndiscovery by BlueZ: {len(recommended)} round trips as recommended, {len(by_default)} by default; "
            f"of a buyer on BlueZ {len(of_bluez)}"
        )
    assert len(recommended) <= MAX_DISCOVERY, [question.hex() for question in recommended]
    assert len(of_bluez) <= MAX_OF_BLUEZ, [question.hex() for question in of_bluez]
    assert len(by_default) <= MAX_BY_DEFAULT, [question.hex() for question in by_default]

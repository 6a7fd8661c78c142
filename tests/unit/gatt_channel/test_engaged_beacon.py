"""The beacon for one till alone: found by that till, and by nobody who looks for another or for any."""

import pytest

from bled.gatt.beacon import beacon, is_beacon
from bled.gatt.engagement import Engagement, OpenMeeting, Resumption
from bled.gatt.profile import ADVERTISEMENT, SERVICE_UUID

ONE = Engagement(secret=b"a" * 16, fingerprint=bytes(16))
OTHER = Engagement(secret=b"b" * 16, fingerprint=bytes(16))
RESUMPTION = Resumption(psk=b"p" * 32, reader_key=bytes(32), session_id=bytes(16))


def test_the_open_beacon_is_the_profiles() -> None:
    assert beacon(OpenMeeting().uuid) == beacon(SERVICE_UUID) == ADVERTISEMENT


@pytest.mark.parametrize("meeting", [ONE, OTHER, RESUMPTION])
def test_a_beacon_is_found_by_the_till_that_it_is_for(meeting: Engagement | Resumption) -> None:
    data = beacon(meeting.uuid)
    assert len(data) == len(ADVERTISEMENT) == 21
    assert is_beacon(data, service=meeting.uuid)
    assert not is_beacon(data)


def test_a_beacon_is_not_found_by_another_till() -> None:
    assert not is_beacon(beacon(ONE.uuid), service=OTHER.uuid)
    assert not is_beacon(beacon(RESUMPTION.uuid), service=ONE.uuid)
    assert not is_beacon(ADVERTISEMENT, service=ONE.uuid)

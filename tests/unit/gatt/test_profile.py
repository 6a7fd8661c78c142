"""The profile's names and sizes."""

from bled.gatt.profile import ADVERTISEMENT, B2M_UUID, M2B_UUID, SERVICE_UUID


def test_the_advertisement_is_flags_and_the_service_uuid_and_fits_a_legacy_pdu() -> None:
    assert ADVERTISEMENT.hex() == "0201061107" + "7bffb73f3508f6a351414207fc28588d"
    assert len(ADVERTISEMENT) <= 31


def test_characteristics_count_up_in_the_first_four_bytes() -> None:
    uuids = (SERVICE_UUID, M2B_UUID, B2M_UUID)
    assert [int.from_bytes(uuid.bytes[:4], "big") - int.from_bytes(uuids[0].bytes[:4], "big") for uuid in uuids] == [
        0,
        1,
        2,
    ]
    assert len({uuid.bytes[4:] for uuid in uuids}) == 1


def test_the_uuids_are_random_ones_of_version_4() -> None:
    assert SERVICE_UUID.version == M2B_UUID.version == B2M_UUID.version == 4

"""The tables of `gatt_profile.md` say what goes over the air: layouts are compared with what the program makes."""

import hashlib
import math
import re

import pytest

from bled.bench.link_model import PACKETS_PER_EVENT
from bled.codes import OUTCOMES, Code
from bled.gatt import compare_code, engagement, handshake_payloads, noise, profile
from bled.gatt.engagement import Engagement, OpenMeeting
from bled.gatt.frames import Violation, fragment_size, split_message
from bled.gatt.handshake import Beacon, Reader
from bled.gatt.handshake_payloads import Feature, Hs1, Hs2
from bled.gatt.messages import (
    Abort,
    AbortReason,
    ErrorMessage,
    InvreqMessage,
    Message,
    MessageType,
    OfferExtension,
    OfferMessage,
    StatusAck,
    StatusCode,
    StatusExtension,
    StatusMessage,
    Wait,
    WaitReason,
    encode_message,
)
from bled.gatt.primitives import X25519Key
from bled.gatt.profile import ADVERTISEMENT
from bled.link import inbox
from bled.session import buyer

from .text import TEXT, Row, hexes, line, section, table, tables

VALUES: set[tuple[str, str]] = {
    ("3", "octets"),
    ("4", "attribute"),
    ("4", "connection interval"),
    ("5", "octet"),
    ("5", "ATT_MTU"),
    ("5", "violation"),
    ("6", "meeting"),
    ("6", "offset"),
    ("6", "message"),
    ("6", "feature bit"),
    ("6", "received"),
    ("7", "type"),
    ("7", "offset"),
    ("7", "STATUS code"),
    ("7", "OFFER extension"),
    ("7", "STATUS extension"),
    ("7", "WAIT reason"),
    ("7", "ABORT reason"),
    ("7", "fault"),
    ("8", "state"),
    ("8", "the offer"),
    ("8", "the request"),
    ("9", "code"),
    ("13", "name"),
    ("13", "time"),
    ("14", "file"),
    ("14", "message"),
    ("14", "frames"),
    ("14", "bytes"),
    ("16", "field"),
}
"""Tables that tests of this folder, or of the vectors, compare with the program."""
WORDS = {("1", "role"), ("1", "used here"), ("2", "layer"), ("11", "against"), ("", "section")}
"""Tables for people, which name no number of their own."""


def test_every_table_is_compared_or_has_nothing_to_compare() -> None:
    found = {("", head[0]) for head, _ in tables(TEXT.split("\n## ")[0])}
    for number in range(1, 17):
        found |= {(str(number), head[0]) for head, _ in tables(section(str(number)))}
    assert found == VALUES | WORDS


def laid_out(data: bytes, rows: list[Row], **lengths: int) -> dict[str, bytes]:
    """Return the fields of `data` as a layout table has them; offsets and lengths may be sums with names in them."""
    fields: dict[str, bytes] = {}
    end = 0
    for offset, octets, name, *_ in rows:
        start = _sum(offset, lengths)
        assert start == end, f"{name} does not follow what is before it"
        end = start + _sum(octets, lengths) if octets else len(data)
        fields[name.strip("`")] = data[start:end]
    assert end == len(data)
    return fields


def _sum(cell: str, lengths: dict[str, int]) -> int:
    return sum(int(part) if part.isdigit() else lengths[part] for part in cell.replace("`", "").split(" + "))


def number(field: bytes) -> int:
    return int.from_bytes(field, "big")


def test_the_advertisement_is_the_one_that_is_sent() -> None:
    rows = table("3", "octets", "bytes")
    assert b"".join(hexes(row[1])[0] for row in rows) == ADVERTISEMENT
    for place, octets, _ in rows:
        first, last = (int(end) for end in place.split("-"))
        assert ADVERTISEMENT[first : last + 1] == hexes(octets)[0]


def test_the_table_has_the_uuids_and_properties_of_the_code() -> None:
    found = [re.findall(r"`([0-9a-f-]{36})`", row[1])[0] for row in table("4", "attribute")]
    assert found == [str(uuid) for uuid in (profile.SERVICE_UUID, profile.M2B_UUID, profile.B2M_UUID)]
    assert set(re.findall(r"`([0-9a-f]{8}-[0-9a-f-]{27})`", TEXT)) == set(found)


def frames_of(size: int, att_mtu: int = profile.MIN_ATT_MTU) -> int:
    return len(split_message(bytes(size), att_mtu=att_mtu))


def test_the_times_of_a_message_are_those_of_the_model() -> None:
    for head, *cells in table("4", "connection interval"):
        interval = float(head.removesuffix(" ms")) / 1000
        for cell, per_event in zip(cells, (0.5, 1, PACKETS_PER_EVENT), strict=True):
            seconds = interval * math.ceil(frames_of(profile.MAX_MESSAGE_BYTES) / per_event)
            assert cell.split(" ")[0] == f"{seconds:.1f}"
            passes = seconds <= profile.MESSAGE_SECONDS
            assert passes is ("(" not in cell)
            if not passes:
                longest = int(cell.split("(")[1].rstrip(")"))
                slots = math.floor(profile.MESSAGE_SECONDS / interval * per_event)
                assert (frames_of(longest), frames_of(longest + 1)) == (slots, slots + 1)
    text = line("4.4")
    assert f"2200 octets take {frames_of(2200)} frames: at 30 ms {frames_of(2200) * 0.06:.1f} s" in text
    hs3 = frames_of(handshake_payloads.MIN_MESSAGE_LIMIT)
    assert f"{hs3} frames) passes at 50 ms too, in {hs3 * 0.1:.1f} s" in text
    assert frames_of(profile.MAX_MESSAGE_BYTES, 185) * 2 * 0.15 < profile.MESSAGE_SECONDS
    pace = float(re.findall(r"else it waits (\d+) ms after each", text)[0]) / 1000
    assert pace * frames_of(profile.MAX_MESSAGE_BYTES) < profile.MESSAGE_SECONDS


def test_the_octets_of_a_frame_are_what_the_sender_makes() -> None:
    rows = {(octet, bits) for octet, bits, _ in table("5", "octet", "bits")}
    assert rows == {("0", "7"), ("0", "6"), ("0", "5"), ("0", "4-0"), ("1-2", ""), ("rest", "")}
    first, second, third = split_message(bytes(40), att_mtu=23, first_number=30)
    assert (first[0], first[1:3], second[0], third[0]) == (0x80 | 30, b"\x00\x28", 31, 0x40)


def test_the_sizes_of_frames_are_what_the_sender_does() -> None:
    for att_mtu, size, long, short in table("5", "ATT_MTU"):
        assert fragment_size(int(att_mtu)) == int(size)
        assert len(split_message(bytes(4096), att_mtu=int(att_mtu))) == int(long)
        assert len(split_message(bytes(300), att_mtu=int(att_mtu))) == int(short)
    formula = f"min(ATT_MTU - {profile.FRAGMENT_OVERHEAD_BYTES}, {profile.MAX_FRAGMENT_BYTES}, limit)"
    assert formula in line("5")


def test_every_violation_is_named_with_its_numbers() -> None:
    rows = {cell.strip("`"): when for cell, when in table("5", "violation")}
    assert set(rows) == {violation.value for violation in Violation}
    numbers = {
        Violation.FRAME_TOO_LONG: profile.MAX_VALUE_BYTES,
        Violation.NUMBER: profile.REORDER_WINDOW,
        Violation.TOO_LARGE: profile.MAX_MESSAGE_BYTES,
        Violation.GAP: profile.FRAME_GAP_SECONDS,
        Violation.TIMEOUT: profile.MESSAGE_SECONDS,
        Violation.FLOOD: inbox.MAX_UNREAD_MESSAGES,
        Violation.FRAGMENT_SIZE: profile.MIN_FRAGMENT_BYTES,
    }
    for violation, value in numbers.items():
        assert re.search(rf"\b{value:g}\b", rows[violation]), violation
    assert f"LEN, with FIRST only: length of the whole message, 1 to {profile.MAX_MESSAGE_BYTES}" in line("5.1")
    refused = set(re.findall(r"fail\(([a-z-]+)", section("5.3"))) - {"timeout"}
    assert refused == set(rows) - {"gap", "timeout", "fragment-size"}
    assert "fail(timeout if started + T_MESSAGE < progress + T_GAP, else gap)" in section("5.3")


def test_the_ways_to_meet_are_those_of_the_code() -> None:
    rows = table("6", "meeting")
    assert [row[0] for row in rows] == ["open", "engaged", "resumed"]
    assert rows[0][2] == f"`{OpenMeeting().uuid}`"
    assert OpenMeeting().psk == bytes(32)
    text = line("6")
    for tag in (engagement._PSK_INFO, engagement._UUID_INFO, noise.PROLOGUE, compare_code._COMMIT_TAG):
        assert tag.decode() in text
    assert f'HKDF(ck, h, "{engagement._RESUME_INFO.decode()}", 32)' in line("10")
    assert f'SHA-256("{compare_code._CODE_TAG.decode()}" ||' in text
    for tag in (engagement._PSK_INFO, engagement._UUID_INFO, engagement._RESUME_INFO, compare_code._COMMIT_TAG):
        assert re.search(rf'"{tag.decode()}"[^.]*? {len(tag)}\b', text), tag
    assert f"`{noise.PROTOCOL_NAME.decode()}`" in text
    assert f"the name has {len(noise.PROTOCOL_NAME)} octets" in text


def test_the_code_of_a_till_is_laid_out_as_in_the_table() -> None:
    made = Engagement(secret=bytes(range(16)), fingerprint=bytes(range(16, 32)))
    fields = laid_out(bytes(range(32)), table("6.1", "offset"))
    assert fields == {"secret": made.secret, "fingerprint": made.fingerprint}
    assert Engagement.parse(made.format()) == made
    assert f"followed by {len(made.format()) - 6} characters" in line("6.1")


STATIC = X25519Key(b"\x01" * 32)
MESSAGE = encode_message(OfferMessage(valid_for=300, offer=b"offer"))


def test_the_messages_of_the_handshake_are_laid_out_as_in_the_tables() -> None:
    reader = Reader(static=STATIC, meeting=OpenMeeting(), message=MESSAGE)
    beacon = Beacon(meeting=OpenMeeting())
    hs1 = reader.start(entropy=lambda length: b"\x02" * length)
    hs2 = beacon.answer(hs1, entropy=lambda length: b"\x03" * length)
    hs3, _ = reader.finish(hs2)
    rows = table("6.2", "message", "offset")
    for name, data in (("HS1", hs1), ("HS2", hs2), ("HS3", hs3)):
        fields = laid_out(data, [row[1:] for row in rows if row[0] == name], n=len(MESSAGE))
        assert len(fields) == 2
    assert hs1[:32] == X25519Key(b"\x02" * 32).public


def test_the_payloads_of_the_handshake_are_laid_out_as_in_the_tables() -> None:
    commit, nonce = bytes(range(32)), bytes(range(16))
    first = Hs1(min_version=1, max_version=2, features=0x01020304, rx_frag_max=0x0506, commit=commit).encode()
    fields = laid_out(first, table("6.3", "offset", which=0))
    assert [number(value) for value in list(fields.values())[:4]] == [1, 2, 0x01020304, 0x0506]
    assert fields["commit"] == commit
    second = Hs2(version=1, features=0x01020304, rx_frag_max=0x0506, max_msg=0x0708, nonce=nonce).encode()
    fields = laid_out(second, table("6.3", "offset", which=1))
    assert [number(value) for value in list(fields.values())[:4]] == [1, 0x01020304, 0x0506, 0x0708]
    assert fields["Nb"] == nonce
    third = laid_out(nonce + MESSAGE, table("6.3", "offset", which=2), n=len(MESSAGE))
    assert handshake_payloads.split_hs3(nonce + MESSAGE) == (third["Nm"], third["message"])


def test_the_commitment_and_the_code_are_those_of_the_text() -> None:
    nonce, key, payload, h = b"\x01" * 16, b"\x02" * 32, b"\x03" * 50, b"\x04" * 32
    assert (
        compare_code.commitment(nonce, key, payload) == hashlib.sha256(b"bled1 commit" + nonce + key + payload).digest()
    )
    assert 'SHA-256("bled1 commit" || Nm || s.public || payload 3)' in line("6.4")
    digest = hashlib.sha256(b"bled1 sas" + h + nonce + nonce).digest()
    assert compare_code.compare_code(h, nonce, nonce) == f"{int.from_bytes(digest[:4], 'big') % 10**6:06}"
    assert "modulo 10^6" in line("6.4")


def test_the_features_are_those_of_the_code() -> None:
    rows = table("6.3", "feature bit")
    assert [(1 << int(bit), name) for bit, name, _ in rows] == [(feature.value, feature.name) for feature in Feature]
    assert [name for _, name, meaning in rows if "reserved" not in meaning] == [
        f.name for f in handshake_payloads.FEATURES
    ]


def test_every_outcome_of_the_handshake_is_in_its_table() -> None:
    named = {row[2].strip("`") for row in table("6.6", "received")}
    assert named <= {code.value for code in Code}
    assert {name for name in named if name.startswith(("handshake", "commitment", "reader"))} == {
        code.value for code in Code if code.value.startswith(("handshake", "commitment", "reader"))
    }


def test_every_message_type_is_in_the_table() -> None:
    rows = table("7.1", "type")
    assert [(int(row[0], 16), row[1]) for row in rows] == [(member.value, member.name) for member in MessageType]
    for _, name, _, place in rows:
        assert name in section(place).splitlines()[0]


LAYOUTS: dict[str, tuple[Message, dict[str, int], dict[str, int | bytes]]] = {
    "7.2": (
        OfferMessage(valid_for=0x0102, offer=b"offer"),
        {"len": 5},
        {"valid_for": 0x0102, "len": 5, "offer": b"offer"},
    ),
    "7.3": (InvreqMessage(request=b"request"), {"len": 7}, {"len": 7, "request": b"request"}),
    "7.4": (StatusMessage(code=StatusCode.PAID), {}, {"code": 2}),
    "7.5": (StatusAck(code=StatusCode.EXPIRED), {}, {"code": 4}),
    "7.6": (Wait(reason=WaitReason.SIGNING), {}, {"reason": 2}),
    "7.7": (ErrorMessage(code=0x0102, text="text"), {"len": 4}, {"code": 0x0102, "len": 4, "text": b"text"}),
}


@pytest.mark.parametrize("place", LAYOUTS)
def test_a_message_is_laid_out_as_in_its_table(place: str) -> None:
    message, lengths, values = LAYOUTS[place]
    rows = table(place, "offset")
    fields = laid_out(encode_message(message), rows, **lengths)
    assert fields["type"][0] == int(re.findall(r"0x([0-9A-F]{2})", rows[0][3])[0], 16)
    for name, value in values.items():
        assert fields[name] == value if isinstance(value, bytes) else number(fields[name]) == value
    assert set(fields) == set(values) | {"type", "extensions"}
    assert fields["extensions"] == b""


def test_an_abort_is_laid_out_as_a_wait() -> None:
    assert table("7.6", "offset")[0][3] == "0x17 WAIT, 0x1A ABORT"
    assert encode_message(Abort(reason=AbortReason.BUSY)) == bytes([0x1A, 4])


@pytest.mark.parametrize(
    ("heading", "numbers"),
    [
        ("STATUS code", StatusCode),
        ("OFFER extension", OfferExtension),
        ("STATUS extension", StatusExtension),
        ("WAIT reason", WaitReason),
        ("ABORT reason", AbortReason),
    ],
)
def test_every_number_of_a_message_is_in_its_table(heading: str, numbers) -> None:
    assert [(int(row[0]), row[1]) for row in table("7", heading)] == [(n.value, n.name) for n in numbers]


def test_the_final_codes_are_those_that_end_a_session() -> None:
    final = {StatusCode(int(code)) for code, _, last in table("7", "STATUS code") if last == "yes"}
    assert final == buyer._FINAL_CODES


ERRORS = {row[1]: int(row[0], 16) for row in table("9.1", "code")}


def test_the_error_codes_are_those_of_the_registry() -> None:
    rows = {int(row[0], 16): set(re.findall(r"`([a-z-]+)`", row[4])) for row in table("9.1", "code")}
    registry: dict[int, set[str]] = {}
    for outcome in OUTCOMES.values():
        if outcome.air is not None:
            registry.setdefault(outcome.air, set()).add(outcome.code.value)
    assert rows == registry


def test_errors_are_called_by_the_names_of_the_table() -> None:
    reserved = {"VERSION", "ALREADY_PAID", "RATE_LIMITED"}
    named = set(re.findall(r"ERROR ([A-Z]{2,}[A-Z_]+)", TEXT)) | {row[1] for row in table("7.8", "fault")} - {"ERROR"}
    assert {name for name in named if " " not in name} <= set(ERRORS)
    assert reserved & set(ERRORS) == set()


def test_what_begins_a_time_is_said_of_times_that_there_are() -> None:
    named = [name for row in table("13", "time") for name in re.findall(r"`(\w+)`", row[0])]
    assert len(named) == len(set(named))
    times = {row[0].strip("`") for row in table("13", "name", "value") if row[2] in ("s", "ms")}
    of_the_radio = {"T_INTERVAL", "T_SCAN", "T_CI_MIN", "T_CI_MAX", "T_SUPERVISION"}
    pauses = {"T_BACKOFF_1", "T_BACKOFF_2", "T_BACKOFF_3", "T_RACE"}
    assert set(named) == times - of_the_radio - pauses


def test_reserved_values_are_those_that_the_code_does_not_know() -> None:
    rows = {row[0]: row[1] for row in table("16.1", "field")}
    assert rows["STATUS and STATUS_ACK code"] == f"{max(StatusCode) + 1} to 255"
    assert rows["WAIT reason"] == f"0, {max(WaitReason) + 1} to 255"
    assert rows["ABORT reason"] == f"0, {max(AbortReason) + 1} to 255"
    assert rows["feature bits"] == "3 CERTIFICATE, 4 L2CAP, 5 to 31"
    assert rows["version"] == f"0, {handshake_payloads.LAST_VERSION + 1} to 255"
    reserved = {int(code, 16) for code in re.findall(r"0x([0-9A-F]{4})", rows["ERROR code"])}
    assert reserved & set(ERRORS.values()) == set()
    assert set(range(1, 0x0F)) == reserved | set(ERRORS.values())
    assert TEXT.startswith(f"# bled GATT profile, version {handshake_payloads.LAST_VERSION}\n")

"""`gatt_profile.md` says what the code does: its tables and vectors are read and compared."""

import re
from pathlib import Path

import pytest

from bled.buyer import arrival, meeting
from bled.codes import OUTCOMES, Code
from bled.errors import PeerError
from bled.gatt import code_limits, compare_code, engagement, handshake_payloads, noise, profile, secure_channel
from bled.gatt.engagement import OpenMeeting
from bled.gatt.frames import FramingError, Reassembler, Violation, fragment_size, split_message
from bled.gatt.handshake import Beacon, Reader
from bled.gatt.handshake_payloads import Feature
from bled.gatt.messages import (
    Abort,
    AbortReason,
    ErrorMessage,
    InvreqMessage,
    Message,
    MessageType,
    OfferMessage,
    StatusAck,
    StatusCode,
    StatusExtension,
    StatusMessage,
    Wait,
    WaitReason,
    decode_message,
    encode_message,
)
from bled.gatt.primitives import X25519Key
from bled.link import bumble_central, bumble_peripheral, handshaking, inbox, lobby, tries
from bled.sales import greeting, status
from bled.sales.times import TIMES
from bled.session import buyer, merchant, offer_policy

TEXT = (Path(__file__).resolve().parents[3] / "gatt_profile.md").read_text(encoding="utf-8")

Row = tuple[str, ...]


def section(number: str) -> str:
    """Return the text of one section, its subsections included."""
    found = re.search(rf"^#+ {re.escape(number)}[. ].*?(?=^## |\Z)", TEXT, re.MULTILINE | re.DOTALL)
    assert found, f"no section {number}"
    return found.group()


def table(number: str, first_column: str) -> list[Row]:
    """Return the rows of the table in section `number` whose first heading is `first_column`."""
    lines = iter(section(number).splitlines())
    for line in lines:
        if line.startswith(f"| {first_column} |"):
            assert set(next(lines)) <= set("|-")
            rows = []
            for row in lines:
                if not row.startswith("|"):
                    break
                rows.append(tuple(cell.strip() for cell in row.strip("|").split("|")))
            return rows
    raise AssertionError(f"no table {first_column!r} in section {number}")


def hexes(cell: str) -> list[bytes]:
    return [bytes.fromhex(value) for value in re.findall(r"`([0-9a-f]+)`", cell)]


def test_the_advertisement_is_the_one_that_is_sent() -> None:
    assert b"".join(hexes(row[1])[0] for row in table("3", "octets")) == profile.ADVERTISEMENT


def test_the_numbers_of_the_search_are_those_of_the_code() -> None:
    text = " ".join(section("3").split())
    assert f"Interval {bumble_peripheral.INTERVAL_MILLISECONDS:g} ms" in text
    assert f"listens {bumble_central.SETTLE_SECONDS * 1000:g} ms longer" in text
    assert f"connect for {bumble_central.CONNECT_SECONDS:g} s" in text
    assert f"{bumble_central.DISCOVER_SECONDS:g} s for ATT_MTU exchange and discovery" in text
    assert f"{bumble_central.SUBSCRIBE_SECONDS:g} s for the subscription" in text
    first, second, third = tries.BACK_OFF_SECONDS
    assert f"waits {first:g}, {second:g}, {third:g} s" in text
    assert f"alone for {tries.BAN_SECONDS:g} s" in text
    preferences = bumble_central._PREFERENCES
    intervals = f"{preferences.connection_interval_min:g}-{preferences.connection_interval_max:g} ms"
    assert f"interval {intervals} and supervision timeout {preferences.supervision_timeout / 1000:g} s" in text


def test_the_table_has_the_uuids_of_the_code() -> None:
    found = re.findall(r"`([0-9a-f-]{36})`", section("4"))
    assert re.findall(r"`([0-9a-f-]{36})`", section("6")) == [str(profile.SERVICE_UUID)]
    assert found == [str(uuid) for uuid in (profile.SERVICE_UUID, profile.M2B_UUID, profile.B2M_UUID)]
    assert f"{profile.MIN_ATT_MTU} to {profile.MAX_ATT_MTU}" in section("4")


def test_the_fragment_table_is_what_the_sender_does() -> None:
    for att_mtu, size, long, short in table("5", "ATT_MTU"):
        assert fragment_size(int(att_mtu)) == int(size)
        assert len(split_message(bytes(4096), att_mtu=int(att_mtu))) == int(long)
        assert len(split_message(bytes(300), att_mtu=int(att_mtu))) == int(short)
    formula = f"min(ATT_MTU - {profile.FRAGMENT_OVERHEAD_BYTES}, {profile.MAX_FRAGMENT_BYTES}, limit)"
    assert formula in section("5")


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
    for violation, number in numbers.items():
        assert re.search(rf"\b{number:g}\b", rows[violation]), violation


def test_every_message_type_is_in_the_table() -> None:
    rows = table("7", "type")
    assert [(int(row[0], 16), row[1]) for row in rows] == [(member.value, member.name) for member in MessageType]


@pytest.mark.parametrize(
    ("heading", "numbers"),
    [
        ("STATUS code", StatusCode),
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


def test_the_states_are_those_of_the_sessions() -> None:
    for number, states in (("8.1", buyer.State), ("8.2", merchant.State)):
        part = section("8").split(f"### {number}")[1].split("###")[0]
        rows = [line.strip("|").split("|") for line in part.splitlines() if line.startswith("| ")][1:]
        named = {word for row in rows for cell in (row[0], row[3]) for word in re.findall(r"[A-Z]{4,}", cell)}
        assert named == {state.name for state in states}


def test_the_timers_are_those_of_the_code() -> None:
    timers = {
        "advertise": bumble_peripheral.ADVERTISE_SECONDS,
        "connect": bumble_central.CONNECT_SECONDS,
        "discover": bumble_central.DISCOVER_SECONDS,
        "subscribe": bumble_central.SUBSCRIBE_SECONDS,
        "guest subscribes": lobby.SUBSCRIBE_SECONDS,
        "guest writes": lobby.OFFER_SECONDS,
        "frame gap": profile.FRAME_GAP_SECONDS,
        "message": profile.MESSAGE_SECONDS,
        "handshake": handshaking.HANDSHAKE_SECONDS,
        "engagement": engagement.ENGAGEMENT_SECONDS,
        "resume": handshaking.RESUME_SECONDS,
        "tries are counted for": code_limits.OPEN_TRIES_SECONDS,
        "approve": buyer.APPROVE_SECONDS,
        "keep-alive": buyer.KEEP_ALIVE_SECONDS,
        "status": buyer.STATUS_SECONDS,
        "after the expiry": meeting.AFTER_EXPIRY_SECONDS,
        "request": merchant.APPROVE_SECONDS,
        "silence": merchant.SILENCE_SECONDS,
        "acknowledgement": merchant.ACK_SECONDS,
    }
    assert {name: float(seconds) for name, seconds, _ in table("8", "timer")} == timers
    assert buyer.KEEP_ALIVE_SECONDS == merchant.KEEP_ALIVE_SECONDS


def test_the_numbers_of_the_state_machines_are_those_of_the_code() -> None:
    text = " ".join(section("8").split())
    least, most = offer_policy.OFFER_LEFT_MIN_SECONDS, offer_policy.OFFER_LEFT_MAX_SECONDS
    for claim in (
        f"expires in {least} to {most} s",
        f"every {buyer.KEEP_ALIVE_SECONDS} s | WAIT 1",
        f"| {buyer.APPROVE_SECONDS} s have passed",
        f"{buyer.STATUS_SECONDS} s without a message",
        f"no HS3 within {handshaking.HANDSHAKE_SECONDS:g} s of HS1",
        f"no HS2 within {handshaking.HANDSHAKE_SECONDS:g} s",
        f"{meeting.AFTER_EXPIRY_SECONDS:g} s after the offer's expiry",
        f"{merchant.SILENCE_SECONDS:g} s more, {merchant.APPROVE_SECONDS:g} s in all",
        f"{merchant.KEEP_ALIVE_SECONDS:g} s have passed | WAIT 3",
        f"{merchant.ACK_SECONDS:g} s without a message, ABORT",
        f"with {TIMES.offer_left} s left",
        f"up to {status._LARGEST_SENT_INVOICE} bytes, the invoice",
    ):
        assert claim in text


def test_the_error_codes_are_those_of_the_registry() -> None:
    rows = {int(code, 16): set(re.findall(r"`([a-z-]+)`", cell)) for code, _, cell in table("9", "code")}
    registry: dict[int, set[str]] = {}
    for outcome in OUTCOMES.values():
        if outcome.air is not None:
            registry.setdefault(outcome.air, set()).add(outcome.code.value)
    assert rows == registry


def test_the_limits_are_those_of_the_code() -> None:
    assert [int(number) for _, number in table("9", "limit")] == [
        profile.MAX_VALUE_BYTES,
        profile.MAX_FRAGMENT_BYTES,
        profile.MAX_MESSAGE_BYTES,
        secure_channel.MAX_PLAINTEXT_BYTES,
        handshake_payloads.MAX_HELLO_BYTES,
        profile.MAX_OFFER_BYTES,
        profile.MAX_REQUEST_BYTES,
        profile.MAX_RECEIPT_TEXT_BYTES,
        profile.MAX_ERROR_TEXT_BYTES,
        profile.REORDER_WINDOW,
        inbox.MAX_UNREAD_MESSAGES,
        lobby.MAX_GUESTS,
        arrival.HANDSHAKES,
        code_limits.OPEN_TRIES,
        code_limits.SALE_CODES,
    ]
    assert arrival.HANDSHAKES == greeting.HANDSHAKES


def test_the_handshake_is_the_one_that_is_spoken() -> None:
    lengths = [row[1] for row in table("6", "message")]
    static = X25519Key(b"\x01" * 32)
    reader = Reader(static=static, meeting=OpenMeeting(), message=b"\x10" + bytes(99))
    beacon = Beacon(meeting=OpenMeeting())
    hs1 = reader.start(entropy=lambda length: b"\x02" * length)
    hs2 = beacon.answer(hs1, entropy=lambda length: b"\x03" * length)
    hs3, _ = reader.finish(hs2)
    assert [len(hs1), len(hs2)] == [int(lengths[0]) + int(lengths[1]), int(lengths[2]) + int(lengths[3])]
    assert len(hs3) == int(lengths[4]) + int(lengths[5].removesuffix(" + n")) + 100


def test_the_words_and_numbers_of_the_channel_are_those_of_the_code() -> None:
    text = " ".join(section("6").split())
    for claim in (
        f"`{noise.PROTOCOL_NAME.decode()}`",
        f"prologue the five octets `{noise.PROLOGUE.decode()}`",
        f"info `{engagement._PSK_INFO.decode()}`",
        f"info `{engagement._UUID_INFO.decode()}`",
        f"info {engagement._RESUME_INFO.decode()})",
        f"look for each other for {handshaking.RESUME_SECONDS:g} s",
        f"SHA-256(`{compare_code._COMMIT_TAG.decode()}`",
        f"SHA-256({compare_code._CODE_TAG.decode()} ||",
        f"secret ({engagement.SECRET_BYTES} octets, drawn",
        f"fingerprint (the first {engagement.FINGERPRINT_BYTES} octets",
        f"begun within {engagement.ENGAGEMENT_SECONDS} s",
        f"at most {handshake_payloads.MAX_HELLO_BYTES} octets",
        f"longest sealed message that the device takes, {handshake_payloads.MIN_MESSAGE_LIMIT} to",
        f"takes {handshaking.HANDSHAKE_SECONDS:g} s at most",
        f"makes {code_limits.OPEN_TRIES} tries in {code_limits.OPEN_TRIES_SECONDS} s",
        f"this text is version {handshake_payloads.LAST_VERSION}",
        f"has {secure_channel.MAX_PLAINTEXT_BYTES} at most",
    ):
        assert claim in text
    assert TEXT.startswith(f"# bled GATT profile, version {handshake_payloads.LAST_VERSION}\n")


def test_the_features_that_are_offered_are_those_of_the_text() -> None:
    text = " ".join(section("6").split())
    assert handshake_payloads.FEATURES == Feature.COMPARE_CODE | Feature.INVOICE | Feature.RESUME
    assert [Feature.COMPARE_CODE, Feature.INVOICE, Feature.RESUME] == [1 << 0, 1 << 1, 1 << 2]
    assert [Feature.CERTIFICATE, Feature.L2CAP] == [1 << 3, 1 << 4]
    assert "Bit 2: the session can be resumed. Bits 3 (certificate) and 4 (L2CAP) are reserved" in text


@pytest.mark.parametrize("row", table("11", "message"), ids=lambda row: row[0])
def test_a_vector_of_frames_is_what_is_sent_and_received(row: Row) -> None:
    message, frames = hexes(row[0])[0], hexes(row[3])
    number = int(row[2])
    assert list(split_message(message, att_mtu=int(row[1]), first_number=number)) == frames
    reassembler = Reassembler()
    for earlier in range(number):
        reassembler.receive(bytes([0xC0 | earlier]) + b"\x00\x01x", now=0.0)
    assert [done for frame in frames for done in reassembler.receive(frame, now=0.0)] == [message]


@pytest.mark.parametrize("row", table("11", "frames"), ids=lambda row: row[1])
def test_a_vector_of_bad_frames_is_refused_for_its_reason(row: Row) -> None:
    reassembler = Reassembler()
    *before, last = hexes(row[0])
    for frame in before:
        reassembler.receive(frame, now=0.0)
    with pytest.raises(FramingError) as caught:
        reassembler.receive(last, now=0.0)
    assert caught.value.violation == row[1].strip("`")


MEANINGS: dict[str, Message] = {
    "OFFER: `valid_for` 300, offer `0a0161`": OfferMessage(valid_for=300, offer=bytes.fromhex("0a0161")),
    "INVREQ: request `000162`": InvreqMessage(request=bytes.fromhex("000162")),
    "STATUS 0": StatusMessage(code=StatusCode.RECEIVED),
    "STATUS 1, payment hash 32 x `11`": StatusMessage(code=StatusCode.INVOICE_SENT, payment_hash=b"\x11" * 32),
    'STATUS 2, preimage 32 x `22`, text "paid", payment hash 32 x `33`': StatusMessage(
        code=StatusCode.PAID, preimage=b"\x22" * 32, text="paid", payment_hash=b"\x33" * 32
    ),
    "STATUS_ACK 2": StatusAck(code=StatusCode.PAID),
    "WAIT 1": Wait(reason=WaitReason.USER_DECIDING),
    'ERROR 0x0005, text "bad state"': ErrorMessage(code=5, text="bad state"),
    "ABORT 1": Abort(reason=AbortReason.USER_DECLINED),
}


@pytest.mark.parametrize("row", table("11", "bytes"), ids=lambda row: row[0][:20])
def test_a_vector_of_a_message_means_what_is_written_beside_it(row: Row) -> None:
    data, meaning = hexes(row[0])[0], row[1]
    if meaning.startswith("refused"):
        with pytest.raises(PeerError) as caught:
            decode_message(data)
        assert caught.value.code is Code(re.findall(r"`([a-z-]+)`", meaning)[0])
    elif meaning.startswith("ignored"):
        assert decode_message(data) is None
    elif meaning.endswith("ignored"):
        assert decode_message(data) == MEANINGS[meaning.split(", an unknown")[0]]
    else:
        assert decode_message(data) == MEANINGS[meaning]
        assert encode_message(MEANINGS[meaning]) == data


def test_every_kind_of_message_has_a_vector() -> None:
    named = {row[1].split(":")[0].split(" ")[0].split(",")[0] for row in table("11", "bytes")}
    assert {member.name for member in MessageType} <= named

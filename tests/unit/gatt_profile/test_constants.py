"""Every constant of `gatt_profile.md` has the program's value, and every name in its text is a constant."""

import inspect
import re

import pytest
from bumble import device

from bled.buyer import arrival, meeting, pay_screen
from bled.cli.merchant import charge as charge_command
from bled.gatt import code_limits, engagement, frames, handshake_payloads, primitives, profile, secure_channel
from bled.link import (
    bleak_central,
    bluez_table,
    bumble_central,
    bumble_peripheral,
    conduct,
    handshaking,
    host_peripheral,
    inbox,
    lobby,
    tries,
)
from bled.sales import conversation, greeting, judge, status
from bled.sales.charge import charge
from bled.sales.times import TIMES
from bled.session import buyer, merchant, offer_policy

from .text import CONSTANTS, TEXT, line, section, table

PREFERENCES = bumble_central._PREFERENCES

OURS = {
    "VERSION": handshake_payloads.LAST_VERSION,
    "T_INTERVAL": bumble_peripheral.INTERVAL_MILLISECONDS,
    "T_ADVERTISE": bumble_peripheral.ADVERTISE_SECONDS,
    "T_SEARCH": inspect.signature(charge).parameters["buyer_seconds"].default,
    "T_SCAN": device.DEVICE_DEFAULT_SCAN_INTERVAL,
    "T_SETTLE": bumble_central.SETTLE_SECONDS * 1000,
    "T_MET": tries.MET_SECONDS,
    "T_CI_MIN": PREFERENCES.connection_interval_min,
    "T_CI_MAX": PREFERENCES.connection_interval_max,
    "T_SUPERVISION": PREFERENCES.supervision_timeout / 1000,
    "T_CONNECT": bumble_central.CONNECT_SECONDS,
    "T_DISCOVER": bumble_central.DISCOVER_SECONDS,
    "T_SUBSCRIBE": bumble_central.SUBSCRIBE_SECONDS,
    "T_BACKOFF_1": tries.BACK_OFF_SECONDS[0],
    "T_BACKOFF_2": tries.BACK_OFF_SECONDS[1],
    "T_BACKOFF_3": tries.BACK_OFF_SECONDS[2],
    "T_BAN": tries.BAN_SECONDS,
    "T_RACE": greeting.RACE_SECONDS,
    "T_GUEST_SUBSCRIBE": lobby.SUBSCRIBE_SECONDS,
    "T_GUEST_WRITE": lobby.OFFER_SECONDS,
    "T_GAP": profile.FRAME_GAP_SECONDS,
    "T_MESSAGE": profile.MESSAGE_SECONDS,
    "T_HANDSHAKE": handshaking.HANDSHAKE_SECONDS,
    "T_ENGAGEMENT": engagement.ENGAGEMENT_SECONDS,
    "T_TRIES": code_limits.OPEN_TRIES_SECONDS,
    "T_RESUME": handshaking.RESUME_SECONDS,
    "T_APPROVE": buyer.APPROVE_SECONDS,
    "T_KEEP_ALIVE": buyer.KEEP_ALIVE_SECONDS,
    "T_REQUEST": merchant.APPROVE_SECONDS,
    "T_SILENCE": merchant.SILENCE_SECONDS,
    "T_STATUS": buyer.STATUS_SECONDS,
    "T_AFTER_EXPIRY": meeting.AFTER_EXPIRY_SECONDS,
    "T_ACK": merchant.ACK_SECONDS,
    "T_OFFER_LIFE": TIMES.offer,
    "T_OFFER_SEND": TIMES.offer_left,
    "T_OFFER_MIN": offer_policy.OFFER_LEFT_MIN_SECONDS,
    "T_OFFER_MAX": offer_policy.OFFER_LEFT_MAX_SECONDS,
    "T_INVOICE_MIN": TIMES.invoice_left,
    "T_NODE": TIMES.node,
    "ATT_MTU_MIN": profile.MIN_ATT_MTU,
    "ATT_MTU_MAX": profile.MAX_ATT_MTU,
    "VALUE_MAX": profile.MAX_VALUE_BYTES,
    "FRAME_MAX": profile.MAX_FRAGMENT_BYTES,
    "FRAME_MIN": profile.MIN_FRAGMENT_BYTES,
    "FRAME_OVERHEAD": profile.FRAGMENT_OVERHEAD_BYTES,
    "WINDOW": profile.REORDER_WINDOW,
    "UNREAD_MAX": inbox.MAX_UNREAD_MESSAGES,
    "MESSAGE_MAX": profile.MAX_MESSAGE_BYTES,
    "PLAINTEXT_MAX": secure_channel.MAX_PLAINTEXT_BYTES,
    "HELLO_MAX": handshake_payloads.MAX_HELLO_BYTES,
    "MAX_MSG_MIN": handshake_payloads.MIN_MESSAGE_LIMIT,
    "OFFER_SURE": profile.SURE_OFFER_BYTES,
    "OFFER_MAX": profile.MAX_OFFER_BYTES,
    "REQUEST_SURE": profile.SURE_REQUEST_BYTES,
    "REQUEST_MAX": profile.MAX_REQUEST_BYTES,
    "INVOICE_MAX": status._LARGEST_SENT_INVOICE,
    "RECEIPT_MAX": profile.MAX_RECEIPT_TEXT_BYTES,
    "ERROR_TEXT_MAX": profile.MAX_ERROR_TEXT_BYTES,
    "PATHS_MAX": judge.MAX_REPLY_PATHS,
    "PATH_HOPS_MAX": judge.MAX_PATH_HOPS,
    "ADDRESSES_MAX": tries.MAX_REMEMBERED,
    "GUESTS_MAX": lobby.MAX_GUESTS,
    "OFFENCES_MAX": conduct.OFFENCES,
    "T_OFFENCES": conduct.OFFENCE_SECONDS,
    "CALLS_MAX": conduct.CALLS,
    "T_CALLS": conduct.CALL_SECONDS,
    "HANDSHAKES_MAX": arrival.HANDSHAKES,
    "UNAPPROVED_MAX": pay_screen.UNAPPROVED_OFFERS,
    "TRIES_MAX": code_limits.OPEN_TRIES,
    "CODES_MAX": code_limits.SALE_CODES,
    "REJOINS_MAX": meeting.REJOINS,
    "KEY": primitives.KEY_BYTES,
    "TAG": primitives.TAG_BYTES,
    "NONCE": handshake_payloads.NONCE_BYTES,
    "SECRET": engagement.SECRET_BYTES,
    "FINGERPRINT": engagement.FINGERPRINT_BYTES,
}

ALSO = {
    "T_INTERVAL": [bluez_table.INTERVAL_MILLISECONDS],
    "T_ADVERTISE": [host_peripheral.ADVERTISE_SECONDS],
    "T_BAN": [conduct.BAN_SECONDS],
    "T_SCAN": [device.DEVICE_DEFAULT_SCAN_WINDOW],
    "T_SEARCH": [inspect.signature(charge_command).parameters["wait"].default],
    "ADDRESSES_MAX": [conduct.MAX_REMEMBERED],
    "T_SETTLE": [bleak_central.SETTLE_SECONDS * 1000],
    "T_SUBSCRIBE": [bleak_central.SUBSCRIBE_SECONDS],
    "T_RESUME": [TIMES.rejoin],
    "T_KEEP_ALIVE": [merchant.KEEP_ALIVE_SECONDS],
    "HANDSHAKES_MAX": [greeting.HANDSHAKES],
    "REJOINS_MAX": [conversation.REJOINS],
    "KEY": [handshake_payloads.COMMIT_BYTES],
}
"""What the program has in more than one place."""


def test_every_constant_has_the_programs_value_and_none_is_left_out() -> None:
    assert {name: float(value) for name, value in OURS.items()} == CONSTANTS


@pytest.mark.parametrize("name", ALSO)
def test_what_is_in_two_places_has_one_value(name: str) -> None:
    assert ALSO[name] == [CONSTANTS[name]] * len(ALSO[name])


def test_bleak_connects_and_discovers_within_the_sum_of_the_two_times() -> None:
    assert CONSTANTS["T_CONNECT"] + CONSTANTS["T_DISCOVER"] == bleak_central.JOIN_SECONDS


def test_constants_that_follow_from_others_do() -> None:
    value = CONSTANTS
    assert value["PLAINTEXT_MAX"] == value["MESSAGE_MAX"] - value["TAG"]
    assert value["FRAME_MIN"] == value["ATT_MTU_MIN"] - value["FRAME_OVERHEAD"]
    assert value["MAX_MSG_MIN"] == value["OFFER_SURE"] + 5 + handshake_payloads.HS3_OVERHEAD_BYTES
    assert value["T_KEEP_ALIVE"] < value["T_SILENCE"] < value["T_STATUS"]
    assert value["T_APPROVE"] + value["T_SILENCE"] == value["T_REQUEST"]
    assert value["T_OFFER_MIN"] < value["T_OFFER_SEND"] < value["T_OFFER_LIFE"] < value["T_OFFER_MAX"]
    assert 2 * value["WINDOW"] == frames.NUMBERS
    assert value["TRIES_MAX"] * value["CODES_MAX"] == 9


def test_every_constant_has_a_unit_an_owner_and_a_reason() -> None:
    rows = table("13", "name", "value", "unit", "whose", "reason")
    assert {row[2] for row in rows} == {"s", "ms", "octets", "number"}
    assert {row[3] for row in rows} == {"device", "till", "both"}
    assert [row[0] for row in rows if not row[4]] == []
    assert all((row[2] in {"s", "ms"}) is row[0].startswith("`T_") for row in rows)


def test_every_name_in_the_text_is_a_constant_and_every_constant_is_used() -> None:
    rest = TEXT.replace(section("13"), "")
    named = set(re.findall(r"`(T_[A-Z0-9_]+|[A-Z]+_(?:MAX|MIN|SURE|OVERHEAD)(?:_MIN)?)`", rest))
    code = "\n".join(re.findall(r"^```.*?^```", rest, re.MULTILINE | re.DOTALL))
    used = named | {name for name in CONSTANTS if re.search(rf"\b{name}\b", code + rest)}
    assert named - set(CONSTANTS) == set()
    assert set(CONSTANTS) - used == {"VERSION", "KEY", "NONCE", "SECRET", "FINGERPRINT"} - used


def test_the_lines_for_bluez_ask_for_the_times_of_the_profile() -> None:
    lines = {name: int(value) for name, value in re.findall(r"(\w+) = (\d+)", line("12.4"))}
    assert lines["MinConnectionInterval"] * 1.25 == CONSTANTS["T_CI_MIN"]
    assert lines["MaxConnectionInterval"] * 1.25 == CONSTANTS["T_CI_MAX"]
    assert lines["ConnectionSupervisionTimeout"] / 100 == CONSTANTS["T_SUPERVISION"]


def test_the_tables_of_states_name_their_times_and_limits() -> None:
    for number in ("8.1", "8.2", "8.3", "8.4"):
        assert re.findall(r"\b\d+(?:\.\d+)? (?:s|ms|octets)\b", section(number)) == []

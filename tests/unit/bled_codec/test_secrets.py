"""Secrets never show in a repr, a message or an exception."""

import traceback

import pytest

from bled_codec.blinded_path import EncryptedData, create_blinded_path, unblind
from bled_codec.contacts import Contact
from bled_codec.crypto import SecretKey
from bled_codec.errors import CodecError
from bled_codec.invoice_request import UnsignedInvoiceRequest
from bled_codec.onion_message import OnionPayload, create_onion_message, open_onion_message
from bled_codec.tlv import make_record

SECRET = b"\xa7" * 32
PATH_ID = b"\xb8" * 32


def shown(value: object) -> list[str]:
    return [repr(value), str(value), f"{value}", repr([value])]


def is_hidden(secret: bytes, texts: list[str]) -> bool:
    forms = (secret.hex()[:16], repr(secret)[2:18], str(int.from_bytes(secret, "big"))[:16])
    return not any(form in text for form in forms for text in texts)


def test_a_key_shows_nothing() -> None:
    assert is_hidden(SECRET, shown(SecretKey(SECRET)))
    assert not is_hidden(SECRET, [repr(SECRET)])


def test_what_a_hop_opens_shows_neither_shared_secret_nor_path_id() -> None:
    key, session = SecretKey(SECRET), SecretKey(b"\xc9" * 32)
    clear = EncryptedData(path_id=PATH_ID)
    path = create_blinded_path([key.public_key], [clear.encode()], session_key=session)
    opened = unblind(key, path.first_path_key, path.hops[0].encrypted_recipient_data)
    onion = create_onion_message(path, OnionPayload(invoice=b"x"), session_key=session)
    received = open_onion_message(onion, path.first_path_key, key)
    for value in (opened, received, clear):
        for secret in (SECRET, PATH_ID, opened.shared_secret, opened.blinded_key.reveal(), b"\xc9" * 32):
            assert is_hidden(secret, shown(value))


def test_a_contact_shows_no_secret() -> None:
    assert is_hidden(SECRET, shown(Contact(contact_secret=SECRET)))


def test_a_failed_signing_shows_no_key() -> None:
    with pytest.raises(CodecError) as caught:
        UnsignedInvoiceRequest(records=(make_record(0, b"m"),)).sign(SecretKey(SECRET), aux=bytes(32))
    assert is_hidden(SECRET, ["".join(traceback.format_exception(caught.value))])


def test_a_key_of_a_wrong_length_is_not_repeated_in_the_error() -> None:
    with pytest.raises(ValueError, match="32 bytes") as caught:
        SecretKey(SECRET + b"\x00")
    assert is_hidden(SECRET, ["".join(traceback.format_exception(caught.value))])

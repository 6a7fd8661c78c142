"""The frozen grant book: made by the recipe, read by our code, and checked without it.

The second half knows only the documents: HKDF (RFC 5869), AES-SIV (RFC 5297), BIP 340, BOLT 4 and BOLT 12, written out
over hashlib, integers and the bare ciphers.
"""

import base64
import hashlib
import hmac
import importlib.util
import json
from pathlib import Path
from typing import Any

import cbor2
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.cmac import CMAC
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from bled.grants.book import decode_book
from bled.grants.keys import HomeKeys
from bled.grants.metadata import IssuedId, open_metadata
from bled.grants.wrapping import unwrap_book
from bled_codec.chains import REGTEST_CHAIN
from bled_codec.checks import check_request_for_offer
from bled_codec.invoice_request import InvoiceRequest
from bled_codec.offer import Offer
from bled_codec.units import Point, UnixTime

FOLDER = Path(__file__).parent


@pytest.fixture(scope="module")
def vector() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((FOLDER / "grants.json").read_text(encoding="utf-8"))
    return loaded


# Our code and the file


def test_the_recipe_still_makes_the_file(vector: dict[str, Any]) -> None:
    spec = importlib.util.spec_from_file_location("make_grants", FOLDER / "make_grants.py")
    assert spec is not None
    assert spec.loader is not None
    recipe = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(recipe)
    assert recipe.make_vector() == vector


def test_the_frozen_book_is_still_read(vector: dict[str, Any]) -> None:
    now = UnixTime(vector["issued_at"])
    book = decode_book(bytes.fromhex(vector["book"]), chain=REGTEST_CHAIN, now=now)
    assert (book.book_id, book.device, book.home_label) == (7, "vector phone", "vector home")
    assert [grant.index for grant in book.grants] == [0, 1, 2, 100]
    assert [grant.payer_id.hex() for grant in book.grants] == [grant["payer_id"] for grant in vector["grants"]]
    assert unwrap_book(bytes.fromhex(vector["wrapped"]), passphrase=vector["passphrase"]).hex() == vector["book"]


def test_home_still_opens_the_frozen_metadata(vector: dict[str, Any]) -> None:
    keys = HomeKeys.from_master(bytes.fromhex(vector["master"]))
    for grant in vector["grants"]:
        issued = open_metadata(keys, bytes.fromhex(grant["metadata"]), Point(bytes.fromhex(grant["payer_id"])))
        assert issued == IssuedId(book_id=7, index=grant["index"])


def test_the_frozen_request_still_answers_the_frozen_offer(vector: dict[str, Any]) -> None:
    request = InvoiceRequest.from_string(vector["invoice_request"])
    offer = Offer.from_string(vector["offer"])
    check_request_for_offer(request, offer, chain=REGTEST_CHAIN, now=UnixTime(vector["issued_at"]))
    assert request.encode().hex() == vector["invoice_request_hex"]


# The file without our code

P = 2**256 - 2**32 - 977
N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
G = (
    0x79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798,
    0x483ADA7726A3C4655DA4FBFC0E1108A8FD17B448A68554199C47D08FFB10D4B8,
)
XY = tuple[int, int]


def add(a: XY | None, b: XY | None) -> XY | None:
    if a is None or b is None:
        return a or b
    if a[0] == b[0] and (a[1] + b[1]) % P == 0:
        return None
    slope = (3 * a[0] ** 2 * pow(2 * a[1], -1, P) if a == b else (b[1] - a[1]) * pow(b[0] - a[0], -1, P)) % P
    x = (slope**2 - a[0] - b[0]) % P
    return x, (slope * (a[0] - x) - a[1]) % P


def times(scalar: int, point: XY) -> XY:
    total: XY | None = None
    doubled: XY | None = point
    while scalar:
        total = add(total, doubled) if scalar & 1 else total
        doubled = add(doubled, doubled)
        scalar >>= 1
    assert total is not None
    return total


def pack(point: XY) -> bytes:
    return bytes([2 + point[1] % 2]) + point[0].to_bytes(32, "big")


def unpack(data: bytes) -> XY:
    x = int.from_bytes(data[1:], "big")
    y = pow(x**3 + 7, (P + 1) // 4, P)
    assert y**2 % P == (x**3 + 7) % P
    return x, y if y % 2 == data[0] % 2 else P - y


def tagged(tag: bytes, data: bytes) -> bytes:
    digest = hashlib.sha256(tag).digest()
    return hashlib.sha256(digest + digest + data).digest()


def holds(signature: bytes, message: bytes, x_only: bytes) -> bool:
    """BIP 340, verification."""
    challenge = int.from_bytes(tagged(b"BIP0340/challenge", signature[:32] + x_only + message), "big") % N
    r = add(times(int.from_bytes(signature[32:], "big"), G), times(N - challenge, unpack(b"\x02" + x_only)))
    return r is not None and r[1] % 2 == 0 and r[0].to_bytes(32, "big") == signature[:32]


def hmac_sha256(key: bytes, data: bytes) -> bytes:
    return hmac.new(key, data, "sha256").digest()


def hkdf(master: bytes, info: bytes, length: int) -> bytes:
    """RFC 5869 without salt."""
    extracted = hmac_sha256(bytes(32), master)
    block, output, counter = b"", b"", 1
    while len(output) < length:
        block = hmac_sha256(extracted, block + info + bytes([counter]))
        output, counter = output + block, counter + 1
    return output[:length]


def cmac(key: bytes, data: bytes) -> bytes:
    mac = CMAC(algorithms.AES(key))
    mac.update(data)
    return mac.finalize()


def doubled(block: bytes) -> bytes:
    number = int.from_bytes(block, "big") << 1
    return ((number ^ 0x87 if number >> 128 else number) & (1 << 128) - 1).to_bytes(16, "big")


def aes_siv(key: bytes, associated: bytes, plaintext: bytes) -> bytes:
    """RFC 5297 with one associated string and a plaintext shorter than a block."""
    first, second = key[:32], key[32:]
    state = bytes(a ^ b for a, b in zip(doubled(cmac(first, bytes(16))), cmac(first, associated), strict=True))
    padded = plaintext + b"\x80" + bytes(15 - len(plaintext))
    tag = cmac(first, bytes(a ^ b for a, b in zip(doubled(state), padded, strict=True)))
    counter = (int.from_bytes(tag, "big") & ~(1 << 63 | 1 << 31)).to_bytes(16, "big")
    return tag + Cipher(algorithms.AES(second), modes.CTR(counter)).encryptor().update(plaintext)


def test_the_keys_follow_from_the_master_secret_by_hkdf(vector: dict[str, Any]) -> None:
    master = bytes.fromhex(vector["master"])
    derived = vector["derived"]
    assert hkdf(master, b"bled/home/siv/1", 64).hex() == derived["siv_key"]
    assert hkdf(master, b"bled/home/path/1", 32).hex() == derived["path_key"]
    assert hkdf(master, b"bled/home/book/1", 32).hex() == derived["book_key"]
    salt, book_id = bytes.fromhex(vector["book_salt"]), vector["book_id"].to_bytes(4, "big")
    for grant in vector["grants"]:
        info = b"bled/home/payer/1" + salt + book_id + grant["index"].to_bytes(4, "big")
        secret = hkdf(master, info, 32)
        assert secret.hex() == grant["secret"]
        assert pack(times(int.from_bytes(secret, "big"), G)).hex() == grant["payer_id"]


def test_metadata_and_path_secret_are_what_the_interfaces_say(vector: dict[str, Any]) -> None:
    siv_key, path_key = (bytes.fromhex(vector["derived"][name]) for name in ("siv_key", "path_key"))
    for grant in vector["grants"]:
        payer_id = bytes.fromhex(grant["payer_id"])
        plaintext = vector["book_id"].to_bytes(4, "big") + grant["index"].to_bytes(4, "big")
        assert aes_siv(siv_key, payer_id, plaintext).hex() == grant["metadata"]
        assert hmac_sha256(path_key, payer_id).hex() == grant["path_secret"]


def test_the_file_is_magic_version_cbor_and_signature(vector: dict[str, Any]) -> None:
    data = bytes.fromhex(vector["book"])
    assert hashlib.sha256(data).hexdigest() == vector["book_sha256"]
    assert data[:9] == b"bledbook\x01"
    book = cbor2.loads(data[9:-64])
    key = pack(times(int(vector["derived"]["book_key"], 16), G))[1:]
    assert book[0] == key
    assert holds(data[-64:], tagged(b"bled/book/1", data[:-64]), key)
    assert (book[2], book[4], book[6], book[8], book[16]) == (
        7,
        "vector phone",
        REGTEST_CHAIN,
        1_800_000_000,
        "vector home",
    )
    assert (book[10], book[12]) == (1_800_000_000, 1_800_000_000 + 30 * 86_400)
    day7 = 1_800_000_000 + 7 * 86_400
    classes = [
        {0: 0, 2: 3, 4: 1_000_000, 6: 1_800_000_000, 8: book[12]},
        {0: 100, 2: 1, 4: 20_000_000, 6: 1_800_000_000, 8: day7},
    ]
    assert book[14] == {0: 50_000_000, 2: 20_000_000, 4: 30_000_000, 6: 4, 8: 5_000, 10: 10_000, 12: classes}
    for found, grant in zip(book[18], vector["grants"], strict=True):
        assert found == {
            0: grant["index"],
            1: bytes.fromhex(grant["secret"]),
            2: bytes.fromhex(grant["payer_id"]),
            4: bytes.fromhex(grant["metadata"]),
            6: [bytes.fromhex(path) for path in grant["paths"]],
        }


def walk(path: bytes, keys: list[bytes]) -> list[dict[int, bytes]]:
    """Open every hop of a blinded path (BOLT 4) with the nodes' keys; return the clear records of each."""
    path_key, offset, clear = path[33:66], 67, []
    assert path[66] == len(keys)
    for key in keys:
        secret = hashlib.sha256(pack(times(int.from_bytes(key, "big"), unpack(path_key)))).digest()
        blinding = int.from_bytes(hmac_sha256(b"blinded_node_id", secret), "big")
        assert pack(times(blinding * int.from_bytes(key, "big") % N, G)) == path[offset : offset + 33]
        length = int.from_bytes(path[offset + 33 : offset + 35], "big")
        sealed = path[offset + 35 : offset + 35 + length]
        clear.append(records(ChaCha20Poly1305(hmac_sha256(b"rho", secret)).decrypt(bytes(12), sealed, None)))
        offset += 35 + length
        step = int.from_bytes(hashlib.sha256(path_key + secret).digest(), "big")
        path_key = pack(times(step, unpack(path_key)))
    assert offset == len(path)
    return clear


def bigsize(data: bytes, at: int) -> tuple[int, int]:
    if data[at] < 0xFD:
        return data[at], at + 1
    width = {0xFD: 2, 0xFE: 4, 0xFF: 8}[data[at]]
    return int.from_bytes(data[at + 1 : at + 1 + width], "big"), at + 1 + width


def raw_records(data: bytes) -> list[tuple[int, bytes, bytes]]:
    found, at = [], 0
    while at < len(data):
        start = at
        type_, at = bigsize(data, at)
        length, at = bigsize(data, at)
        found.append((type_, data[at : at + length], data[start : at + length]))
        at += length
    return found


def records(data: bytes) -> dict[int, bytes]:
    return {type_: value for type_, value, _ in raw_records(data)}


def test_every_path_leads_home_with_the_path_secret(vector: dict[str, Any]) -> None:
    keys = {name: bytes.fromhex(key) for name, key in vector["node_keys"].items()}
    home = pack(times(int.from_bytes(keys["home"], "big"), G))
    for grant in vector["grants"]:
        for path, hop in zip(grant["paths"], ("hop 1", "hop 2"), strict=True):
            first, last = walk(bytes.fromhex(path), [keys[hop], keys["home"]])
            assert first[4] == home
            assert last[6].hex() == grant["path_secret"]
            lengths = {sum(2 + len(value) for value in hop_records.values()) for hop_records in (first, last)}
            assert len(lengths) == 1


def test_no_two_paths_share_a_key(vector: dict[str, Any]) -> None:
    keys = [path[66:132] for grant in vector["grants"] for path in grant["paths"]]
    assert len(set(keys)) == len(keys) == 8


def test_the_wrapped_form_opens_with_the_bare_ciphers(vector: dict[str, Any]) -> None:
    data = bytes.fromhex(vector["wrapped"])
    header, ciphertext, digest = data[:46], data[46:-32], data[-32:]
    assert digest == hashlib.sha256(data[:-32]).digest()
    assert header[:18] == b"bledwrap\x01" + (65_536).to_bytes(4, "big") + (3).to_bytes(4, "big") + b"\x04"
    passphrase = vector["passphrase"].encode()
    key = Argon2id(salt=header[18:34], length=32, iterations=3, lanes=4, memory_cost=65_536).derive(passphrase)
    assert ChaCha20Poly1305(key).decrypt(header[34:46], ciphertext, header).hex() == vector["book"]


def merkle_root(stream: bytes) -> bytes:
    """BOLT 12, signature calculation, over the records outside 240 to 1000."""
    signed = [record for record in raw_records(stream) if not 240 <= record[0] <= 1000]
    level = []
    for _, _, raw in signed:
        type_length = bigsize(raw, 0)[1]
        pair = tagged(b"LnLeaf", raw), tagged(b"LnNonce" + signed[0][2], raw[:type_length])
        level.append(tagged(b"LnBranch", min(pair) + max(pair)))
    while len(level) > 1:
        pairs = [level[start : start + 2] for start in range(0, len(level), 2)]
        level = [tagged(b"LnBranch", min(pair) + max(pair)) if len(pair) == 2 else pair[0] for pair in pairs]
    return level[0]


def test_the_request_is_signed_by_its_payer_id(vector: dict[str, Any]) -> None:
    data = bytes.fromhex(vector["invoice_request_hex"])
    found = records(data)
    grant = next(grant for grant in vector["grants"] if grant["index"] == vector["request_index"])
    assert found[0].hex() == grant["metadata"]
    assert found[80] == REGTEST_CHAIN
    assert int.from_bytes(found[82], "big") == 150_000
    assert found[88].hex() == grant["payer_id"]
    assert found[90].hex() == "".join(grant["paths"])
    digest = tagged(b"lightninginvoice_requestsignature", merkle_root(data))
    assert holds(found[240], digest, found[88][1:])


def test_the_string_is_the_request_in_bech32_letters(vector: dict[str, Any]) -> None:
    prefix, _, letters = vector["invoice_request"].partition("1")
    alphabet = bytes.maketrans(b"qpzry9x8gf2tvdw0s3jn54khce6mua7l", b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
    padded = letters.encode().translate(alphabet) + b"=" * (-len(letters) % 8)
    assert (prefix, base64.b32decode(padded).hex()) == ("lnr", vector["invoice_request_hex"])

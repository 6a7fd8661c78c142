"""Small signed files: a magic, a version byte, CBOR, and a BIP-340 signature over the tagged hash of all before it."""

from dataclasses import dataclass

from bled.codes import Code
from bled.errors import BledError
from bled.grants.cbor import CborError, Value, Writable, decode, encode
from bled.grants.fields import UnknownFieldError
from bled_codec.crypto import SecretKey, tagged_hash, verify_schnorr
from bled_codec.units import Point

_SIGNATURE_BYTES = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedFile:
    """One kind of file.

    Attributes:
        magic: what such a file begins with.
        tag: of the hash that is signed; it has the version in it.
        most_bytes: a reader refuses more.
        damaged: the code for what is no such file.
    """

    magic: bytes
    tag: bytes
    most_bytes: int
    damaged: Code

    @property
    def _header(self) -> bytes:
        return self.magic + b"\x01"

    def is_one(self, data: bytes) -> bool:
        """Say whether these bytes claim to be such a file."""
        return data.startswith(self.magic)

    def write(self, value: Writable, *, key: SecretKey, aux: bytes) -> bytes:
        """Return the signed file; `aux` is 32 bytes of fresh entropy."""
        body = self._header + encode(value)
        return body + key.sign(tagged_hash(self.tag, body), aux=aux)

    def open(self, data: bytes) -> Value:
        """Return the value in a file, whose signature is not looked at yet.

        Raises `BledError`: `damaged`, or `BOOK_VERSION` for a foreign version.
        """
        if not self.is_one(data) or not len(self._header) + _SIGNATURE_BYTES < len(data) <= self.most_bytes:
            raise BledError(self.damaged, detail="the file is none of this kind, or cut short")
        if not data.startswith(self._header):
            raise BledError(Code.BOOK_VERSION, detail=f"version {data[len(self.magic)]}, this program knows 1")
        try:
            return decode(data[len(self._header) : -_SIGNATURE_BYTES])
        except CborError as error:
            raise self.fault(error) from error

    def holds(self, data: bytes, *, key: Point) -> bool:
        """Say whether the file is signed with `key`."""
        body, signature = data[:-_SIGNATURE_BYTES], data[-_SIGNATURE_BYTES:]
        return verify_schnorr(signature, tagged_hash(self.tag, body), key=key)

    def fault(self, error: CborError) -> BledError:
        """Return the error for content that is not what it should be."""
        code = Code.BOOK_VERSION if isinstance(error, UnknownFieldError) else self.damaged
        return BledError(code, detail=str(error))

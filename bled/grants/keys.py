"""Home's keys: HKDF-SHA256 of one master secret, one label each. Never from a node's key."""

from dataclasses import dataclass, field
from typing import Final

from bled.grants.sealing import KEY_BYTES, SIV_KEY_BYTES, SivKey, derive
from bled_codec.crypto import SecretKey, public_key_of
from bled_codec.units import Point

MASTER_BYTES: Final = 32
"""Length of home's master secret."""
BOOK_SALT_BYTES: Final = 16
"""Length of the salt that is drawn anew for every book and stored with it at home."""
MAX_U32: Final = 0xFFFFFFFF
"""Book numbers and indices of payer ids are u32."""

# Frozen for ever: another label is another key, and no book issued before would open.
_SIV_LABEL: Final = b"bled/home/siv/1"
_PATH_LABEL: Final = b"bled/home/path/1"
_BOOK_LABEL: Final = b"bled/home/book/1"
_PAYER_LABEL: Final = b"bled/home/payer/1"
_REFUND_LABEL: Final = b"bled/home/refund/1"
_REFUND_PREIMAGE_LABEL: Final = b"bled/home/refund-preimage/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class HomeKeys:
    """What home derives from its master secret. The secret parts stay out of its `repr`.

    Attributes:
        master: 32 bytes; payer keys are derived from it when they are needed and never stored.
        siv_key: 64 bytes, opens the metadata of every payer id before the book is known.
        siv: the cipher of `siv_key`.
        path_key: 32 bytes, makes the secret of every reply path.
        book_key: signs grant books; devices pin its public key.
    """

    master: bytes = field(repr=False)
    siv_key: bytes = field(repr=False)
    siv: SivKey = field(init=False, repr=False, compare=False)
    path_key: bytes = field(repr=False)
    book_key: SecretKey

    def __post_init__(self) -> None:
        """Set the cipher up once and for all: every invoice that comes home opens a seal with it."""
        object.__setattr__(self, "siv", SivKey(self.siv_key))

    @classmethod
    def from_master(cls, master: bytes) -> "HomeKeys":
        """Derive the keys. Raises `ValueError` unless `master` has 32 bytes (or, once in 2**127, has no book key)."""
        if len(master) != MASTER_BYTES:
            raise ValueError("a master secret has 32 bytes")
        return cls(
            master=master,
            siv_key=derive(master, _SIV_LABEL, SIV_KEY_BYTES),
            path_key=derive(master, _PATH_LABEL, KEY_BYTES),
            book_key=SecretKey(derive(master, _BOOK_LABEL, KEY_BYTES)),
        )

    def payer_key(self, book_salt: bytes, book_id: int, index: int) -> SecretKey | None:
        """Return the secret key of one payer id, or None when this index has none and is skipped.

        The salt is new for every book, so that a counter restored from a back-up can never issue a key again.
        Raises `ValueError` for a salt that is not 16 bytes and `OverflowError` for numbers that are not u32.
        """
        return scalar_key(self._payer_scalar(book_salt, book_id, index))

    def payer_id(self, book_salt: bytes, book_id: int, index: int) -> Point | None:
        """Return the public key of `payer_key`, or None when there is none. For who only compares it: half the work.

        Raises as `payer_key` does.
        """
        return scalar_point(self._payer_scalar(book_salt, book_id, index))

    def _payer_scalar(self, book_salt: bytes, book_id: int, index: int) -> bytes:
        if len(book_salt) != BOOK_SALT_BYTES:
            raise ValueError("a book salt has 16 bytes")
        info = _PAYER_LABEL + book_salt + book_id.to_bytes(4, "big") + index.to_bytes(4, "big")
        return derive(self.master, info, KEY_BYTES)

    def refund_key(self, payer_id: Point) -> SecretKey | None:
        """Return the key that signs the invoices of one payer id's refund offer, or None when it has none.

        It is good for that one offer: two offers with one key could be linked, and the node's own key would name it.
        """
        return scalar_key(derive(self.master, _REFUND_LABEL + payer_id, KEY_BYTES))

    def refund_preimage(self, salt: bytes) -> bytes:
        """Return the preimage, 32 bytes, of a refund's invoice that was made with `salt`, 32 random bytes."""
        return derive(self.master, _REFUND_PREIMAGE_LABEL + salt, KEY_BYTES)


def scalar_key(scalar: bytes) -> SecretKey | None:
    """Return the secret key of 32 bytes, or None when they are zero or not below the group order."""
    try:
        return SecretKey(scalar)
    except ValueError:
        return None


def scalar_point(scalar: bytes) -> Point | None:
    """Return the public key of `scalar_key`, or None when there is none."""
    try:
        return public_key_of(scalar)
    except ValueError:
        return None

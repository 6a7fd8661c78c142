"""The master secret as 24 back-up words (BIP 39, English), and back. Pure."""

from typing import Final

from mnemonic import Mnemonic

from bled.codes import Code
from bled.errors import ConfigurationError
from bled.grants.keys import HomeKeys

WORDS: Final = 24
_ENGLISH: Final = Mnemonic("english")


def words_of(master: bytes) -> tuple[str, ...]:
    """Return the 24 words of a master secret of 32 bytes; a checksum of 8 bits is in the last."""
    return tuple(_ENGLISH.to_mnemonic(master).split(" "))


def master_of(text: str) -> bytes:
    """Return the master secret that 24 words spell; numbers before them, lines and capitals do not matter.

    Raises `ConfigurationError` (`CONFIG_BAD`) that names what is wrong, never the words themselves.
    """
    words = [word for line in text.lower().splitlines() for word in _words_in(line)]
    if len(words) != WORDS:
        raise _bad(f"{len(words)} words; {WORDS} are needed")
    unknown = [str(place) for place, word in enumerate(words, 1) if word not in _ENGLISH.wordlist]
    if unknown:
        raise _bad(f"in place {', '.join(unknown)} is no back-up word")
    try:
        return bytes(_ENGLISH.to_entropy(words))
    except (LookupError, ValueError) as error:
        raise _bad("a word is wrong, or two are swapped: the checksum does not fit") from error


def _words_in(line: str) -> list[str]:
    """Return the words of a line without comment and without the numbers before them."""
    return [word for word in line.partition("#")[0].replace(",", " ").split() if word.strip(".").isalpha()]


def name_of(master: bytes) -> str:
    """Return what tells this home from others: the beginning of its public book key, which devices pin."""
    return HomeKeys.from_master(master).book_key.public_key[1:9].hex()


def _bad(detail: str) -> ConfigurationError:
    return ConfigurationError(Code.CONFIG_BAD, detail=f"back-up words: {detail}")

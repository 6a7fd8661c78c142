"""How many invoices may come over one path and for one book: told in memory, before anything is verified or written."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

PATH_BURST: Final = 16
"""Invoices over the path of one payer id at once: a till sends again after 1, 2 and 4 s, over three paths at most."""
PATH_PER_SECOND: Final = 1.0
BOOK_BURST: Final = 64
"""For one book at once: a device that pays every second does not come near it."""
BOOK_PER_SECOND: Final = 8.0
_REMEMBERED: Final = 4096


@dataclass(slots=True)
class _Bucket:
    tokens: float
    filled_at: float


class Buckets:
    """Token buckets by name. The least recently used are forgotten, which fills them."""

    def __init__(self, *, burst: int, per_second: float) -> None:
        """Take how much may come at once, and how much may come for ever."""
        self._burst = burst
        self._per_second = per_second
        self._buckets: OrderedDict[bytes | int, _Bucket] = OrderedDict()

    def takes(self, name: bytes | int, now: float) -> bool:
        """Take one token of a bucket, at `now` by a clock that never goes back; say whether there was one."""
        bucket = self._buckets.pop(name, None) or _Bucket(tokens=self._burst, filled_at=now)
        self._buckets[name] = bucket
        if len(self._buckets) > _REMEMBERED:
            self._buckets.popitem(last=False)
        bucket.tokens = min(self._burst, bucket.tokens + (now - bucket.filled_at) * self._per_second)
        bucket.filled_at = now
        if bucket.tokens < 1:
            return False
        bucket.tokens -= 1
        return True


class Rates:
    """The rates of every path and every book."""

    def __init__(self) -> None:
        """Begin with every bucket full."""
        self._paths = Buckets(burst=PATH_BURST, per_second=PATH_PER_SECOND)
        self._books = Buckets(burst=BOOK_BURST, per_second=BOOK_PER_SECOND)

    def allows(self, payer_id: bytes, book_id: int, *, now: float) -> bool:
        """Say whether one more invoice over the path of a payer id of a book may come in."""
        return self._paths.takes(payer_id, now) and self._books.takes(book_id, now)

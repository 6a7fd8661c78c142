"""Payer keys that this device made itself: they wait for the book that home issues for them."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from bled.grants.grant import Grant
from bled.vault.store import Store
from bled_codec.crypto import SecretKey
from bled_codec.units import Point, UnixTime

_BOUND: Final = b"bled/vault/device-key/1"


class DeviceKeys:
    """Typed access to the keys in an open store. Changes belong into a transaction of the caller."""

    def __init__(self, store: Store) -> None:
        """Read and write the keys in `store`."""
        self._store = store

    def add(self, keys: Iterable[SecretKey], *, now: UnixTime) -> None:
        """Keep new keys."""
        for key in keys:
            payer_id = key.public_key
            sealed = self._store.seal(key.reveal(), associated=_BOUND + payer_id)
            self._store.run("INSERT INTO device_keys VALUES (?, ?, ?)", payer_id, sealed, now)

    def count(self) -> int:
        """Return how many wait for a book."""
        row = self._store.row("SELECT count(*) AS keys FROM device_keys")
        return 0 if row is None else int(row["keys"])

    def join(self, grants: Sequence[Grant]) -> tuple[Grant, ...]:
        """Return the grants, each with its secret where home had none and this device made it."""
        return tuple(grant if grant.secret is not None else self._joined(grant) for grant in grants)

    def _joined(self, grant: Grant) -> Grant:
        row = self._store.row("SELECT secret FROM device_keys WHERE payer_id = ?", grant.payer_id)
        if row is None:
            return grant
        secret = SecretKey(self._store.unseal(row["secret"], associated=_BOUND + grant.payer_id))
        return replace(grant, secret=secret)

    def drop(self, payer_ids: Iterable[Point]) -> None:
        """Forget keys here: they are in grants now."""
        for payer_id in payer_ids:
            self._store.run("DELETE FROM device_keys WHERE payer_id = ?", payer_id)

"""Tables of the vault. A change of them is a new version, and a new version is never opened by an old program."""

from typing import Final

SCHEMA_VERSION: Final = 3

SCHEMA: Final = (
    # One row. Whatever a later version changes, it keeps the column `version` here.
    """CREATE TABLE vault (
        only_row INTEGER PRIMARY KEY CHECK (only_row = 1), version INTEGER NOT NULL, key_check BLOB NOT NULL,
        home_key BLOB, chain BLOB, last_seen INTEGER NOT NULL
    ) STRICT""",
    """CREATE TABLE books (
        book_id INTEGER PRIMARY KEY, device TEXT NOT NULL, home_label TEXT NOT NULL, issued_at INTEGER NOT NULL,
        not_before INTEGER NOT NULL, not_after INTEGER NOT NULL, limits BLOB NOT NULL
    ) STRICT""",
    # The secret is sealed under vault.key with the payer id as associated data.
    """CREATE TABLE grants (
        payer_id BLOB PRIMARY KEY, book_id INTEGER NOT NULL REFERENCES books, number INTEGER NOT NULL,
        metadata BLOB NOT NULL, paths BLOB NOT NULL, secret BLOB, refund_offer BLOB, UNIQUE (book_id, number)
    ) STRICT""",
    """CREATE TABLE reservations (
        seq INTEGER PRIMARY KEY AUTOINCREMENT, payer_id BLOB NOT NULL UNIQUE REFERENCES grants,
        reserved_at INTEGER NOT NULL, amount_msat INTEGER NOT NULL, max_fee_msat INTEGER NOT NULL,
        offer BLOB NOT NULL, request BLOB NOT NULL
    ) STRICT""",
    """CREATE TABLE outcomes (
        seq INTEGER PRIMARY KEY AUTOINCREMENT, payer_id BLOB NOT NULL REFERENCES reservations (payer_id),
        at INTEGER NOT NULL, code TEXT NOT NULL, proven INTEGER NOT NULL, invoice BLOB, preimage BLOB
    ) STRICT""",
    # Money rule 2: an id that was reserved stays burnt, whatever a later change of this program does by mistake.
    """CREATE TRIGGER reservations_stay BEFORE DELETE ON reservations
        BEGIN SELECT RAISE(ABORT, 'a reservation is for ever'); END""",
    """CREATE TRIGGER reservations_stand BEFORE UPDATE ON reservations
        BEGIN SELECT RAISE(ABORT, 'a reservation is for ever'); END""",
    # Version 2. The times of tries in open mode that may still count, at most three.
    """CREATE TABLE open_tries (at INTEGER NOT NULL) STRICT""",
    # Tills that were paid after a person had compared codes, or read the till's own.
    """CREATE TABLE readers (
        reader_key BLOB PRIMARY KEY, payments INTEGER NOT NULL, last_paid_at INTEGER NOT NULL
    ) STRICT""",
    # Version 3. Keys that were made here and wait for their book; sealed under vault.key with the payer id.
    """CREATE TABLE device_keys (
        payer_id BLOB PRIMARY KEY, secret BLOB NOT NULL, made_at INTEGER NOT NULL
    ) STRICT""",
)

TABLES_OF_VERSION: Final = {1: 7, 2: 9, 3: 10}
"""How many statements of `SCHEMA` each version had; the later ones bring such a vault to the next."""

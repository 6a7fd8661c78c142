"""The ledger as the first version of it was: meta, identity, books, claims, revoked ids, events."""

from typing import Final

from alembic import op

revision: Final = "0001"
down_revision: Final = None

_WORDS: Final = {
    "sqlite": {
        "blob": "BLOB",
        "number": "INTEGER",
        "book_number": "INTEGER PRIMARY KEY AUTOINCREMENT",
        "strict": "STRICT",
        "keyed": "STRICT, WITHOUT ROWID",
    },
    "postgresql": {
        "blob": "BYTEA",
        "number": "BIGINT",
        "book_number": "BIGINT PRIMARY KEY",
        "strict": "",
        "keyed": "",
    },
}

_SCHEMA: Final = (
    "CREATE TABLE meta (name TEXT PRIMARY KEY, value {number} NOT NULL) {keyed}",
    "CREATE TABLE identity (book_key {blob} NOT NULL CHECK (length(book_key) = 32)) {strict}",
    """CREATE TABLE books (
        book_id {book_number},
        salt {blob} NOT NULL UNIQUE CHECK (length(salt) = 16),
        device TEXT NOT NULL, home_label TEXT NOT NULL, issued_at {number} NOT NULL,
        ids {number} NOT NULL CHECK (ids > 0), limits TEXT NOT NULL, revoked_at {number}
    ) {strict}""",
    """CREATE TABLE claims (
        payer_id {blob} PRIMARY KEY CHECK (length(payer_id) = 33),
        book_id {number} NOT NULL REFERENCES books, id_index {number} NOT NULL,
        payment_hash {blob} NOT NULL UNIQUE CHECK (length(payment_hash) = 32),
        amount {number} NOT NULL CHECK (amount > 0), max_fee {number} NOT NULL CHECK (max_fee >= 0),
        invoice {blob} NOT NULL, claimed_at {number} NOT NULL, day {number} NOT NULL, pay_before {number} NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('claimed', 'sent', 'paid', 'failed', 'dropped')),
        sent_at {number}, retry_for {number}, amount_sent {number}, preimage {blob}, detail TEXT NOT NULL DEFAULT '',
        UNIQUE (book_id, id_index),
        CHECK ((state = 'paid') = (amount_sent IS NOT NULL))
    ) {keyed}""",
    "CREATE INDEX claims_open ON claims (claimed_at) WHERE state IN ('claimed', 'sent')",
    """CREATE TABLE revoked_ids (
        payer_id {blob} PRIMARY KEY CHECK (length(payer_id) = 33), book_id {number} NOT NULL REFERENCES books,
        revoked_at {number} NOT NULL
    ) {keyed}""",
    """CREATE TABLE events (
        seq {number} PRIMARY KEY, at {number} NOT NULL, code TEXT NOT NULL, detail TEXT NOT NULL,
        payer_id {blob} NOT NULL, payment_hash {blob} NOT NULL, amount {number} NOT NULL, preimage {blob}
    ) {strict}""",
)


def upgrade() -> None:
    """Make the tables in an empty database."""
    words = _WORDS[op.get_bind().dialect.name]
    for statement in _SCHEMA:
        op.execute(statement.format(**words))

CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE identity (book_key BLOB NOT NULL CHECK (length(book_key) = 32)) STRICT;
CREATE TABLE books (
    book_id INTEGER PRIMARY KEY AUTOINCREMENT,
    salt BLOB NOT NULL UNIQUE CHECK (length(salt) = 16),
    device TEXT NOT NULL, home_label TEXT NOT NULL, issued_at INTEGER NOT NULL,
    ids INTEGER NOT NULL CHECK (ids > 0), limits TEXT NOT NULL, revoked_at INTEGER
) STRICT;
CREATE TABLE claims (
    payer_id BLOB PRIMARY KEY CHECK (length(payer_id) = 33),
    book_id INTEGER NOT NULL REFERENCES books, id_index INTEGER NOT NULL,
    payment_hash BLOB NOT NULL UNIQUE CHECK (length(payment_hash) = 32),
    amount INTEGER NOT NULL CHECK (amount > 0), max_fee INTEGER NOT NULL CHECK (max_fee >= 0),
    invoice BLOB NOT NULL, claimed_at INTEGER NOT NULL, day INTEGER NOT NULL, pay_before INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('claimed', 'sent', 'paid', 'failed', 'dropped')),
    sent_at INTEGER, retry_for INTEGER, amount_sent INTEGER, preimage BLOB, detail TEXT NOT NULL DEFAULT '',
    UNIQUE (book_id, id_index),
    CHECK ((state = 'paid') = (amount_sent IS NOT NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX claims_open ON claims (claimed_at) WHERE state IN ('claimed', 'sent');
CREATE TABLE revoked_ids (
    payer_id BLOB PRIMARY KEY CHECK (length(payer_id) = 33), book_id INTEGER NOT NULL REFERENCES books,
    revoked_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE events (
    seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, code TEXT NOT NULL, detail TEXT NOT NULL,
    payer_id BLOB NOT NULL, payment_hash BLOB NOT NULL, amount INTEGER NOT NULL, preimage BLOB
) STRICT;
PRAGMA user_version = 1;

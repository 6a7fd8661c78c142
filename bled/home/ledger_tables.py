"""Tables of home's ledger, as the newest migration leaves them; the same in SQLite and in PostgreSQL."""

from typing import Final

from sqlalchemy import BigInteger, Column, Identity, LargeBinary, MetaData, Table, Text
from sqlalchemy.dialects.sqlite import INTEGER

NUMBER: Final = BigInteger().with_variant(INTEGER(), "sqlite")
"""64 bits: SQLite's strict tables know them by one name only."""

metadata: Final = MetaData()

meta: Final = Table(
    "meta",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", NUMBER, nullable=False),
)
"""Numbers by name: counters, the latest time, how far a node's records were read."""

identity: Final = Table("identity", metadata, Column("book_key", LargeBinary, nullable=False))

books: Final = Table(
    "books",
    metadata,
    Column("book_id", NUMBER, primary_key=True, autoincrement=False),
    Column("salt", LargeBinary, nullable=False),
    Column("device", Text, nullable=False),
    Column("home_label", Text, nullable=False),
    Column("issued_at", NUMBER, nullable=False),
    Column("ids", NUMBER, nullable=False),
    Column("limits", Text, nullable=False),
    Column("revoked_at", NUMBER),
)

claims: Final = Table(
    "claims",
    metadata,
    Column("payer_id", LargeBinary, primary_key=True),
    Column("book_id", NUMBER, nullable=False),
    Column("id_index", NUMBER, nullable=False),
    Column("payment_hash", LargeBinary, nullable=False),
    Column("amount", NUMBER, nullable=False),
    Column("max_fee", NUMBER, nullable=False),
    Column("invoice", LargeBinary, nullable=False),
    Column("claimed_at", NUMBER, nullable=False),
    Column("day", NUMBER, nullable=False),
    Column("pay_before", NUMBER, nullable=False),
    Column("state", Text, nullable=False),
    Column("sent_at", NUMBER),
    Column("retry_for", NUMBER),
    Column("amount_sent", NUMBER),
    Column("preimage", LargeBinary),
    Column("detail", Text, nullable=False),
    Column("node", Text, nullable=False),
    Column("worker", NUMBER, nullable=False),
)
"""`node` pays it, and only its records tell the outcome; `worker` brings it to its end. Both say nothing where there is
one process."""

revoked_ids: Final = Table(
    "revoked_ids",
    metadata,
    Column("payer_id", LargeBinary, primary_key=True),
    Column("book_id", NUMBER, nullable=False),
    Column("revoked_at", NUMBER, nullable=False),
)

refunds: Final = Table(
    "refunds",
    metadata,
    Column("payment_hash", LargeBinary, primary_key=True),
    Column("payer_id", LargeBinary, nullable=False),
    Column("node", Text, nullable=False),
    Column("salt", LargeBinary, nullable=False),
    Column("request", LargeBinary, nullable=False),
    Column("amount", NUMBER, nullable=False),
    Column("invoice", LargeBinary, nullable=False),
    Column("made_at", NUMBER, nullable=False),
    Column("expires_at", NUMBER, nullable=False),
    Column("state", Text, nullable=False),
    Column("received", NUMBER),
    Column("received_at", NUMBER),
    Column("kept", NUMBER, nullable=False),
)
"""Invoices that home made so that money of a payment can come back."""

events: Final = Table(
    "events",
    metadata,
    Column("seq", NUMBER, primary_key=True, autoincrement=False),
    Column("at", NUMBER, nullable=False),
    Column("code", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("payer_id", LargeBinary, nullable=False),
    Column("payment_hash", LargeBinary, nullable=False),
    Column("amount", NUMBER, nullable=False),
    Column("preimage", LargeBinary),
)

refusals: Final = Table(
    "refusals",
    metadata,
    Column("seq", NUMBER, primary_key=True, autoincrement=False),
    Column("at", NUMBER, nullable=False),
    Column("code", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("payer_id", LargeBinary),
    Column("payment_hash", LargeBinary),
    Column("amount", NUMBER),
)
"""What the workers of one database refused, the newest only; a home with one process keeps its own in memory."""

inbox: Final = Table(
    "inbox",
    metadata,
    Column("arrival", NUMBER, Identity(always=True), primary_key=True),
    Column("node", Text, nullable=False),
    Column("book_id", NUMBER, nullable=False),
    Column("payer_id", LargeBinary, nullable=False),
    Column("invoice", LargeBinary, nullable=False),
    Column("secret", LargeBinary, nullable=False),
)
"""Invoices that came over a path of ours to `node`, and wait for a worker of that node."""

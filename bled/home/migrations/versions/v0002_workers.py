"""Several workers on one database: who brings a claim to its end, what waits for them, what they refused.

What was decided cannot be taken back in PostgreSQL either; SQLite is given the same rules whenever it is opened.
"""

from typing import Final

from alembic import op

revision: Final = "0002"
down_revision: Final = "0001"

_WORDS: Final = {
    "sqlite": {"blob": "BLOB", "number": "INTEGER", "counted": "INTEGER PRIMARY KEY AUTOINCREMENT", "strict": "STRICT"},
    "postgresql": {
        "blob": "BYTEA",
        "number": "BIGINT",
        "counted": "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
        "strict": "",
    },
}

_CHANGES: Final = (
    "ALTER TABLE claims ADD COLUMN node TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE claims ADD COLUMN worker {number} NOT NULL DEFAULT 0",
    """CREATE TABLE refusals (
        seq {number} PRIMARY KEY, at {number} NOT NULL, code TEXT NOT NULL, detail TEXT NOT NULL,
        payer_id {blob}, payment_hash {blob}, amount {number}
    ) {strict}""",
    """CREATE TABLE inbox (
        arrival {counted}, node TEXT NOT NULL, book_id {number} NOT NULL,
        payer_id {blob} NOT NULL CHECK (length(payer_id) = 33), invoice {blob} NOT NULL,
        secret {blob} NOT NULL CHECK (length(secret) = 32)
    ) {strict}""",
    "CREATE INDEX inbox_of_node ON inbox (node, arrival)",
)

# SQLite counted the books in a table of its own, which an old copy of the ledger may have set ahead.
_LAST_BOOK: Final = """INSERT INTO meta (name, value)
    SELECT 'last_book', max(seq) FROM sqlite_sequence WHERE name = 'books' HAVING max(seq) IS NOT NULL"""

_RULES: Final = (
    """CREATE FUNCTION bled_stays() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        RAISE EXCEPTION '%% stay', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
    END $$""",
    """CREATE FUNCTION bled_stands() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        RAISE EXCEPTION 'what was decided stands' USING ERRCODE = 'integrity_constraint_violation';
    END $$""",
    *(
        f"CREATE TRIGGER {table}_stay BEFORE DELETE OR TRUNCATE ON {table}"
        " FOR EACH STATEMENT EXECUTE FUNCTION bled_stays()"
        for table in ("claims", "books", "events", "revoked_ids")
    ),
    """CREATE TRIGGER revocations_stand BEFORE UPDATE OF revoked_at ON books FOR EACH ROW
        WHEN (OLD.revoked_at IS NOT NULL) EXECUTE FUNCTION bled_stands()""",
    """CREATE TRIGGER claims_stand BEFORE UPDATE ON claims FOR EACH ROW
        WHEN (OLD.state = 'paid' OR NEW.payer_id <> OLD.payer_id OR NEW.payment_hash <> OLD.payment_hash
            OR NEW.invoice <> OLD.invoice OR NEW.amount <> OLD.amount OR NEW.max_fee <> OLD.max_fee)
        EXECUTE FUNCTION bled_stands()""",
)


def upgrade() -> None:
    """Add what workers need, and move the count of the books to where both databases keep it."""
    dialect = op.get_bind().dialect.name
    for statement in _CHANGES:
        op.execute(statement.format(**_WORDS[dialect]))
    for statement in (_LAST_BOOK,) if dialect == "sqlite" else _RULES:
        op.get_bind().exec_driver_sql(statement)

"""Money that comes back: one row for each invoice that home made for a refund."""

from typing import Final

from alembic import op

revision: Final = "0003"
down_revision: Final = "0002"

_WORDS: Final = {
    "sqlite": {"blob": "BLOB", "number": "INTEGER", "keyed": "STRICT, WITHOUT ROWID"},
    "postgresql": {"blob": "BYTEA", "number": "BIGINT", "keyed": ""},
}

_CHANGES: Final = (
    """CREATE TABLE refunds (
        payment_hash {blob} PRIMARY KEY CHECK (length(payment_hash) = 32),
        payer_id {blob} NOT NULL REFERENCES claims, node TEXT NOT NULL,
        salt {blob} NOT NULL CHECK (length(salt) = 32), request {blob} NOT NULL CHECK (length(request) = 32),
        amount {number} NOT NULL CHECK (amount > 0), invoice {blob} NOT NULL,
        made_at {number} NOT NULL, expires_at {number} NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('open', 'paid', 'closed')),
        received {number}, received_at {number},
        CHECK ((state = 'paid') = (received IS NOT NULL)), CHECK ((state = 'paid') = (received_at IS NOT NULL))
    ) {keyed}""",
    "CREATE INDEX refunds_of_payment ON refunds (payer_id)",
    # Home never lets more money come than was paid: so one invoice of a payment at a time.
    "CREATE UNIQUE INDEX refunds_open ON refunds (payer_id) WHERE state = 'open'",
)

# SQLite is given the same rules whenever it is opened.
_RULES: Final = (
    "CREATE TRIGGER refunds_stay BEFORE DELETE OR TRUNCATE ON refunds FOR EACH STATEMENT EXECUTE FUNCTION bled_stays()",
    """CREATE TRIGGER refunds_stand BEFORE UPDATE ON refunds FOR EACH ROW
        WHEN (OLD.state <> 'open' OR NEW.payment_hash <> OLD.payment_hash OR NEW.payer_id <> OLD.payer_id
            OR NEW.amount <> OLD.amount OR NEW.invoice <> OLD.invoice)
        EXECUTE FUNCTION bled_stands()""",
)


def upgrade() -> None:
    """Add the table."""
    dialect = op.get_bind().dialect.name
    for statement in _CHANGES:
        op.execute(statement.format(**_WORDS[dialect]))
    for statement in () if dialect == "sqlite" else _RULES:
        op.get_bind().exec_driver_sql(statement)

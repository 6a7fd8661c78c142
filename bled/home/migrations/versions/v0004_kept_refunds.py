"""Whether the node keeps the invoice of a refund: what an earlier program has made may have been told to a till."""

from typing import Final

from alembic import op

revision: Final = "0004"
down_revision: Final = "0003"

_CHANGE: Final = "ALTER TABLE refunds ADD COLUMN kept {number} NOT NULL DEFAULT 1 CHECK (kept IN (0, 1))"
_NUMBER: Final = {"sqlite": "INTEGER", "postgresql": "BIGINT"}


def upgrade() -> None:
    """Add the column."""
    op.execute(_CHANGE.format(number=_NUMBER[op.get_bind().dialect.name]))

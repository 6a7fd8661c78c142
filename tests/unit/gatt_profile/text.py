"""`gatt_profile.md` as sections and tables."""

import re
from collections.abc import Iterator
from pathlib import Path

TEXT = (Path(__file__).resolve().parents[3] / "gatt_profile.md").read_text(encoding="utf-8")

Row = tuple[str, ...]


def section(number: str) -> str:
    """Return the text of one section, its subsections included."""
    end = r"^## " if "." not in number else r"^##+ "
    found = re.search(rf"^#+ {re.escape(number)}[. ].*?(?={end}|\Z)", TEXT, re.MULTILINE | re.DOTALL)
    assert found, f"no section {number}"
    return found.group()


def line(number: str) -> str:
    """Return a section as one line, for sentences that are broken anywhere."""
    return " ".join(section(number).split())


def tables(text: str) -> Iterator[tuple[Row, list[Row]]]:
    """Yield the head and the rows of each table in `text`."""
    lines = iter(text.splitlines())
    for first in lines:
        if first.startswith("|"):
            assert set(next(lines)) <= set("|-"), first
            rows = []
            for row in lines:
                if not row.startswith("|"):
                    break
                rows.append(_cells(row))
            yield _cells(first), rows


def _cells(row: str) -> Row:
    return tuple(cell.strip() for cell in row.strip("|").split("|"))


def table(number: str, *head: str, which: int = 0) -> list[Row]:
    """Return the rows of the `which`th table in section `number` whose first headings are `head`."""
    found = [rows for names, rows in tables(section(number)) if names[: len(head)] == head]
    assert len(found) > which, f"no table {head} in section {number}"
    return found[which]


def hexes(cell: str) -> list[bytes]:
    """Return the octets in code style of a cell."""
    return [bytes.fromhex(value) for value in re.findall(r"`([0-9a-f]+)`", cell)]


CONSTANTS = {row[0].strip("`"): float(row[1]) for row in table("13", "name")}
"""The profile's constants by name, each in the unit of its row."""

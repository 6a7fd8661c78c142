"""The hand-written interface has the field numbers of Core Lightning's own, as the design page lists them."""

import re
from pathlib import Path

import pytest
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor

from bled.node.stubs import cln_subset_pb2 as pb

MESSAGES = pb.DESCRIPTOR.message_types_by_name
ROW = re.compile(r"\| `(?P<message>\w+)` \| (?P<fields>.*?)(?: — (?P<enums>.*?))?\s*\|$")
FIELD = re.compile(r"(?P<number>\d+) (?P<name>\w+):(?P<label>opt |rep )?(?P<type>\w+)")
ENUM = re.compile(r"enum (?P<name>\w+)\{(?P<values>[^}]*)\}")


@pytest.fixture(scope="module")
def rows(shared_vectors: Path) -> dict[str, re.Match[str]]:
    """The rows of the page's table, by message."""
    text = (shared_vectors.parent / "design" / "nodes.md").read_text()
    table = text.partition("## 7. Field numbers")[2].partition("\n## 8.")[0]
    found = [match for line in table.splitlines() if (match := ROW.match(line))]
    return {match["message"]: match for match in found}


def described(field: FieldDescriptor) -> tuple[int, bool, bool | None]:
    """Return number, whether it repeats, and whether a scalar's absence shows (None for messages: it always does)."""
    optional = None if field.message_type is not None else field.has_presence
    return field.number, field.is_repeated, optional


def listed(match: re.Match[str], *, is_message: bool) -> tuple[int, bool, bool | None]:
    optional = None if is_message else match["label"] == "opt "
    return int(match["number"]), match["label"] == "rep ", optional


def enum_of(message: Descriptor, name: str) -> EnumDescriptor | None:
    return message.enum_types_by_name.get(name)


def test_every_field_that_is_used_has_the_listed_number(rows: dict[str, re.Match[str]]) -> None:
    compared = 0
    for name in MESSAGES.keys() & rows.keys():
        fields = {match["name"]: match for match in FIELD.finditer(rows[name]["fields"])}
        for field in MESSAGES[name].fields:
            expected = listed(fields[field.name], is_message=field.message_type is not None)
            assert described(field) == expected, f"{name}.{field.name}"
            compared += 1
    assert compared >= 150


def test_every_value_of_an_enumeration_has_the_listed_number(rows: dict[str, re.Match[str]]) -> None:
    compared = 0
    for name in MESSAGES.keys() & rows.keys():
        for match in ENUM.finditer(rows[name]["enums"] or ""):
            enum = enum_of(MESSAGES[name], match["name"])
            if enum is not None:
                values = dict(pair.strip().split(" = ") for pair in match["values"].split(","))
                assert {value.name: str(value.number) for value in enum.values} == values
                compared += 1
    assert compared >= 8

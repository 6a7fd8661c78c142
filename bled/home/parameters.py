"""Parameters of the plugin's RPC methods: by name or by position, as lightningd passes them on. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from bled.codes import Code
from bled.errors import PeerError
from bled.home.terms import parse_amount_with_unit, parse_duration
from bled_codec.units import MAX_MSAT, Msat

_LONGEST_LIST: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """What one call was given. The readers raise `PeerError` (`USAGE`) for a value that cannot be meant."""

    values: Mapping[str, object]

    @classmethod
    def bind(cls, params: object, names: Sequence[str]) -> "Parameters":
        """Give positional values their names. Raises `PeerError` (`USAGE`) for too many, or a name nobody knows."""
        if isinstance(params, list):
            if len(params) > len(names):
                raise usage(f"too many parameters: at most {len(names)}")
            params = dict(zip(names, params, strict=False))
        if not isinstance(params, dict):
            raise usage("parameters are an object or an array")
        for name in params:
            if name not in names:
                raise usage(f"unknown parameter: {name}")
        return cls(values={name: value for name, value in params.items() if value is not None})

    def has(self, name: str) -> bool:
        """Say whether a parameter was given; null counts as not given."""
        return name in self.values

    def text(self, name: str, default: str | None = None) -> str:
        """Return a string."""
        value = self.values.get(name, default)
        if not isinstance(value, str) or not value:
            raise usage(f"{name}: a text is needed")
        return value

    def flag(self, name: str, *, default: bool = False) -> bool:
        """Return a boolean, `default` when it is not given."""
        value = self.values.get(name, default)
        if not isinstance(value, bool):
            raise usage(f"{name}: true or false is needed")
        return value

    def number(self, name: str, default: int | None = None, *, least: int = 0, most: int) -> int:
        """Return an integer from `least` to `most`; digits in a string will do."""
        value = self.values.get(name, default)
        if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise usage(f"{name}: a whole number from {least} to {most} is needed")
        return value

    def msat(self, name: str, default: Msat | None = None, *, least: int = 0) -> Msat:
        """Return an amount in millisatoshi: a number, or text such as `1000msat` or `1sat`."""
        value = self.values.get(name)
        if isinstance(value, str) and value.endswith("sat"):
            value = parse_amount_with_unit(value)
            return Msat(Parameters(values={name: value}).number(name, least=least, most=MAX_MSAT))
        return Msat(self.number(name, default, least=least, most=MAX_MSAT))

    def seconds(self, name: str, default: int | None = None, *, least: int = 0, most: int) -> int:
        """Return a duration in seconds: a number, or text such as `30d`."""
        value = self.values.get(name)
        if isinstance(value, str) and not value.isdigit():
            return Parameters(values={name: parse_duration(value)}).number(name, least=least, most=most)
        return self.number(name, default, least=least, most=most)

    def hex(self, name: str, *, length: int) -> bytes:
        """Return `length` bytes given in hexadecimal."""
        try:
            value = bytes.fromhex(self.text(name))
        except ValueError:
            value = b""
        if len(value) != length:
            raise usage(f"{name}: {length} bytes in hexadecimal are needed")
        return value

    def list(self, name: str) -> Sequence[object]:
        """Return a list of at most 64 values, empty when it is not given."""
        value = self.values.get(name, [])
        if not isinstance(value, list) or len(value) > _LONGEST_LIST:
            raise usage(f"{name}: a list of at most {_LONGEST_LIST} is needed")
        return value


def usage(detail: str) -> PeerError:
    """Return the error for a call that cannot be meant."""
    return PeerError(Code.USAGE, detail=detail)

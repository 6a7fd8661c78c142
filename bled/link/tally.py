"""What a connection costs on the air, where the Bluetooth stack is another program: counted from the values alone.

Connecting, MTU exchange, discovery and subscription are in that program's hands and are left out.
"""

from bled.link.base import LinkStats


class ValueTally:
    """Counts the ATT PDUs of the values that one connection carries, at the cost that the meter's model gives them."""

    def __init__(self) -> None:
        """Start with nothing counted."""
        self._values: list[int] = []
        self._acknowledged = 0

    def count(self, value_bytes: int, *, acknowledged: bool = False) -> None:
        """Count a value of `value_bytes` octets in a write or notification; `acknowledged`: its response too."""
        self._values.append(value_bytes + 3)  # opcode 1, handle 2
        self._acknowledged += acknowledged

    @property
    def stats(self) -> LinkStats:
        """What the values so far have cost."""
        from bled.link.meter import air_bytes  # loads bumble, which a process on BlueZ does not need before its end

        pdus = [*self._values, *([1] * self._acknowledged)]
        return LinkStats(att_pdus=len(pdus), bytes_on_air=sum(map(air_bytes, pdus)))

"""Attaches controllers of the host: HCI packets (H4) between a virtio-serial port and a new /dev/vhci adapter each."""

import os
import select
import sys

HEADERS = {1: (4, 3, 1), 2: (5, 3, 2), 3: (4, 3, 1), 4: (3, 2, 1), 5: (5, 3, 2)}
"""Packet type to bytes of its header, place of the length, bytes of the length."""
CREATE_PRIMARY = b"\xff\x00"


def packet_bytes(data: bytes) -> int | None:
    """Return how long the first packet is; None while its header is not there."""
    if not data:
        return None
    header, place, size = HEADERS[data[0]]
    if len(data) < header:
        return None
    return header + (int.from_bytes(data[place : place + size], "little") & 0x3FFF)


def write(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


def main(names: list[str]) -> None:
    others: dict[int, int] = {}
    rest: dict[int, bytes] = {}
    poll = select.poll()
    for name in names:
        port, vhci = os.open(f"/dev/virtio-ports/{name}", os.O_RDWR), os.open("/dev/vhci", os.O_RDWR)
        os.write(vhci, CREATE_PRIMARY)
        others |= {port: vhci, vhci: port}
        rest[port] = b""
        for descriptor in (port, vhci):
            poll.register(descriptor, select.POLLIN)
    while True:
        for descriptor, _ in poll.poll():
            data = os.read(descriptor, 65536)
            if descriptor not in rest:  # a packet of the kernel, whole; 0xff is vhci's own answer
                if data[:1] != b"\xff":
                    write(others[descriptor], data)
                continue
            if not data:
                sys.exit("the host has gone")
            rest[descriptor] += data
            while (size := packet_bytes(rest[descriptor])) is not None and len(rest[descriptor]) >= size:
                packet, rest[descriptor] = rest[descriptor][:size], rest[descriptor][size:]
                write(others[descriptor], packet)


if __name__ == "__main__":
    main(sys.argv[1:])

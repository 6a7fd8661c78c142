"""Packs a folder as the kernel wants an initial root: a cpio archive ("newc")."""

from pathlib import Path


def pack(folder: Path) -> bytes:
    """Return the archive of a folder's files, folders and links; everything belongs to root."""
    entries = [_entry(path.relative_to(folder).as_posix(), path) for path in sorted(folder.rglob("*"))]
    return b"".join([*entries, _record("TRAILER!!!", 0, b"")])


def _entry(name: str, path: Path) -> bytes:
    if path.is_symlink():
        return _record(name, 0o120777, str(path.readlink()).encode())
    if path.is_dir():
        return _record(name, 0o040755, b"")
    return _record(name, 0o100755, path.read_bytes())


def _record(name: str, mode: int, data: bytes) -> bytes:
    """Return one record: thirteen numbers of eight hexadecimal digits, the name, the data, each filled up to four."""
    text = name.encode() + b"\0"
    numbers = [0, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(text), 0]
    header = b"070701" + b"".join(b"%08x" % number for number in numbers)
    return _padded(header + text) + _padded(data)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)

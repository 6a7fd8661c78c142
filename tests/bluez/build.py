"""Makes the guest from Debian's packages: a root folder, a kernel, and what mounts the one for the other.

Needs apt-get, dpkg-deb and the network once; no root, no mount, no chroot: packages are unpacked, not installed.
"""

import hashlib
import lzma
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from .initramfs import pack

PACKAGES: Final = ("bluez", "busybox-static", "coreutils", "dbus", "iproute2", "procps", "python3", "rfkill")
KERNEL: Final = "linux-image-amd64"
MODULES: Final = (
    "virtio_pci", "virtio_console", "virtio_rng", "9pnet_virtio", "9p", "overlay", "cmac", "ecb", "cbc", "ctr", "ccm",
    "hmac", "sha256_generic", "aes_generic", "ecdh_generic", "af_alg", "algif_hash", "algif_skcipher", "bluetooth",
    "hci_vhci", "uhid",
)  # fmt: skip
"""What the guest loads at its start, in this order; each comes with what it depends on."""

_APPLETS: Final = ("sh", "mount", "mkdir", "insmod", "cat", "switch_root", "echo")


class CannotBuild(Exception):
    """An ingredient cannot be had here; the text says which."""


def cache() -> Path:
    """Return where the guest is kept between runs."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "bled" / "bluez-guest"


def recipe() -> str:
    """Return a name for what this recipe makes: it changes with the recipe and with the distribution."""
    release = Path("/etc/os-release")
    text = Path(__file__).read_bytes() + (release.read_bytes() if release.exists() else b"")
    init = Path(__file__).parent / "guest" / "init"
    return hashlib.sha256(text + init.read_bytes()).hexdigest()[:16]


def build(folder: Path) -> Path:
    """Return the guest's folder, with `root`, `vmlinuz` and `initramfs`; makes it unless it is there.

    Raises `CannotBuild`.
    """
    done = folder / recipe()
    if done.is_dir():
        return done
    for tool in ("apt-get", "dpkg-deb", "apt-cache"):
        if shutil.which(tool) is None:
            raise CannotBuild(f"{tool} is not here: the guest is made of Debian's packages")
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as work:
        made = Path(work) / "guest"
        _make(made, Path(work))
        try:
            made.rename(done)
        except OSError:  # somebody else was faster
            if not done.is_dir():
                raise
    return done


def _make(made: Path, work: Path) -> None:
    root, kernel = made / "root", work / "kernel"
    for package in _download(work / "packages"):
        _unpack(package, root)
    for package in _download_kernel(work / "image"):
        _unpack(package, kernel)
    shutil.copy(next((kernel / "boot").glob("vmlinuz-*")), made / "vmlinuz")
    _finish_root(root)
    _make_initramfs(
        made / "initramfs", modules=next((kernel / "lib" / "modules").iterdir()), root=root, work=work / "ird"
    )


def _run(*command: str, cwd: Path | None = None) -> str:
    try:
        result = subprocess.run(
            command, cwd=cwd, check=True, text=True, stdin=subprocess.DEVNULL, capture_output=True, timeout=900,
            env=os.environ | {"LC_ALL": "C"},
        )  # fmt: skip
    except subprocess.CalledProcessError as error:
        last = " | ".join(error.stderr.strip().splitlines()[-3:])
        raise CannotBuild(f"{command[0]} failed: {last}") from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CannotBuild(f"{command[0]}: {error}") from error
    return result.stdout


def _download(folder: Path) -> list[Path]:
    """Return the packages and all that they depend on, as for a system that has none yet."""
    (folder / "partial").mkdir(parents=True)
    status = folder / "status"
    status.touch()
    options = {
        "Dir::State::status": status,
        "Dir::Cache::archives": folder,
        "Debug::NoLocking": "true",
        "APT::Install-Recommends": "false",
        "APT::Get::AllowUnauthenticated": "false",
        "APT::Sandbox::User": "",
    }
    arguments = [part for name, value in options.items() for part in ("-o", f"{name}={value}")]
    _run("apt-get", "-qq", "-y", *arguments, "--download-only", "install", *PACKAGES)
    return sorted(folder.glob("*.deb"))


def _download_kernel(folder: Path) -> list[Path]:
    folder.mkdir()
    depends = re.findall(r"Depends: (linux-image-\S+)", _run("apt-cache", "depends", KERNEL))
    if not depends:
        raise CannotBuild(f"this distribution has no {KERNEL}")
    _run("apt-get", "-qq", "-o", "APT::Sandbox::User=", "download", depends[0], cwd=folder)
    return sorted(folder.glob("*.deb"))


def _unpack(package: Path, root: Path) -> None:
    """Unpack a package; folders that are links in a merged /usr stay links."""
    if not root.exists():
        for name in ("bin", "sbin", "lib", "lib64"):
            (root / "usr" / name).mkdir(parents=True)
            (root / name).symlink_to(f"usr/{name}")
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", package], stdout=subprocess.PIPE) as archive:
        _tar(root, archive)
    if archive.returncode != 0:
        raise CannotBuild(f"{package.name} cannot be unpacked")


def _tar(root: Path, archive: "subprocess.Popen[bytes]") -> None:
    command = ["tar", "-x", "--keep-directory-symlink", "--no-same-owner", "-C", root]
    for left_out in ("./usr/share/doc*", "./usr/share/man*", "./usr/share/locale*", "./dev*"):
        command += ["--exclude", left_out]
    if subprocess.run(command, stdin=archive.stdout, check=False).returncode != 0:
        raise CannotBuild("tar failed")


def _finish_root(root: Path) -> None:
    """Do the little that the packages' own scripts would have done and that is needed here."""
    for name in ("proc", "sys", "dev", "run", "tmp", "root", "code", "site", "var/lib/dbus"):
        (root / name).mkdir(parents=True, exist_ok=True)
    etc = root / "etc"
    (etc / "passwd").write_text("root:x:0:0:root:/:/bin/sh\nmessagebus:x:100:100::/:/usr/sbin/nologin\n")
    (etc / "group").write_text("root:x:0:\nmessagebus:x:100:\nbluetooth:x:101:\nnetdev:x:102:\n")
    (root / "usr/bin/awk").unlink(missing_ok=True)
    if not (root / "usr/bin/sh").exists():
        (root / "usr/bin/sh").symlink_to("busybox")


def _make_initramfs(target: Path, *, modules: Path, root: Path, work: Path) -> None:
    for name in ("bin", "dev", "proc", "sys", "rw", "lower", "newroot", "modules"):
        (work / name).mkdir(parents=True)
    shutil.copy(root / "bin" / "busybox", work / "bin" / "busybox")
    for applet in _APPLETS:
        (work / "bin" / applet).symlink_to("busybox")
    order = []
    for path in in_order(modules, MODULES):
        name = path.name.partition(".ko")[0] + ".ko"
        (work / "modules" / name).write_bytes(_content(path))
        order.append(name)
    (work / "modules" / "order").write_text("\n".join(order) + "\n")
    shutil.copy(Path(__file__).parent / "guest" / "init", work / "init")
    (work / "init").chmod(0o755)
    target.write_bytes(pack(work))


def in_order(folder: Path, wanted: Iterable[str]) -> list[Path]:
    """Return the files of kernel modules, each after those that it depends on; built-in ones have none."""
    files = {_module_name(path): path for path in folder.rglob("*.ko*")}
    ordered: dict[str, Path] = {}

    def add(name: str) -> None:
        if name in ordered or name not in files:
            return
        for dependency in _depends(_content(files[name])):
            add(dependency)
        ordered[name] = files[name]

    for name in wanted:
        add(name.replace("-", "_"))
    return list(ordered.values())


def _module_name(path: Path) -> str:
    return path.name.partition(".ko")[0].replace("-", "_")


def _content(path: Path) -> bytes:
    data = path.read_bytes()
    return lzma.decompress(data) if path.suffix == ".xz" else data


def _depends(module: bytes) -> Iterator[str]:
    """Return what a module says of itself: `depends=` and a comma-separated list, ended by a zero octet."""
    found = re.search(rb"\0depends=([^\0]*)\0", module)
    if found:
        yield from (name.replace("-", "_") for name in found.group(1).decode().split(",") if name)


if __name__ == "__main__":
    try:
        build(cache())
    except CannotBuild as reason:
        raise SystemExit(str(reason)) from None

"""`bled home backup` and `restore`: the master secret as words on paper. They run where the node's files are."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from bled.cli.exit import reports_to
from bled.cli.options import Json, Rpc
from bled.cli.output import note, print_json, say
from bled.codes import Code
from bled.errors import BledError, ConfigurationError

Folder = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="The plugin's own folder. Default: bled-home beside lightning-rpc."),
]


@reports_to("buyer")
def backup(
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write the words to a new file instead, mode 0600.")
    ] = None,
    folder: Folder = None,
    rpc: Rpc = None,
    json_: Json = False,
) -> None:
    """Show home's master secret as 24 words, to be written down. Who has them can sign as every device of this home.

    They bring the keys back, not the ledger: after a restore earlier books pay nothing any more.

    \b
    Examples:
      bled home backup
      bled home backup --folder ~/.lightning/bitcoin/bled-home --out /media/stick/home.words
    """
    from bled.home.backup import name_of, words_of
    from bled.home.master import read_master

    master = read_master(_folder(folder, rpc))
    words, name = words_of(master), name_of(master)
    lines = [f"{place:>2}. {word}" for place, word in enumerate(words, 1)]
    if out is not None:
        _write(out, "\n".join((f"# back-up words of the home {name}", *lines, "")))
        say(f"{out}: the back-up words of the home {name}") if not json_ else print_json(
            {"home": name, "file": str(out)}
        )
        return
    if json_:
        print_json({"home": name, "words": words})
        return
    for line in lines:
        say(line)
    note(f"The words of the home {name}. Keep them where nobody reads them; this screen may be seen.")


@reports_to("buyer")
def restore(
    file: Annotated[
        Path | None, typer.Option("--from", metavar="FILE", help="Read the words from this file instead of asking.")
    ] = None,
    folder: Folder = None,
    rpc: Rpc = None,
    json_: Json = False,
) -> None:
    """Put home's master secret back from its 24 words, where there is none. Start the plugin afterwards.

    At its first start home reads from the node's own records what was paid before, and every earlier book is revoked:
    issue new ones.

    \b
    Examples:
      bled home restore
      bled home restore --folder ~/.lightning/bitcoin/bled-home --from /media/stick/home.words
    """
    from bled.home.backup import master_of, name_of
    from bled.home.master import restore_master

    place = _folder(folder, rpc)
    master = master_of(_read_words(file))
    restore_master(place, master)
    if json_:
        print_json({"outcome": "restored", "home": name_of(master), "folder": str(place)})
        return
    say(f"{place}: the master secret of the home {name_of(master)} is back.")
    note("Start lightningd or the plugin. Earlier books pay nothing any more: issue new ones.")


def _folder(folder: Path | None, rpc: Path | None) -> Path:
    from bled.config import load_settings
    from bled.home.files import STATE_FOLDER

    if folder is not None:
        return folder
    socket = load_settings({"lightning_rpc": rpc}).lightning_rpc
    if socket is None:
        raise ConfigurationError(Code.CONFIG_BAD, detail="give --folder DIR, or --rpc PATH of the node's lightning-rpc")
    return socket.parent / STATE_FOLDER


def _write(out: Path, text: str) -> None:
    try:
        descriptor = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise ConfigurationError(Code.CONFIG_BAD, detail=f"{out} cannot be written: {error.strerror}") from error


def _read_words(file: Path | None) -> str:
    if file is None:
        if not sys.stdin.isatty():
            raise BledError(Code.USAGE, detail="no terminal to ask for the words on; give --from FILE")
        return str(typer.prompt("The 24 words, in one line", hide_input=True, err=True))
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(Code.CONFIG_BAD, detail=f"{file} cannot be read as words") from error

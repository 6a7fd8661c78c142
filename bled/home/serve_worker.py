"""One worker of `bled home serve`: verifies, claims and pays what its node's plugin has put into the inbox.

It is told what to do in one line of JSON on stdin, so that the password of the database stands on no command line, and
ends when stdin does: its supervisor is gone then. Killed at any moment it leaves nothing that another cannot finish.
"""

import asyncio
import contextlib
import json
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path

from bled.clock import Clock, SystemClock
from bled.codes import EXIT_OK, Code
from bled.errors import BledError, ConfigurationError, Unavailable
from bled.grants.keys import HomeKeys
from bled.home.adrift import is_clock_adrift, nobody_asks
from bled.home.decisions import Decisions
from bled.home.ledger import Ledger
from bled.home.master import MASTER_FILE, load_keys
from bled.home.pay import Payer, growing_pauses
from bled.home.serve_session import Session
from bled.home.service import HomeService
from bled.home.version import NodeVersion
from bled.home.witness import Witness
from bled.node.cln_home import ClnHomeNode
from bled.node.lightning_rpc import LightningRpc
from bled_codec.chains import CHAIN_NAMES, REGTEST_CHAIN


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What a worker is told.

    Attributes:
        database: address of the PostgreSQL database.
        rpc: the node's `lightning-rpc` socket.
        state: folder with the master secret, the same on every machine of this home.
        any_clock: the owner answers for the clock.
    """

    database: str = field(repr=False)
    rpc: Path
    state: Path
    any_clock: bool = False

    def encode(self) -> bytes:
        """Return one line of JSON."""
        values = asdict(self) | {"rpc": str(self.rpc), "state": str(self.state)}
        return json.dumps(values).encode() + b"\n"

    @classmethod
    def decode(cls, line: bytes) -> "Work":
        """Return what `encode` wrote. Raises `ConfigurationError`."""
        try:
            values = json.loads(line)
            return cls(
                database=str(values["database"]),
                rpc=Path(values["rpc"]),
                state=Path(values["state"]),
                any_clock=values["any_clock"] is True,
            )
        except (ValueError, KeyError, TypeError):
            raise ConfigurationError(Code.CONFIG_BAD, detail="a worker is started by `bled home serve`") from None


def keys_for_workers(state: Path) -> HomeKeys:
    """Return home's keys, which the plugin has made. Raises `ConfigurationError` (`CONFIG_BAD`)."""
    if not (state / MASTER_FILE).exists():
        detail = f"{state / MASTER_FILE}: not there; the plugin makes it, every machine of one home needs the same"
        raise ConfigurationError(Code.CONFIG_BAD, detail=detail)
    return load_keys(state)


async def run(work: Work, *, clock: Clock) -> None:
    """Work for ever. Raises `BledError` for what a new start may mend, `ConfigurationError` for what it may not."""
    keys = keys_for_workers(work.state)
    rpc = LightningRpc(work.rpc)
    info = await rpc.call("getinfo", seconds=20)
    chain = CHAIN_NAMES.get(str(info.get("network")))
    if chain is None:
        raise ConfigurationError(Code.CONFIG_BAD, detail=f"unknown network {info.get('network')}")
    _check_version(info.get("version"))
    node = ClnHomeNode(rpc)
    ledger = Ledger.connect(work.database, book_key=keys.book_key.public_key[1:])
    session = Session(ledger, log=log, pauses=growing_pauses)
    try:
        ledger.belong_to((await node.node_id()).hex())
        session.open()
        witness = Witness(node=node, ledger=ledger, name=keys.book_key.public_key.hex())
        service = HomeService(
            keys=keys,
            chain=chain,
            node=node,
            ledger=ledger,
            witness=witness,
            decisions=Decisions(ledger),
            payer=Payer(node=node, ledger=ledger, witness=witness, clock=clock, log=log, pauses=growing_pauses),
            clock=clock,
            log=log,
            is_adrift=nobody_asks if chain == REGTEST_CHAIN or work.any_clock else is_clock_adrift,
            arrivals=session,
        )
        await service.run(node_is_fresh=False)
    finally:
        session.close()
        ledger.close()


def _check_version(text: object) -> None:
    """Refuse a node whose records do not name the payer id: with workers nobody else could tell payments apart."""
    version = NodeVersion(text=text if isinstance(text, str) else None)
    version.check()
    if not version.has_labels:
        raise ConfigurationError(Code.CONFIG_BAD, detail=f"lightningd {version.text} is too old: workers need v26.06")


def log(level: str, line: str) -> None:
    """Write a line to stderr, which the supervisor shares with its workers."""
    sys.stderr.write(f"bled home serve: {level}: {line}\n")
    sys.stderr.flush()


async def _work_while_supervised(work: Work, stdin: asyncio.StreamReader, clock: Clock) -> None:
    working = asyncio.ensure_future(run(work, clock=clock))
    supervised = asyncio.ensure_future(stdin.read())
    try:
        await asyncio.wait({working, supervised}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            working.result()
    finally:
        for task in (working, supervised):
            task.cancel()
        await asyncio.gather(working, supervised, return_exceptions=True)


async def _main(clock: Clock) -> int:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    status = EXIT_OK
    try:
        await _work_while_supervised(Work.decode(await reader.readline()), reader, clock)
    except* BledError as group:
        error = _first(group)
        log("broken", str(error))
        status = error.outcome.exit_code
    return status


def _first(group: BaseExceptionGroup[BledError]) -> BledError:
    """Return one error of a group; groups are nested as the tasks were."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error if isinstance(error, BledError) else Unavailable(Code.INTERNAL)


def main(clock: Clock | None = None) -> None:
    """Do what the line on stdin says."""
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(asyncio.run(_main(clock or SystemClock())))


if __name__ == "__main__":
    main()

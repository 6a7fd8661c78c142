"""What is right and wrong with a till's node, with the lines that mend it: `bled doctor node`."""

import stat
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from bled.certificates import CertificateFacts, read_certificate
from bled.codes import Code
from bled.errors import BledError
from bled.findings import Finding, Level
from bled.node.base import Echo, MerchantNode, NodeInfo, Way
from bled.node.cln_credentials import load_credentials
from bled.node.lnd_credentials import LndCredentials, load_lnd_credentials
from bled.node.lnd_macaroon import NEEDED
from bled.node.opening import NodeFiles, NodeKind, open_node, parse_address

SOON: Final = timedelta(days=30)
"""How long before its end a certificate is worth a word."""
PROXY: Final = "bled node-proxy"
"""Who signs the certificates of tills that are kept from the node's full power."""
_PAGE: Final = "docs/nodes.md"

_WORDS: Final = {
    Code.NODE_UNREACHABLE: "The node cannot be reached.",
    Code.NODE_TLS: "One side refuses the other's certificate.",
}
_LIMITED: Final = "Limited by bled node-proxy: whoever steals these files can sell, and refund within its daily cap."
_FIXES: Final = {
    Code.NODE_UNREACHABLE: ("is the node running, and its gRPC listening at this address?", "ss -ltn"),
    Code.NODE_TLS: ("copy the node's certificate files here again",),
    Code.NODE_REFUSED: (f"the node says why; {_PAGE} has the permissions that a till needs",),
    Code.CONFIG_BAD: (f"see {_PAGE}",),
}


async def examine(address: str, files: NodeFiles, *, now: datetime) -> tuple[Finding, ...]:
    """Return all that can be said of the node at `address`; nothing is changed at it that lasts.

    Core Lightning gets one offer of 1 msat for the self-test, which is closed again. Raises nothing.
    """
    findings: list[Finding] = []
    try:
        kind = parse_address(address).kind
        findings += _credentials(kind, files, now)
        node = await open_node(address, files)
    except BledError as error:
        return (*findings, _failed("connection", error))
    try:
        findings += await _ask(kind, node)
    except BledError as error:
        findings.append(_failed("node", error))
    finally:
        await node.close()
    return tuple(findings)


def _failed(about: str, error: BledError) -> Finding:
    fix, words = _FIXES.get(error.code, ()), _WORDS.get(error.code, error.outcome.cashier)
    return Finding(level=Level.PROBLEM, about=about, detail=f"{words} {error.detail}".strip(), fix=fix)


def _credentials(kind: NodeKind, files: NodeFiles, now: datetime) -> Iterator[Finding]:
    if kind is NodeKind.LND:
        proof = load_lnd_credentials(files.folder, certificate=files.lnd_tls_cert, macaroon=files.lnd_macaroon)
        yield _expiry("the node's certificate", proof.facts, now)
        yield from _macaroon(proof)
    elif files.folder is not None:
        mine = load_credentials(files.folder)
        client = read_certificate(mine.certificate)
        yield _expiry("the till's certificate", client, now)
        yield _power_of(client)
        yield from _guarded(files.folder / "client-key.pem")


def _expiry(about: str, facts: CertificateFacts, now: datetime) -> Finding:
    until = facts.not_after.strftime("%Y-%m-%d")
    if facts.not_after <= now:
        fix = ("delete the old files at the node, restart it, copy the new ones here",)
        return Finding(level=Level.PROBLEM, about=about, detail=f"Expired on {until}.", fix=fix)
    level = Level.ADVICE if facts.not_after - now < SOON else Level.GOOD
    return Finding(level=level, about=about, detail=f"Good until {until}.")


def _power_of(client: CertificateFacts) -> Finding:
    """Say what a stolen till could do: Core Lightning lets whoever has a certificate of its own do everything."""
    if client.issuer == PROXY:
        return Finding(level=Level.GOOD, about="power of this till", detail=_LIMITED)
    detail = "Full: whoever steals these files can empty the node."
    fix = ("run bled node-proxy on the node's host and give the till a certificate of that",)
    return Finding(level=Level.ADVICE, about="power of this till", detail=detail, fix=fix)


def _macaroon(proof: LndCredentials) -> Iterator[Finding]:
    powers = proof.powers
    if powers.missing:
        names = ", ".join(uri.rpartition("/")[2] for uri in powers.missing)
        yield Finding(
            level=Level.PROBLEM, about="macaroon", detail=f"It does not allow {names}.", fix=(bake_command(),)
        )
    if powers.can_spend:
        detail = "Full: whoever steals this macaroon can empty the node."
        yield Finding(level=Level.ADVICE, about="power of this till", detail=detail, fix=(bake_command(),))
    elif powers.excess:
        detail = f"It cannot spend, but allows more than a till needs: {', '.join(powers.excess[:4])}."
        yield Finding(level=Level.ADVICE, about="power of this till", detail=detail, fix=(bake_command(),))
    else:
        yield Finding(level=Level.GOOD, about="power of this till", detail="What a till needs and no more.")
    yield from _guarded(proof.macaroon_path)


def bake_command() -> str:
    """Return the command that makes a macaroon for a till."""
    return "lncli bakemacaroon --save_to bled.macaroon " + " ".join(f"uri:{uri}" for uri in NEEDED)


def _guarded(path: Path) -> Iterator[Finding]:
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except OSError:
        return
    if mode & 0o007:
        detail = f"Every user of this machine can read {path.name}."
        yield Finding(level=Level.ADVICE, about="files", detail=detail, fix=(f"chmod 600 {path}",))


async def _ask(kind: NodeKind, node: MerchantNode) -> list[Finding]:
    info = await node.info()
    wrong = [Finding(level=Level.PROBLEM, about="node", detail=sentence) for sentence in await node.self_test()]
    echo = await node.echo()
    return [_node(kind, info), *wrong, await _flow(node), _echo(kind, echo)]


def _node(kind: NodeKind, info: NodeInfo) -> Finding:
    name = "LND" if kind is NodeKind.LND else "Core Lightning"
    seen = " This version of bled has not yet been seen with a real LND." if kind is NodeKind.LND else ""
    detail = f"{name} {info.version} on {info.network} at block {info.height}, {info.node_id.hex()}.{seen}"
    return Finding(level=Level.GOOD, about="node", detail=detail)


async def _flow(node: MerchantNode) -> Finding:
    if Way.DIRECT not in node.ways:
        detail = "push, as issuer: the till signs invoices itself and sends them through the node."
    elif await node.is_private():
        detail = "private: direct, then push; the till builds the path for the money, as the network knows no way here."
    else:
        detail = "direct: the node answers the request with the till's invoice; push when that brings no money."
    return Finding(level=Level.GOOD, about="flow", detail=detail)


def _echo(kind: NodeKind, echo: Echo) -> Finding:
    about = "onion message to itself"
    silent = f" {len(echo.tried)} other peers did not bring it back." if echo.tried else ""
    if echo.came_back and echo.through is not None:
        detail = f"Back through {echo.through.hex()[:16]}... after {echo.milliseconds:.0f} ms.{silent}"
        return Finding(level=Level.GOOD, about=about, detail=detail)
    if echo.came_back:
        detail = f"The node answers, but no message left it and came back.{silent or ' It has no peer.'}"
        return Finding(level=Level.ADVICE, about=about, detail=detail, fix=_echo_fix())
    level = Level.ADVICE if kind is NodeKind.LND else Level.PROBLEM
    return Finding(level=level, about=about, detail=f"It never came back.{silent or ' No peer.'}", fix=_echo_fix())


def _echo_fix() -> tuple[str, ...]:
    return (
        "a peer that is LND sends no message back to where it came from: connect to another kind, and try again",
        f"see {_PAGE}, what to do when the self-test fails",
    )


def today() -> datetime:
    """Return the present moment, with its time zone."""
    return datetime.now(UTC)

"""Options that several commands share, so that each is spelled and explained once."""

from pathlib import Path
from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout and nothing else.")]
Radio = Annotated[
    str | None,
    typer.Option(
        "--radio",
        metavar="RADIO",
        help="bluetooth[:ADAPTER], hci:TRANSPORT for a dongle, or virtual:ADDRESS of `bled sandbox run`. [BLED_RADIO]",
    ),
]
Mtu = Annotated[int, typer.Option("--mtu", min=23, max=517, help="Largest ATT_MTU to agree to, in bytes.")]
Data = Annotated[
    Path | None,
    typer.Option("--data", metavar="DIR", help="Folder of this role's own files. [BLED_DATA_DIR, else XDG]"),
]
Node = Annotated[
    str | None,
    typer.Option(
        "--node",
        metavar="ADDRESS",
        help="The till's node: HOST:PORT of Core Lightning's gRPC, or lnd://HOST:PORT. [BLED_NODE]",
    ),
]
Credentials = Annotated[
    Path | None,
    typer.Option(
        "--credentials",
        metavar="DIR",
        help="Folder with the files that the node's gRPC asks for (docs/nodes.md). [BLED_CREDENTIALS]",
    ),
]
Rpc = Annotated[
    Path | None,
    typer.Option("--rpc", metavar="SOCKET", help="lightning-rpc of the home node. [BLED_LIGHTNING_RPC]"),
]
Chain = Annotated[
    str | None,
    typer.Option("--chain", metavar="NAME", help="bitcoin, testnet, signet or regtest. [BLED_CHAIN, else bitcoin]"),
]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Show offers, invoices and hashes in full.")]

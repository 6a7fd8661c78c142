"""Home put together, once lightningd has said where it runs."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from bled.clock import Clock
from bled.codes import Code
from bled.errors import ConfigurationError, Unavailable
from bled.grants.keys import HomeKeys
from bled.home.adrift import is_clock_adrift, nobody_asks
from bled.home.decisions import Decisions
from bled.home.files import STATE_FOLDER
from bled.home.hook_order import HookOrder, Order
from bled.home.ledger import Ledger
from bled.home.master import load_keys, prepare_folder
from bled.home.owner import Owner
from bled.home.path_test import PathTest
from bled.home.pay import Log, Payer, growing_pauses
from bled.home.plugin import ANY_CLOCK
from bled.home.refund_service import HomeRefunds
from bled.home.rpc import HomeRpc
from bled.home.serve_plugin import SharedHome, open_ledger
from bled.home.service import HomeService
from bled.home.version import NodeVersion
from bled.home.witness import Witness
from bled.node.cln_home import ClnHomeNode
from bled.node.cln_receiving import ClnReceivingNode
from bled.node.json_stream import JsonObject
from bled.node.lightning_rpc import LightningRpc
from bled_codec.blinded_path import BlindedPath
from bled_codec.chains import CHAIN_NAMES, REGTEST_CHAIN


class HomeApplication:
    """The plugin's work: ledger, payments and RPC methods of one home."""

    def __init__(self, *, clock: Clock, log: Log, version: NodeVersion) -> None:
        """Take clock, log and the version of lightningd; nothing is opened before `start`."""
        self._version = version
        self._clock = clock
        self._log = log
        self._ledger: Ledger | None = None
        self._service: HomeService | SharedHome | None = None
        self._refunds: HomeRefunds | None = None
        self._rpc: HomeRpc | None = None
        self._path_test: PathTest | None = None
        self._hook_order: HookOrder | None = None
        self._telling: asyncio.Task[None] | None = None
        self._node_is_fresh = False
        self._opened = asyncio.Event()

    def start(self, configuration: JsonObject, options: JsonObject) -> None:
        """Open the state folder, make the keys the first time. Raises `ConfigurationError` or `Unavailable`."""
        self._version.check()
        lightning_dir, chain = _lightning_dir(configuration), _chain(configuration)
        folder = lightning_dir / STATE_FOLDER
        prepare_folder(folder)
        keys = load_keys(folder)
        ledger = open_ledger(folder, keys, options)
        socket = lightning_dir / str(configuration.get("rpc-file", "lightning-rpc"))
        node = self._node_of(ledger, socket)
        decisions = Decisions(ledger)
        witness = Witness(node=node, ledger=ledger, name=keys.book_key.public_key.hex())
        payer = Payer(
            node=node, ledger=ledger, witness=witness, clock=self._clock, log=self._log, pauses=growing_pauses
        )
        is_adrift = nobody_asks if chain == REGTEST_CHAIN or options.get(ANY_CLOCK) is True else is_clock_adrift
        self._ledger = ledger
        self._path_test = path_test = PathTest(node=node, clock=self._clock)
        self._rpc = HomeRpc(
            keys=keys,
            chain=chain,
            ledger=ledger,
            witness=witness,
            payer=payer,
            decisions=decisions,
            node=node,
            clock=self._clock,
            path_test=path_test,
            owner=self._owner(
                keys=keys, chain=chain, ledger=ledger, node=node, path_test=path_test, is_adrift=is_adrift
            ),
        )
        service = HomeService(
            keys=keys,
            chain=chain,
            node=node,
            ledger=ledger,
            witness=witness,
            decisions=decisions,
            payer=payer,
            clock=self._clock,
            log=self._log,
            is_adrift=is_adrift,
        )
        shared = SharedHome(keys=keys, ledger=ledger, node=node, witness=witness, clock=self._clock, log=self._log)
        self._service = shared if ledger.is_shared else service
        receiving = ClnReceivingNode(LightningRpc(socket))
        self._refunds = HomeRefunds(
            keys=keys, chain=chain, node=receiving, ledger=ledger, clock=self._clock, log=self._log
        )
        self._node_is_fresh = configuration.get("startup") is True
        self._opened.set()

    def _owner(
        self,
        *,
        keys: HomeKeys,
        chain: bytes,
        ledger: Ledger,
        node: ClnHomeNode,
        path_test: PathTest,
        is_adrift: Callable[[], bool],
    ) -> Owner:
        self._hook_order = hook_order = HookOrder(node=node)
        return Owner(
            keys=keys,
            chain=chain,
            ledger=ledger,
            node=node,
            clock=self._clock,
            path_test=path_test,
            hook_order=hook_order,
            version=self._version,
            is_adrift=is_adrift,
        )

    def _node_of(self, ledger: Ledger, socket: Path) -> ClnHomeNode:
        """Return the node behind a socket, and tell its owner what an old one lacks."""
        for sentence in self._version.lacks:
            self._log("unusual", sentence)
        has_labels = self._version.has_labels
        if not has_labels:
            ledger.pays_without_labels()
        return ClnHomeNode(LightningRpc(socket), has_labels=has_labels, counts_unlabelled=ledger.paid_without_labels())

    def receive(self, invoice: bytes, secret: bytes) -> bool:
        """Take an invoice of the hook; say whether it is home's business."""
        return self._service is not None and self._service.receive(invoice, secret)

    def receive_request(self, request: bytes, secret: bytes, reply_path: BlindedPath | None) -> bool:
        """Take an invoice_request of the hook; say whether it is for a refund offer of home's."""
        return self._refunds is not None and self._refunds.receive(request, secret, reply_path)

    def hear(self, secret: bytes) -> bool:
        """Take the path secret of a message of the hook; say whether home sent it, to try its paths or its place."""
        return any(each is not None and each.hear(secret) for each in (self._path_test, self._hook_order))

    async def call(self, method: str, params: object) -> JsonObject:
        """Answer an RPC method. Raises `BledError`."""
        if self._rpc is None:
            raise Unavailable(Code.CONFIG_BAD, detail="the plugin was not started")
        return await self._rpc.call(method, params)

    async def work(self) -> None:
        """Wait for `start`, then resume what was under way and pay what comes, for ever."""
        await self._opened.wait()
        if not self._node_is_fresh:
            self._telling = asyncio.create_task(self._tell_order())
        if self._service is not None and self._refunds is not None:
            await asyncio.gather(self._pay(self._service), self._refunds.run())

    async def _pay(self, service: HomeService | SharedHome) -> None:
        if isinstance(service, SharedHome):
            await service.run()
        else:
            await service.run(node_is_fresh=self._node_is_fresh)

    async def _tell_order(self) -> None:
        """Tell the owner when the node's own plugin is asked first, which a start by hand can bring about."""
        if self._hook_order is not None:
            place = await self._hook_order.find()
            if place.order is Order.NODE:
                self._log("unusual", place.detail)

    def close(self) -> None:
        """Let go of the ledger. What is under way is found again at the next start."""
        if self._telling is not None:
            self._telling.cancel()
        if self._ledger is not None:
            self._ledger.close()


def _lightning_dir(configuration: JsonObject) -> Path:
    value = configuration.get("lightning-dir")
    if not isinstance(value, str) or not Path(value).is_dir():
        raise ConfigurationError(Code.CONFIG_BAD, detail="lightningd named no folder of its own")
    return Path(value)


def _chain(configuration: JsonObject) -> bytes:
    chain = CHAIN_NAMES.get(str(configuration.get("network")))
    if chain is None:
        raise ConfigurationError(Code.CONFIG_BAD, detail=f"unknown network {configuration.get('network')}")
    return chain

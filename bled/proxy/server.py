"""The proxy's gRPC server: Core Lightning's interface for tills, each call judged, then handed on to the node."""

import asyncio
import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import grpc
import grpc.aio

from bled.clock import Clock
from bled.errors import BledError
from bled.node.cln_connection import raw_channel
from bled.node.cln_credentials import Credentials
from bled.proxy.calls import ALLOWED, LARGEST_REQUEST, Allowed, Denied
from bled.proxy.caps import Caps
from bled.proxy.invoices import Invoices
from bled.proxy.offers import OfferBook, Offers
from bled.proxy.payout import NodeSaidError, Payouts
from bled.proxy.tills import Tills

_log = logging.getLogger(__name__)

CALLS_AT_ONCE: Final = 32
"""Of one till; a sale has three under way at most."""
_OPTIONS: Final = (
    ("grpc.so_reuseport", 0),
    ("grpc.max_receive_message_length", LARGEST_REQUEST),
    ("grpc.max_concurrent_streams", CALLS_AT_ONCE),
)
_LAST_WORDS_SECONDS: Final = 1.0
_PREFIX: Final = "/cln.Node/"


class NodeProxy:
    """Serves tills. All calls belong to the event loop of `start`."""

    def __init__(
        self, target: str, credentials: Credentials, *, tills: Tills, caps: Caps, offers: OfferBook, clock: Clock
    ) -> None:
        """Take the node's HOST:PORT and its all-powerful certificate, who may call, what may be paid out, what was
        offered."""
        self._channel = raw_channel(target, credentials)
        self._tills = tills
        self._payouts = Payouts(self._ask, caps, clock)
        self._invoices = Invoices(self._ask)
        self._offers = Offers(self._ask, offers, clock)
        self._under_way: Counter[str] = Counter()
        self._paying: set[asyncio.Task[bytes]] = set()
        self._server: Any = None

    async def start(self, listen: str) -> str:
        """Listen on `listen` (HOST:PORT, port 0 for a free one) and return HOST:PORT. Raises `OSError`."""
        await self._payouts.settle_old()
        server = grpc.aio.server(options=_OPTIONS)
        server.add_generic_rpc_handlers((_Handler(self._serve),))
        pair = (self._tills.server.key, self._tills.server.certificate)
        tls = grpc.ssl_server_credentials((pair,), self._tills.authority.certificate, require_client_auth=True)
        try:
            port = server.add_secure_port(listen, tls)
        except RuntimeError as error:
            raise OSError(f"cannot listen on {listen}") from error
        await server.start()
        self._server = server
        return f"{listen.rpartition(':')[0]}:{port}"

    async def stop(self) -> None:
        """Stop listening, let payments that were asked for come to an end, and leave the node."""
        if self._server is not None:
            await self._server.stop(_LAST_WORDS_SECONDS)
            self._server = None
        if self._paying:
            await asyncio.wait(self._paying)
        await self._channel.close()

    async def _serve(self, method: str, data: bytes, context: Any) -> bytes:
        till = "a stranger"
        try:
            till = self._name_of(context)
            with self._one_of_few(till):
                return await self._pass_on(method, data, till, context)
        except Denied as error:
            _log.warning("%s may not %s: %s", till, method, error)
            await context.abort(grpc.StatusCode.PERMISSION_DENIED, f"bled node-proxy: {method}: {error}")
        except NodeSaidError as error:
            await context.abort(grpc.StatusCode[error.status], error.details)
        except BledError as error:
            _log.error("%s, %s: %s", till, method, error)
            await context.abort(grpc.StatusCode.PERMISSION_DENIED, f"bled node-proxy: {method}: {error}")
        raise Denied  # `abort` never returns

    def _name_of(self, context: Any) -> str:
        shown = context.auth_context().get("x509_pem_cert", ())
        name = self._tills.name_of(shown[0]) if shown else None
        if name is None:
            raise Denied("this certificate is not let in, or not any more")
        return name

    @contextmanager
    def _one_of_few(self, till: str) -> Iterator[None]:
        """Count the till's calls: one that floods the proxy keeps no other out."""
        if self._under_way[till] >= CALLS_AT_ONCE:
            raise Denied(f"more than {CALLS_AT_ONCE} calls at once")
        self._under_way[till] += 1
        try:
            yield
        finally:
            self._under_way[till] -= 1

    async def _pass_on(self, method: str, data: bytes, till: str, context: Any) -> bytes:
        allowed = ALLOWED.get(method)
        if allowed is None:
            raise Denied("a till may not do this")
        request: Any = allowed.read(data)
        if allowed.spends:
            return await self._pay(request, till)
        seconds = _seconds(allowed, context)
        match method:
            case "CreateInvoice":
                return await self._invoices.create(request, seconds=allowed.seconds)
            case "Offer":
                return await self._offers.create(request, till=till, seconds=seconds)
            case "ListOffers":
                return await self._offers.own(request, till=till, seconds=seconds)
            case "DisableOffer":
                return await self._offers.disable(request, till=till, seconds=seconds)
            case _:
                return await self._ask(method, request.SerializeToString(), seconds)

    async def _pay(self, request: Any, till: str) -> bytes:
        """Pay to the end, even when the till goes away meanwhile."""
        task = asyncio.create_task(self._payouts.pay(request, till=till))
        self._paying.add(task)
        task.add_done_callback(self._paid)
        return await asyncio.shield(task)

    def _paid(self, task: "asyncio.Task[bytes]") -> None:
        self._paying.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.warning("a refund was not paid: %s", error)

    async def _ask(self, method: str, request: bytes, seconds: float) -> bytes:
        call = self._channel.unary_unary(f"{_PREFIX}{method}")
        try:
            answer: bytes = await call(request, timeout=seconds)
        except grpc.aio.AioRpcError as error:
            raise NodeSaidError(error.code().name, error.details() or "") from error
        return answer


class _Handler(grpc.GenericRpcHandler):  # type: ignore[misc]  # grpc brings no types
    """Takes every method there is, so that what is not allowed gets an answer that says so."""

    def __init__(self, serve: Any) -> None:
        self._serve = serve

    def service(self, handler_call_details: Any) -> Any:
        method = handler_call_details.method.removeprefix(_PREFIX)

        async def answer(data: bytes, context: Any) -> bytes:
            return await self._serve(method, data, context)  # type: ignore[no-any-return]  # bytes, by `_serve`

        return grpc.unary_unary_rpc_method_handler(answer)


def _seconds(allowed: Allowed, context: Any) -> float:
    left = context.time_remaining()
    return allowed.seconds if left is None else min(allowed.seconds, left)

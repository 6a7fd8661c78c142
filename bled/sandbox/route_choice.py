"""Which way a payment takes, and in what words `xpay` says that there is none."""

from typing import Final

from bled.sandbox.network import Network
from bled.sandbox.node import SandboxNode
from bled.sandbox.routes import Route, Step, routes_to
from bled.sandbox.rpc_error import RpcError
from bled_codec.features import unknown_even_bits
from bled_codec.invoice import Invoice
from bled_codec.units import Msat

ROUTE_NOT_FOUND: Final = 205
ROUTE_TOO_EXPENSIVE: Final = 206


def usable_routes(
    network: Network, payer: SandboxNode, invoice: Invoice, *, max_fee: Msat, max_delay: int
) -> list[Route]:
    """Return the ways to pay `invoice`, cheapest first and one for each of its paths.

    Raises `RpcError`: 205 without a way or the balance for one, 206 when all cost or take more than allowed.
    """
    routes = _all_routes(network, payer, invoice)
    if not routes:
        raise _failed(ROUTE_NOT_FOUND, "There is no connection between source and destination at all")
    covered = [route for route in routes if _is_covered(network, payer, route)]
    if not covered:
        raise _failed(ROUTE_NOT_FOUND, _too_large(min(routes, key=lambda route: len(route.steps))))
    cheap = [route for route in covered if route.amount_sent - invoice.invoice_amount <= max_fee]
    if not cheap:
        raise _failed(ROUTE_TOO_EXPENSIVE, "Could not find route without excessive cost")
    quick = [route for route in cheap if route.delay <= max_delay]
    if not quick:
        raise _failed(ROUTE_TOO_EXPENSIVE, "Could not find route without excessive delays")
    best = {route.path: route for route in sorted(quick, key=_cost, reverse=True)}
    return sorted(best.values(), key=_cost)


def _all_routes(network: Network, payer: SandboxNode, invoice: Invoice) -> list[Route]:
    amount = invoice.invoice_amount
    routes: list[Route] = []
    for index, (path, payinfo) in enumerate(zip(invoice.invoice_paths, invoice.invoice_blindedpay, strict=True)):
        # BOLT 12, invoices, reader: a path with an unknown even feature is not used.
        allowed = payinfo.htlc_minimum_msat <= amount <= payinfo.htlc_maximum_msat
        if allowed and not unknown_even_bits(payinfo.features):
            routes += routes_to(network, payer.node_id, path, payinfo, index=index, amount=amount)
    return routes


def _is_covered(network: Network, payer: SandboxNode, route: Route) -> bool:
    if not route.steps:
        return True
    return network.accounts.spendable(route.steps[0].channel.scid, payer.alias) >= route.amount_sent


def _cost(route: Route) -> tuple[Msat, int, int]:
    return route.amount_sent, route.delay, route.path


def _too_large(route: Route) -> str:
    first = named(route.steps[0])
    return (
        f"We could not find a usable set of paths. The shortest path is {way(route)}, but {first}  "
        f"(created by layer auto.localchans) isn't big enough to carry {route.amount_sent}msat."
    )


def way(route: Route) -> str:
    """Return a route as `xpay` prints it: its channels, then the blinded path as one more."""
    return "->".join([*(step.channel.scid for step in route.steps), f"0x0x{route.path}"])


def named(step: Step) -> str:
    """Return a channel with the direction it is crossed in."""
    return f"{step.channel.scid}/{step.channel.direction(step.sender)}"


def out_of_routes(route: Route, *, at: str, amount: Msat, number: int) -> str:
    """Return why nothing is left to try once `at` on `route` has proved too small for `amount`."""
    return (
        f"Then routing failed: We could not find a usable set of paths. The shortest path is {way(route)}, "
        f"but {at} layer xpay-{number} says max is {amount - 1}msat"
    )


def _failed(code: int, why: str) -> RpcError:
    return RpcError(code, f"Failed: {why}")

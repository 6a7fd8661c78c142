"""The sales that an earlier run left open are finished from the node's own records."""

from bled.codes import Code
from bled.errors import ConfigurationError
from bled.node.base import NodeInfo
from bled.sales.conversation import Nobody
from bled.sales.result import SaleResult, result_of
from bled.sales.settlement import Settlement
from bled.sales.states import Sale, SaleState
from bled.sales.till import Till
from bled_codec.offer import Offer
from bled_codec.units import UnixTime


async def finish_sales(till: Till, info: NodeInfo) -> tuple[SaleResult, ...]:
    """Finish every open sale, then see whether one that ended unpaid within the last `times.late` was paid after all.

    Returns what is new. Raises `BledError` as soon as one cannot be decided: it stays open.
    """
    since = UnixTime(till.clock.now() - till.times.late)
    finished = [await _finish(till, sale, info, since) for sale in till.ledger.open_sales()]
    ours = [sale for sale in till.ledger.unpaid_since(since) if _is_of(sale, info)]
    late = [await _look_again(till, sale) for sale in ours]
    results = tuple(result_of(sale) for sale in finished + [sale for sale in late if sale.is_paid])
    for result in results:
        till.on_step("sale resumed", {"sale_id": result.sale_id, "code": result.code.value, "detail": result.detail})
    return results


async def _finish(till: Till, sale: Sale, info: NodeInfo, since: UnixTime) -> Sale:
    if not _is_of(sale, info):
        return _give_up(till, sale, since)
    if sale.state in (SaleState.OPENED, SaleState.OFFERED):
        detail = "the till stopped before a buyer had signed"
        return await till.close(sale, SaleState.CANCELLED, Code.CANCELLED, detail)
    return await Settlement(till, sale, Nobody(), patience=till.times.resume).run()


def _is_of(sale: Sale, info: NodeInfo) -> bool:
    """Say whether the node is the one that the sale was made with: no other can say how it ended."""
    return sale.offer is None or Offer.from_string(sale.offer).offer_issuer_id == info.node_id


def _give_up(till: Till, sale: Sale, since: UnixTime) -> Sale:
    """End another node's sale, once it is so old that the other node may be gone for good."""
    if sale.expires_at >= since:
        detail = f"sale {sale.sale_id} is open at another node; run once with that one"
        raise ConfigurationError(Code.CONFIG_BAD, detail=detail)
    detail = "its node was not asked again: the till has another one now"
    return till.ledger.advance(sale, SaleState.UNKNOWN, code=Code.OUTCOME_UNKNOWN, detail=detail)


async def _look_again(till: Till, sale: Sale) -> Sale:
    """Return the sale as the node knows it now. What cannot be read of an ended sale keeps no other from beginning."""
    state = await till.proof_of(sale)
    return sale if state is None else till.paid(sale, state)

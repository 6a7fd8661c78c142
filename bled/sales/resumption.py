"""The sales that an earlier run left open are finished from the node's own records."""

from typing import Final

from bled.codes import OUTCOMES, Code, MoneyMoved
from bled.errors import ConfigurationError
from bled.node.base import NodeInfo
from bled.sales.conversation import Nobody
from bled.sales.result import SaleResult, result_of
from bled.sales.settlement import Settlement
from bled.sales.states import UNSIGNED_STATES, Sale, SaleState
from bled.sales.till import Till
from bled_codec.offer import Offer
from bled_codec.units import UnixTime

_LONGEST_DESCRIPTION: Final = 60
"""Characters of a description in a step, enough to know the sale by."""

_ADVICE: Final = {
    MoneyMoved.YES: "PAID, do not charge for it again",
    MoneyMoved.UNKNOWN: "PERHAPS PAID, look before charging for it again",
    MoneyMoved.NO: "not paid, and it cannot be paid any more",
}
"""What a cashier must know of an earlier sale, in words short enough to be shown always."""


async def finish_sales(till: Till, info: NodeInfo) -> tuple[SaleResult, ...]:
    """Finish every open sale, then see whether one that ended unpaid within the last `times.late` was paid after all.

    Returns what is new, and what a run that broke off could not tell any more; each is told as a step at once. Raises
    `BledError` as soon as one cannot be decided: it stays open.
    """
    since = UnixTime(till.clock.now() - till.times.late)
    results = [_tell(till, sale) for sale in till.ledger.untold_sales()]
    results += [_tell(till, await _finish(till, sale, info, since)) for sale in till.ledger.open_sales()]
    ours = [sale for sale in till.ledger.unpaid_since(since) if _is_of(sale, info)]
    results += [_tell(till, late) for sale in ours if (late := await _look_again(till, sale)).is_paid]
    return tuple(results)


def _tell(till: Till, sale: Sale) -> SaleResult:
    """Tell the cashier of an earlier sale before the next one begins, so that nobody is charged twice."""
    result = result_of(sale)
    facts = {
        "earlier_sale": _ADVICE[OUTCOMES[result.code].money_moved],
        "amount_msat": sale.total,
        "description": sale.description[:_LONGEST_DESCRIPTION],
        "seconds_ago": max(0, till.clock.now() - sale.created_at),
        "sale_id": sale.sale_id,
        "code": result.code.value,
    } | ({"detail": result.detail} if result.detail else {})
    till.on_step("sale resumed", facts)
    till.ledger.tell_cashier(sale.sale_id)
    return result


async def _finish(till: Till, sale: Sale, info: NodeInfo, since: UnixTime) -> Sale:
    if not _is_of(sale, info):
        return _give_up(till, sale, since)
    if sale.state in UNSIGNED_STATES:
        detail = "the till stopped before a buyer had signed"
        return await till.close(sale, SaleState.CANCELLED, Code.CANCELLED, detail)
    return await Settlement(till, sale, Nobody(), patience=till.times.resume).run()


def _is_of(sale: Sale, info: NodeInfo) -> bool:
    """Say whether the node is the one that the sale was made with: no other can say how it ended."""
    return sale.offer is None or Offer.from_string(sale.offer).offer_issuer_id == info.issuer_id


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

"""The till's times, one place (they repeat the project's table of time)."""

from dataclasses import dataclass
from typing import Final

from bled.link.handshaking import RESUME_SECONDS


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """Durations in seconds. Tests shorten the waits; the others are a promise to the buyer and to home.

    Attributes:
        offer: how long an offer lives.
        offer_spread: how much longer it may live so that it differs from the one before.
        offer_left: an offer is sent with at least this much left, else a new one is made.
        invoice_left: no invoice is made with less than this left.
        node: how long a node that stops answering is waited for once a buyer has signed.
        node_retry: pause between two tries.
        wait: one `wait_paid`; in between the node's record and the clock are read.
        resend: pauses before the invoice is sent again over another path.
        push: pause after these before the second way is tried as well.
        resend_later: pause between sends from then on.
        pace: shortest pause between two onion messages: peers drop what comes faster.
        resume: how long a sale of an earlier run is waited for before it is cancelled.
        late: how long after its expiry an unpaid sale is still asked about.
        rejoin: how long a device whose link broke is looked for.
        leave: longest time that a stopped till takes to cancel an offer nobody has signed for.
    """

    offer: int = 300
    offer_spread: int = 120
    offer_left: int = 180
    invoice_left: int = 45
    node: float = 15.0
    node_retry: float = 0.5
    wait: float = 5.0
    resend: tuple[float, ...] = (1.0, 2.0, 4.0)
    push: float = 1.0
    resend_later: float = 15.0
    pace: float = 0.26
    resume: float = 30.0
    late: int = 86_400
    rejoin: float = RESUME_SECONDS
    leave: float = 10.0


TIMES: Final = Times()
"""What a till uses."""

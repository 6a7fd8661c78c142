"""A second implementation of both state machines, from section 8 of the profile alone: it imports nothing of bled.

What is heard is a message's octets; what is said are plain dictionaries, an ERROR without its text, which is free.
"""

from typing import Any

from .second_bolt12 import BITCOIN, Broken, chains_of, hops_of_paths, is_offers, number, read_offer, records
from .second_invoice import read_request
from .second_wire import Refusal, read_message

FRAMING, UNKNOWN, TOO_LARGE, BAD_STATE, BAD_OFFER, EXPIRED, MISMATCH, BAD_REQUEST = 2, 3, 4, 5, 6, 7, 8, 9
OF_THE_WIRE = {"message-unknown": UNKNOWN, "message-too-large": TOO_LARGE, "too-large": TOO_LARGE}
INTERNAL = 14
Said = list[dict[str, Any]]


def error(code: int) -> dict[str, Any]:
    """An ERROR."""
    return {"is": "error", "code": code}


class Side:
    """What both machines share."""

    first = ""
    away = ()

    def __init__(self) -> None:
        self.state = self.first
        self.closed = False
        self.resumes = True

    def hear(self, data: bytes) -> Said:
        """Take one message; return what is said."""
        if self.closed:
            return []
        try:
            message = read_message(data)
        except Refusal as refusal:
            return self.fail(refusal.name)
        return [] if message is None else self.take(message)

    def fail(self, name: str) -> Said:
        """What came is no message: an outcome of messages, a violation of frames. Late frames are a lost link."""
        if self.closed:
            return []
        if name in ("gap", "timeout"):
            self.lose()
            return []
        return self.give_up(error(OF_THE_WIRE.get(name, FRAMING)))

    def take(self, message: dict[str, Any]) -> Said:
        """Take a message that could be read."""
        raise NotImplementedError

    def lose(self) -> None:
        """The link is lost."""
        raise NotImplementedError

    def give_up(self, word: dict[str, Any]) -> Said:
        """Say a last word."""
        self.end("CLOSED")
        return [word]

    def end(self, state: str) -> None:
        """Close."""
        self.state, self.closed = state, True


class Device(Side):
    """Section 8.1."""

    first = "WAITING"

    def __init__(self, *, chain: bytes, clock: int | None, passed: int = 0) -> None:
        super().__init__()
        self.chain, self.clock, self.passed = chain, clock, passed
        self.offer = self.request = ""
        self.disk_takes = True
        self.tip: int | None = None

    def take(self, message: dict[str, Any]) -> Said:
        """One row of the table."""
        match self.state, message:
            case "WAITING", {"is": "offer"}:
                self.offer, self.tip = message["offer"], message.get("tip_max")
                fault = self.judge(bytes.fromhex(self.offer), message["valid_for"])
                if fault:
                    return self.give_up(fault)
                self.state = "SHOWING"
                return []
            case (("PAUSED" | "LOST"), {"is": "offer"}) if (message["offer"], message.get("tip_max")) == (
                self.offer,
                self.tip,
            ):
                self.state = "SENT" if self.request else "SHOWING"
                return [{"is": "invreq", "request": self.request}] if self.request else []
            case (("SENT" | "LOST"), {"is": "status", "code": code}):
                self.state = "SENT"
                if code < 2:
                    return []
                self.end("DONE")
                return [{"is": "statusack", "code": code} if self.disk_takes else error(INTERNAL)]
            case (("SHOWING" | "SENT"), {"is": "wait"}):
                return []
            case (("SHOWING" | "SENT"), {"is": "abort" | "error"}):
                self.end("CLOSED")
                return []
        return self.give_up(error(BAD_STATE))

    def judge(self, stream: bytes, valid_for: int) -> dict[str, Any] | None:
        """Section 8.3: what is said of an offer that is refused. Without a clock the till's is taken."""
        try:
            offer = read_offer(stream)
        except Broken:
            return error(BAD_OFFER)
        expiry = number(offer.get(14, b""))
        if not expiry or expiry >= 1 << 40:
            return error(BAD_OFFER)
        now = expiry - valid_for if self.clock is None else self.clock
        if now < self.passed or expiry - now < 165:
            return error(EXPIRED)
        if expiry - now > 600:
            return error(BAD_OFFER)
        if self.chain not in chains_of(offer):
            return {"is": "abort", "reason": 1}
        return error(BAD_OFFER) if 6 in offer or 8 not in offer or 20 in offer else None

    def approve(self, request: str) -> Said:
        """The person said yes."""
        self.state, self.request = "SENT", request
        return [{"is": "invreq", "request": request}]

    def lose(self) -> None:
        """The link is lost."""
        away = {"SHOWING": "PAUSED", "SENT": "LOST"}
        if self.state in away:
            self.state = away[self.state]
            if not self.resumes:
                self.nobody_came()

    def nobody_came(self) -> None:
        """The time to resume is over."""
        if self.state in ("PAUSED", "LOST"):
            self.end("CLOSED")


class Till(Side):
    """Section 8.2."""

    first = "READY"

    def __init__(self, *, offer: str, chain: bytes, clock: int, tip: int = 0) -> None:
        super().__init__()
        self.offer, self.chain, self.clock, self.tip = offer, chain, clock, tip
        self.request = ""
        self.payer_ids_before: list[str] = []
        self.news: dict[str, Any] | None = None
        self.is_settled = False

    def start(self) -> None:
        """HS3 has left."""
        self.state = "OFFERED"

    def take(self, message: dict[str, Any]) -> Said:
        """One row of the table."""
        match self.state, message:
            case "OFFERED", {"is": "invreq"}:
                return self.answer(message["request"])
            case (("PAYING" | "REPORTING"), {"is": "invreq", "request": again}) if again == self.request:
                return []
            case "REPORTING", {"is": "statusack"}:
                if message["code"] == self.news["code"]:
                    self.end("CLOSED")
                return []
            case (("OFFERED" | "PAYING" | "REPORTING"), {"is": "wait"}):
                return []
            case "PAYING", {"is": "statusack"}:
                return []
            case (("OFFERED" | "PAYING" | "REPORTING"), {"is": "abort" | "error"}):
                self.end(self.gone())
                return []
        return self.give_up(error(BAD_STATE))

    def gone(self) -> str:
        """Where the end of the link leads."""
        return "DETACHED" if self.request and not self.is_settled else "CLOSED"

    def give_up(self, word: dict[str, Any]) -> Said:
        """Say a last word; a sale with a request goes on."""
        self.end(self.gone())
        return [word]

    def answer(self, request: str) -> Said:
        """JUDGING."""
        code = self.judge(bytes.fromhex(request))
        if code:
            self.end("CLOSED")
            return [error(code)]
        self.request, self.state = request, "PAYING"
        return self.tell({"is": "status", "code": 0})

    def judge(self, stream: bytes) -> int:
        """Section 8.4: the code of a request that is refused, or 0."""
        offer = records(bytes.fromhex(self.offer))
        try:
            request = read_request(stream)
        except Broken:
            return BAD_REQUEST
        hops = hops_of_paths(request.get(90, b""))
        if {kind: value for kind, value in request.items() if is_offers(kind)} != offer:
            return MISMATCH
        if request.get(80, BITCOIN) != self.chain:
            return MISMATCH
        if number(offer[14]) - self.clock <= 45:
            return EXPIRED
        if not 0 <= number(request.get(82, offer[8])) - number(offer[8]) <= self.tip:
            return MISMATCH
        if not 1 <= len(hops) <= 8 or max(hops) > 16:
            return BAD_REQUEST
        return BAD_REQUEST if request[88].hex() in self.payer_ids_before else 0

    def tell(self, status: dict[str, Any]) -> Said:
        """Say a status now, or when the device is back."""
        self.news = status
        self.is_settled = status["code"] > 1
        if self.state == "PAYING" and self.is_settled:
            self.state = "REPORTING"
        return [status] if self.state in ("PAYING", "REPORTING") else []

    def lose(self) -> None:
        """The link is lost."""
        away = {"OFFERED": "LOST", "PAYING": "SEVERED", "REPORTING": "SEVERED"}
        if self.state in away:
            self.state = away[self.state]
            if not self.resumes:
                self.nobody_came()

    def rejoin(self) -> dict[str, Any] | None:
        """The device is back; what HS3 carries: a status, or None for the offer."""
        back = {"LOST": "OFFERED", "SEVERED": "REPORTING" if self.is_settled else "PAYING"}
        self.state = back[self.state]
        return self.news

    def nobody_came(self) -> None:
        """The time to resume is over."""
        if self.state in ("LOST", "SEVERED"):
            self.end(self.gone())

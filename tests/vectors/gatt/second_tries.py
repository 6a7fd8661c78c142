"""A second implementation of sections 6.1 and 6.5 of the profile, from its text alone: it imports nothing of bled."""

TRIES_MAX, T_TRIES, CODES_MAX, T_ENGAGEMENT = 3, 600, 3, 120


class DeviceTries:
    """What a device keeps on its disk of open meetings."""

    def __init__(self) -> None:
        self.times: list[int] = []

    def left(self, now: int) -> int:
        """How many may still be made."""
        self.times = [at for at in self.times if now - at < T_TRIES]
        return TRIES_MAX - len(self.times)

    def hs1(self, now: int) -> bool:
        """HS1 has come; whether HS2 leaves."""
        if self.left(now) <= 0:
            return False
        self.times = [*(min(at, now) for at in self.times), now]
        return True

    def differ(self, now: int) -> None:
        """The person says that the codes differ."""
        self.times = [now] * TRIES_MAX


class TillCodes:
    """The codes of one sale."""

    def __init__(self) -> None:
        self.shown, self.may_show, self.is_over = 0, True, False

    def hs2(self) -> bool:
        """HS2 has come; whether HS3 leaves."""
        if self.is_over or not self.may_show or self.shown == CODES_MAX:
            return False
        self.shown, self.may_show = self.shown + 1, False
        return True

    def tap(self) -> None:
        """The cashier says yes to one more."""
        self.may_show = True

    def abort(self) -> None:
        """The codes differ, says the device."""
        self.is_over = True


class Code:
    """A till's code, at either side."""

    def __init__(self) -> None:
        self.is_used = False

    def begin(self, seconds: float, *, comes_to_hs3: bool) -> bool:
        """Whether a handshake may begin, so long after it was shown or read."""
        may = not self.is_used and seconds < T_ENGAGEMENT
        self.is_used = self.is_used or (may and comes_to_hs3)
        return may


HANDSHAKES_MAX = 3
OUTCOMES = {
    "what is no HS1 comes": "handshake-failed",
    "a till leaves after HS2": "link-lost",
    "HS3 breaks the commitment": "commitment-broken",
    "another reader comes": "reader-mismatch",
    "what is no HS2 comes": "handshake-failed",
    "a device goes before HS2": "link-lost",
    "a till is silent after HS1": "peer-timeout",
    "a device is silent": "peer-timeout",
}
T_HANDSHAKE, T_RACE = 10.0, 0.2
T_ADVERTISE, T_RESUME = 120.0, 60.0


def wait_or_search(meeting: str, visits: list[str]) -> tuple[int, float, str]:
    """At how many visitors a side looks, after how many seconds that is over, and how."""
    failures, seconds = 0, 0.0
    for number, visit in enumerate(visits, start=1):
        if visit == "nobody comes":
            return number - 1, T_RESUME if meeting == "resumed" else T_ADVERTISE, "no-buyer"
        if visit == "the person closes the pay screen":
            return number - 1, round(seconds, 3), "closed"
        name = OUTCOMES.get(visit, "met")
        if name == "reader-mismatch" and meeting == "open":
            name = "met"
        if name == "met":
            return number, round(seconds, 3), name
        seconds += {"peer-timeout": T_HANDSHAKE}.get(name, T_RACE if visit == "a device goes before HS2" else 0.0)
        failures += visit != "a device goes before HS2"
        is_alarm = name in ("commitment-broken", "reader-mismatch") and meeting != "resumed"
        if is_alarm or failures == HANDSHAKES_MAX:
            return number, round(seconds, 3), name
    return len(visits), round(seconds, 3), "nobody else came"

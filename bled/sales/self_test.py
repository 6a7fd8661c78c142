"""The till's self-test: once a day, before the first sale, an onion message that its node sends to itself."""

from pathlib import Path
from typing import Final

from bled.errors import BledError
from bled.node.base import Echo, MerchantNode
from bled.progress import OnStep
from bled_codec.units import UnixTime

SELF_TEST_FILE: Final = "self-test"
_EVERY_SECONDS: Final = 86_400


async def check_node_daily(node: MerchantNode, *, state: Path, now: UnixTime, on_step: OnStep) -> None:
    """Tell as a step how the self-test went, unless one was told within a day. `state` is the till's own folder.

    What is wrong with the node is told, never raised: a sale shows it soon enough.
    """
    stamp = state / SELF_TEST_FILE
    if _told_at(stamp) + _EVERY_SECONDS > now:
        return
    try:
        wrong = await node.self_test()
        facts = {"onion_message": describe_echo(await node.echo())} | ({"wrong": " ".join(wrong)} if wrong else {})
    except BledError as error:
        facts = {"failed": error.detail}
    on_step("self-test", facts)
    stamp.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    stamp.write_text(f"{now}\n", encoding="ascii")


def _told_at(stamp: Path) -> int:
    """Return when the last self-test was told, 0 when never; a file that says anything else counts as none."""
    try:
        return int(stamp.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return 0


def describe_echo(echo: Echo) -> str:
    """Return in a few words how an onion message to the node itself went."""
    if not echo.came_back:
        return f"sent through {len(echo.tried)} peers, did not come back; see `bled doctor node`"
    way = "inside the node only" if echo.through is None else f"through {echo.through.hex()[:16]}..."
    return f"came back {way} in {echo.milliseconds:.0f} ms"

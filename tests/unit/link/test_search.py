"""From beacons to a link, whatever the radio: told, counted, and remembered."""

import asyncio
from uuid import UUID

import pytest

from bled.codes import Code
from bled.errors import Unavailable
from bled.gatt.channel import PlainChannel
from bled.link.base import LinkStats
from bled.link.conduct import OFFENCES
from bled.link.framed import FramedLink
from bled.link.search import Search
from bled.link.waiting import new_lost
from bled.progress import ignore_steps

NAME, OTHER = UUID(int=1), UUID(int=2)
NO = Unavailable(Code.LINK_LOST, detail="no")


class Wire:
    """A bearer of nothing."""

    att_mtu = 23
    peer = "A"
    stats = LinkStats(att_pdus=0, bytes_on_air=0)

    async def write(self, frame: bytes, *, last: bool) -> None: ...

    async def close(self) -> None: ...


def link() -> FramedLink:
    return FramedLink(Wire(), channel=PlainChannel(), on_step=ignore_steps)


async def test_a_try_that_failed_is_told_and_the_device_falls_back() -> None:
    search: Search[int] = Search()
    heard = {NAME: {"A": (1, -40), "B": (2, -40)}}
    tried: list[int] = []
    told: list[str] = []

    async def find() -> tuple[str, int]:
        return search.choose(heard)

    async def join(device: int) -> FramedLink:
        tried.append(device)
        if len(tried) == 1:
            raise NO
        return link()

    await search.run(find, join, gone=new_lost, on_step=lambda name, _: told.append(name))
    assert sorted(tried) == [1, 2]
    assert told == ["advertisement seen", "try failed", "advertisement seen"]
    heard[NAME]["C"] = (3, -90)
    assert {search.choose(heard)[1] for _ in range(20)} == {3}  # one has failed, the other was met


async def test_chance_decides_among_equals() -> None:
    search: Search[int] = Search()
    heard = {NAME: {"A": (1, -40), "B": (2, -40), "C": (3, -41)}}
    assert {search.choose(heard)[1] for _ in range(100)} == {1, 2}


async def test_who_waits_under_the_first_name_goes_before_who_is_nearer() -> None:
    search: Search[int] = Search()
    assert search.choose({OTHER: {"B": (2, -90)}, NAME: {"A": (1, -40)}}) == ("B", 2)
    assert search.choose({OTHER: {}, NAME: {"A": (1, -40)}}) == ("A", 1)


async def test_a_radio_that_is_gone_ends_the_search() -> None:
    search: Search[int] = Search()
    gone = new_lost()
    gone.set_result("unplugged")

    async def find() -> tuple[str, int]:
        return "A", 1

    async def join(_device: int) -> FramedLink:
        raise NO

    with pytest.raises(Unavailable, match="unplugged") as caught:
        await search.run(find, join, gone=lambda: gone, on_step=ignore_steps)
    assert caught.value.code is Code.RADIO_UNAVAILABLE


async def test_who_broke_the_profile_twice_is_left_alone() -> None:
    search: Search[int] = Search()
    for _ in range(OFFENCES):
        assert search.may_try("A")
        broken = link()
        broken.take_frame(b"\xe0")
        search.judge(broken, "A")
    assert not search.may_try("A")
    assert search.may_try("B")


async def test_who_is_only_slow_has_not_broken_anything() -> None:
    search: Search[int] = Search()
    for _ in range(OFFENCES):
        slow = link()
        slow.take_frame(b"\x80\x00\x64half")
        slow._inbox._overdue()
        await asyncio.sleep(0)
        search.judge(slow, "A")
    assert search.may_try("A")

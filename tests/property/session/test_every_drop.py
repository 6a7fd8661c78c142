"""The link breaks at every frame of either side: one approval and one payment, or both screens say truthfully no."""

from pathlib import Path
from random import Random

import pytest

from bled.codes import Code

TILL, DEVICE = 0, 1


def _written(hall, folder: Path, att_mtu: int, *, engage: bool) -> tuple[int, int]:
    """Return how many frames each side writes in a purchase that nothing breaks."""

    class Count(hall.Middle):
        frames = (0, 0)

        def carry(self, connection, side, frame) -> None:
            self.frames = tuple(len(written) for written in connection.written)
            super().carry(connection, side, frame)

    middle = Count()
    with hall.new_vault(folder, Random(1)) as vault:  # noqa: S311 - the same in every run
        room = hall.Hall(vault, Random(2), att_mtu=att_mtu)  # noqa: S311 - the same in every run
        ends = hall.run_fast(room.meet(middle, engage=engage))
    assert ends.is_paid
    return middle.frames


@pytest.mark.parametrize("heard", [False, True], ids=["not heard", "heard"])
@pytest.mark.parametrize("way", [(23, False), (23, True), (517, False), (517, True)], ids=str)
def test_a_link_that_breaks_at_any_frame_is_made_again_or_both_say_truthfully_that_nothing_was_paid(
    hall, sessions, tmp_path: Path, way: tuple[int, bool], heard: bool
) -> None:
    att_mtu, engage = way
    frames = _written(hall, tmp_path / "whole", att_mtu, engage=engage)
    places = [(side, number) for side in (TILL, DEVICE) for number in range(frames[side])]
    places = places if len(places) < 40 else places[::3]
    paid = unpaid = 0
    with hall.new_vault(tmp_path / "vault", Random(3), payments=len(places)) as vault:  # noqa: S311

        async def all_of_them() -> None:
            nonlocal paid, unpaid
            room = hall.Hall(vault, Random(4), att_mtu=att_mtu)  # noqa: S311 - the same in every run
            for side, number in places:
                ends = await room.meet(sessions.Cutter((0, side, number), heard=heard), engage=engage)
                sessions.check(ends)
                assert len(ends.asked) <= 1
                paid += bool(ends.sold)
                unpaid += not ends.sold
                if ends.sold:
                    assert ends.bought.code is Code.PAID, (side, number)
                else:
                    assert not ends.signed, (side, number)
                await room.pause()

        hall.run_fast(all_of_them())
    assert (paid, unpaid) == (len(places), 0)


def test_links_that_break_at_every_frame_of_the_resumed_one_as_well_end_truthfully(
    hall, sessions, tmp_path: Path
) -> None:
    seconds = [(1, side, number) for side in (TILL, DEVICE) for number in range(6)]
    firsts = [(0, TILL, 2), (0, TILL, 4), (0, DEVICE, 1), (0, DEVICE, 2), (0, DEVICE, 3)]
    with hall.new_vault(tmp_path / "vault", Random(3), payments=120) as vault:  # noqa: S311

        async def all_of_them() -> None:
            room = hall.Hall(vault, Random(4))  # noqa: S311 - the same in every run
            for heard in (False, True):
                for cuts in ((first, second) for first in firsts for second in seconds):
                    ends = await room.meet(sessions.Cutter(*cuts, heard=heard))
                    sessions.check(ends)
                    assert ends.sold, cuts
                    assert (ends.bought.code, len(ends.asked), len(ends.signed)) == (Code.PAID, 1, 1), cuts
                    await room.pause()

        hall.run_fast(all_of_them())

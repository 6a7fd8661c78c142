"""How often and which way the invoice is sent."""

from itertools import accumulate, islice

from bled.node.base import Way
from bled.sales.delivery import first_attempts, resends
from bled.sales.times import TIMES
from bled_codec.blinded_path import BlindedPath, create_blinded_path
from bled_codec.crypto import SecretKey

PATHS = tuple(
    create_blinded_path([SecretKey(bytes([n]) * 32).public_key], [b""], session_key=SecretKey(b"\x09" * 32))
    for n in (1, 2, 3)
)


BOTH = (Way.DIRECT, Way.PUSH)


def paths_of(attempts: list[object]) -> list[BlindedPath]:
    return [attempt.path for attempt in attempts]


def test_every_path_is_tried_directly_before_any_is_pushed() -> None:
    attempts = list(first_attempts(PATHS, TIMES, ways=BOTH))
    assert [attempt.way for attempt in attempts] == [Way.DIRECT] * 3 + [Way.PUSH] * 3
    assert paths_of(attempts) == [*PATHS, *PATHS]


def test_resends_come_after_1_2_and_4_seconds_over_other_paths_then_the_second_way_joins() -> None:
    attempts = list(islice(resends(PATHS, TIMES, ways=BOTH), 8))
    assert list(accumulate(attempt.pause for attempt in attempts))[:5] == [1.0, 3.0, 7.0, 8.0, 23.0]
    assert [attempt.way for attempt in attempts] == [Way.DIRECT] * 3 + [Way.PUSH, Way.DIRECT] * 2 + [Way.PUSH]
    assert paths_of(attempts)[:3] == [PATHS[1], PATHS[2], PATHS[0]]
    assert set(paths_of(attempts)[3:]) == set(PATHS)


def test_one_path_is_enough() -> None:
    assert {attempt.path for attempt in islice(resends(PATHS[:1], TIMES, ways=BOTH), 10)} == {PATHS[0]}


def test_nothing_is_sent_faster_than_peers_take() -> None:
    attempts = list(islice(resends(PATHS, TIMES, ways=BOTH), 50)) + list(first_attempts(PATHS, TIMES, ways=BOTH))
    assert min(attempt.pause for attempt in attempts) >= TIMES.pace


def test_a_node_with_one_way_goes_over_every_path_in_turn() -> None:
    attempts = list(islice(resends(PATHS, TIMES, ways=(Way.PUSH,)), 9))
    assert {attempt.way for attempt in attempts} == {Way.PUSH}
    assert paths_of(attempts)[3:] == [*PATHS, *PATHS]

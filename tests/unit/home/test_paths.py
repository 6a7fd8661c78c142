"""Which peers reply paths may begin at, which are taken, and what is said when there are too few."""

import random
from dataclasses import replace

import pytest

from bled.codes import Code
from bled.errors import ConfigurationError
from bled.home.paths import PathResult, chosen_paths, in_order, named_paths, why_not
from bled.node.home_base import PathPeer
from bled_codec.crypto import SecretKey

CLN = bytes.fromhex("808898882a8a59a1")
LND = (1 << 39 | 1 << 31).to_bytes(5, "big")


def shuffled(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311 - an order, and no secret


def peer(number: int = 1, **facts: object) -> PathPeer:
    node_id = SecretKey(bytes([number]) * 32).public_key
    fit = PathPeer(node_id=node_id, is_connected=True, alias=f"peer {number}", features=CLN, has_address=True)
    return replace(fit, **facts)


async def arrives(to: PathPeer) -> PathResult:
    return PathResult(introduction=to.node_id, alias=to.alias, arrived=True, milliseconds=5)


async def is_lost(to: PathPeer) -> PathResult:
    return PathResult(introduction=to.node_id, alias=to.alias, arrived=False, reason="passed no message on to home")


def test_an_announced_peer_that_forwards_onion_messages_will_do() -> None:
    assert why_not(peer()) == ""


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"is_connected": False}, "not connected"),
        ({"features": None}, "not announced"),
        ({"has_address": False}, "no address"),
        ({"features": b""}, "feature 39"),
        ({"features": (1 << 37).to_bytes(5, "big")}, "feature 39"),
        ({"features": LND}, "LND"),
        ({"features": (1 << 2023 | 1 << 39).to_bytes(253, "big")}, "LND"),
    ],
)
def test_any_other_peer_will_not_and_the_reason_is_told(facts, reason) -> None:
    assert reason in why_not(peer(**facts))


def test_an_even_bit_counts_as_well() -> None:
    assert why_not(peer(features=(1 << 38).to_bytes(5, "big"))) == ""


def test_books_begin_at_different_ones_of_the_best_connected_peers() -> None:
    peers = [peer(number, neighbours=number) for number in range(1, 21)]
    first = {in_order(peers, shuffled(seed))[0].neighbours for seed in range(200)}
    assert first == set(range(13, 21))
    assert [each.neighbours for each in in_order(peers, shuffled(1))[8:]] == list(range(12, 0, -1))


async def test_two_paths_over_which_a_message_came_home_are_taken() -> None:
    peers = [peer(number, neighbours=number) for number in range(1, 4)]

    async def only_odd(to: PathPeer) -> PathResult:
        return await (arrives if to.neighbours % 2 else is_lost)(to)

    results = await chosen_paths(peers, least=2, rng=shuffled(3), test=only_odd)
    assert [result.alias for result in results] == ["peer 3", "peer 1"]


async def test_one_peer_alone_is_refused_in_words_that_say_what_to_do() -> None:
    peers = [peer(1), peer(2, features=LND), peer(3, features=None, alias="")]
    with pytest.raises(ConfigurationError) as caught:
        await chosen_paths(peers, least=2, rng=shuffled(1), test=arrives)
    assert caught.value.code is Code.CONFIG_BAD
    for words in ("peer 1 (", "is the only peer", "peer 2 (", "is LND", "is not announced", "--allow-one-path"):
        assert words in caught.value.detail
    (result,) = await chosen_paths(peers, least=1, rng=shuffled(1), test=arrives)
    assert result.alias == "peer 1"


@pytest.mark.parametrize("peers", [[], [peer(features=LND)]])
async def test_no_peer_at_all_is_never_enough(peers) -> None:
    with pytest.raises(ConfigurationError, match="no peer can begin a reply path"):
        await chosen_paths(peers, least=1, rng=shuffled(1), test=arrives)


async def test_a_home_whose_peers_pass_nothing_on_tests_eight_of_them_and_says_so() -> None:
    tested = []

    async def lost(to: PathPeer) -> PathResult:
        tested.append(to)
        return await is_lost(to)

    with pytest.raises(ConfigurationError, match=r"peer 7 .* passed no message on to home"):
        await chosen_paths([peer(n) for n in range(1, 12)], least=1, rng=shuffled(7), test=lost)
    assert len(tested) == 8


async def test_what_the_owner_names_is_taken_whatever_it_announces_if_a_message_comes_home() -> None:
    named = [peer(1).node_id, peer(9).node_id]
    results = await named_paths(named, [peer(1, features=LND)], arrives)
    assert [result.introduction for result in results] == named
    with pytest.raises(ConfigurationError, match="passed no message on"):
        await named_paths(named, [], is_lost)
    untested = await named_paths(named, [], None)
    assert [result.arrived for result in untested] == [None, None]


async def test_a_name_that_steers_a_terminal_is_not_shown() -> None:
    with pytest.raises(ConfigurationError) as caught:
        await chosen_paths([peer(alias="\x1b[2Jx", features=LND)], least=1, rng=shuffled(1), test=arrives)
    assert "\x1b" not in caught.value.detail

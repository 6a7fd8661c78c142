"""Parameters of RPC methods: by name, by place, and nothing that cannot be meant."""

import pytest

from bled.codes import Code
from bled.errors import PeerError
from bled.home.parameters import Parameters
from bled.home.terms import parse_class

NAMES = ("device", "ids", "all")


def refused(act, *args: object, **how: object) -> PeerError:
    with pytest.raises(PeerError) as caught:
        act(*args, **how)
    assert caught.value.code is Code.USAGE
    return caught.value


def given(**values: object) -> Parameters:
    return Parameters(values=values)


@pytest.mark.parametrize(
    "params", [["phone", 3], {"device": "phone", "ids": 3}, {"ids": 3, "device": "phone", "all": None}]
)
def test_names_and_places_mean_the_same(params) -> None:
    bound = Parameters.bind(params, NAMES)
    assert (bound.text("device"), bound.number("ids", most=9)) == ("phone", 3)
    assert not bound.has("all")


@pytest.mark.parametrize("params", [[1, 2, 3, 4], {"unknown": 1}, "text", 7, None])
def test_what_nobody_knows_is_refused(params) -> None:
    refused(Parameters.bind, params, NAMES)


@pytest.mark.parametrize("value", [-1, 10, 1.0, True, "", "x", "-1", "1.5", "٣", [], {}, "9" * 30])
def test_a_number_is_whole_and_within_its_range(value) -> None:
    refused(given(n=value).number, "n", most=9)


@pytest.mark.parametrize(("value", "expected"), [(0, 0), (9, 9), ("7", 7)])
def test_a_number_may_come_as_digits(value, expected) -> None:
    assert given(n=value).number("n", most=9) == expected


def test_a_missing_number_has_its_default_or_is_asked_for() -> None:
    assert given().number("n", 4, most=9) == 4
    assert "n" in refused(given().number, "n", most=9).detail


@pytest.mark.parametrize(("value", "expected"), [(5, 5), ("5", 5), ("5msat", 5), ("5sat", 5_000)])
def test_an_amount_is_in_millisatoshi(value, expected) -> None:
    assert given(a=value).msat("a") == expected


@pytest.mark.parametrize(
    "value", ["5btc", "sat", "msat", "-5msat", "0.5msat", "21000000000000001sat", 21_000_000 * 10**11 + 1, 5.0]
)
def test_an_amount_in_anything_else_is_refused(value) -> None:
    refused(given(a=value).msat, "a")


@pytest.mark.parametrize(
    ("value", "expected"),
    [(90, 90), ("90", 90), ("90s", 90), ("2min", 120), ("3h", 10_800), ("30d", 2_592_000), ("1w", 604_800)],
)
def test_a_duration_is_in_seconds_or_has_a_unit(value, expected) -> None:
    assert given(d=value).seconds("d", most=10**7) == expected


@pytest.mark.parametrize("value", ["", "d", "30", "-1d", "1.5d", "30m", "30d ago", "200d", 10.0, True])
def test_a_duration_that_nobody_can_mean_is_refused(value) -> None:
    refused(given(d=value).seconds, "d", least=60, most=10**7)


@pytest.mark.parametrize("text", ["", "5", "5:1sat", "5:1sat:7d:x", "x:1sat:7d", "5:1:7d", "5:1sat:7", "-5:1sat:7d"])
def test_a_class_is_a_count_an_amount_and_a_duration(text) -> None:
    terms = parse_class("5:2000000sat:7d")
    assert (terms.count, terms.per_payment, terms.seconds) == (5, 2_000_000_000, 604_800)
    refused(parse_class, text)


@pytest.mark.parametrize("value", [1, "true", "yes", []])
def test_a_flag_is_true_or_false(value) -> None:
    assert given(all=True).flag("all")
    assert not given().flag("all")
    refused(given(all=value).flag, "all")


@pytest.mark.parametrize("value", ["", "0", "zz", "0000", 5])
def test_bytes_have_their_length(value) -> None:
    assert given(h="07").hex("h", length=1) == b"\x07"
    refused(given(h=value).hex, "h", length=1)


def test_a_list_is_bounded() -> None:
    assert given().list("l") == []
    refused(given(l=[0] * 65).list, "l")
    refused(given(l="no").list, "l")

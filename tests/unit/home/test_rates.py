"""Rates of paths and books: a flood over one is told apart from everything else."""

from bled.home.rates import BOOK_BURST, PATH_BURST, Buckets, Rates


def test_a_path_has_its_burst_and_then_one_a_second() -> None:
    rates = Rates()
    assert [rates.allows(b"id", 1, now=0.0) for _ in range(PATH_BURST + 3)] == [True] * PATH_BURST + [False] * 3
    assert rates.allows(b"id", 1, now=1.0)
    assert not rates.allows(b"id", 1, now=1.0)


def test_a_flood_over_one_path_costs_the_others_nothing() -> None:
    rates = Rates()
    for _ in range(10_000):
        rates.allows(b"flooded", 1, now=0.0)
    assert rates.allows(b"other", 1, now=0.0)


def test_a_flood_over_many_paths_of_one_book_costs_other_books_nothing() -> None:
    rates = Rates()
    taken = sum(rates.allows(number.to_bytes(2, "big"), 1, now=0.0) for number in range(1_000))
    assert taken == BOOK_BURST
    assert rates.allows(b"other", 2, now=0.0)


def test_what_is_remembered_is_bounded_and_the_busiest_is_not_forgotten() -> None:
    buckets = Buckets(burst=1, per_second=0)
    assert buckets.takes(b"busy", 0.0)
    for number in range(10_000):
        buckets.takes(number, 0.0)
        assert not buckets.takes(b"busy", 0.0)
    assert len(buckets._buckets) <= 4096


def test_a_bucket_never_holds_more_than_its_burst() -> None:
    buckets = Buckets(burst=2, per_second=1)
    assert [buckets.takes(b"id", now) for now in (0.0, 10_000.0, 10_000.0, 10_000.0)] == [True, True, True, False]

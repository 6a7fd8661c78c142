"""Offers through the proxy: in the book before the node hears of them, and only the till's own come back."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from bled.codes import Code
from bled.errors import BledError
from bled.node.stubs import cln_subset_pb2 as pb
from bled.proxy.calls import ALLOWED, MOST_TIME, Denied
from bled.proxy.offers import OfferBook, Offers
from bled_codec.crypto import SecretKey
from bled_codec.offer import create_offer
from bled_codec.units import Msat, UnixTime

NOW = UnixTime(1_800_000_000)
DAY = 86_400


class SetClock:
    time = NOW

    def now(self) -> UnixTime:
        return self.time

    def monotonic(self) -> float:
        return 0.0


def row(label: str = "0f", *, expiry: int | None = NOW + 300, single_use: bool = True) -> pb.ListoffersOffers:
    offer = create_offer(
        amount=Msat(15_000),
        description="coffee",
        issuer_id=SecretKey(b"\x01" * 32).public_key,
        absolute_expiry=None if expiry is None else UnixTime(expiry),
    )
    return pb.ListoffersOffers(
        offer_id=offer.offer_id, active=True, single_use=single_use, bolt12=offer.string, label=label
    )


class Node:
    """Has the rows it is given; `on_offer` looks at the book at the moment of the call."""

    def __init__(self, *rows: pb.ListoffersOffers) -> None:
        self.rows = rows
        self.asked: list[str] = []
        self.on_offer = lambda: None

    async def ask(self, method: str, request: bytes, seconds: float) -> bytes:
        await asyncio.sleep(0)
        self.asked.append(method)
        if method == "ListOffers":
            wanted = pb.ListoffersRequest.FromString(request).offer_id
            rows = [each for each in self.rows if not wanted or each.offer_id == wanted]
            return pb.ListoffersResponse(offers=rows).SerializeToString()
        if method == "Offer":
            self.on_offer()
        return method.encode()


@pytest.fixture
def book(tmp_path: Path) -> Iterator[OfferBook]:
    book = OfferBook.open(tmp_path / "offers.sqlite")
    yield book
    book.close()


def request(label: str = "0f", *, expiry: int = NOW + 300) -> pb.OfferRequest:
    return pb.OfferRequest(
        amount="15000msat", description="coffee", label=label, absolute_expiry=expiry, single_use=True
    )


async def shown(node: Node, book: OfferBook, till: str = "kiosk") -> list[str]:
    answer = await Offers(node.ask, book, SetClock()).own(pb.ListoffersRequest(), till=till, seconds=1.0)
    return [each.label for each in pb.ListoffersResponse.FromString(answer).offers]


async def test_an_offer_is_in_the_book_before_the_node_hears_of_it(book: OfferBook) -> None:
    node = Node()
    seen: list[bool] = []
    node.on_offer = lambda: seen.append(book.has("kiosk", "0f", NOW + 300))
    assert await Offers(node.ask, book, SetClock()).create(request(), till="kiosk", seconds=1.0) == b"Offer"
    assert seen == [True]


@pytest.mark.parametrize(
    "other", [row("1e"), row(expiry=NOW + 301), row(expiry=None), row(single_use=False), row(expiry=2**63)]
)
async def test_what_the_till_did_not_ask_for_is_neither_shown_nor_closed(
    book: OfferBook, other: pb.ListoffersOffers
) -> None:
    book.add("kiosk", "0f", NOW + 300, now=NOW)
    node = Node(other)
    assert await shown(node, book) == []
    with pytest.raises(Denied):
        await Offers(node.ask, book, SetClock()).disable(
            pb.DisableofferRequest(offer_id=other.offer_id), till="kiosk", seconds=1.0
        )
    assert "DisableOffer" not in node.asked


async def test_a_tills_own_offer_is_shown_to_it_alone_and_closed(book: OfferBook) -> None:
    own = row()
    book.add("kiosk", "0f", NOW + 300, now=NOW)
    node = Node(own, row("menu", expiry=None, single_use=False))
    assert (await shown(node, book), await shown(node, book, till="other")) == (["0f"], [])
    offers = Offers(node.ask, book, SetClock())
    call = pb.DisableofferRequest(offer_id=own.offer_id)
    assert await offers.disable(call, till="kiosk", seconds=1.0) == b"DisableOffer"
    with pytest.raises(Denied):
        await offers.disable(call, till="other", seconds=1.0)


async def test_an_offer_that_the_node_does_not_know_is_left_to_the_nodes_own_words(book: OfferBook) -> None:
    offers = Offers(Node().ask, book, SetClock())
    call = pb.DisableofferRequest(offer_id=bytes(32))
    assert await offers.disable(call, till="kiosk", seconds=1.0) == b"DisableOffer"


def test_the_book_outlives_the_process_and_forgets_after_a_year(tmp_path: Path) -> None:
    for days in (0, 1, 401):
        book = OfferBook.open(tmp_path / "offers.sqlite")
        book.add("kiosk", f"day {days}", NOW + 300, now=UnixTime(NOW + days * DAY))
        book.close()
    book = OfferBook.open(tmp_path / "offers.sqlite")
    assert [book.has("kiosk", f"day {days}", NOW + 300) for days in (0, 1, 401)] == [False, True, True]
    book.close()


def test_another_file_is_not_taken_for_the_book(tmp_path: Path) -> None:
    path = tmp_path / "offers.sqlite"
    path.write_bytes(b"not a database, only long enough to look like one" * 20)
    with pytest.raises(BledError) as caught:
        OfferBook.open(path)
    assert caught.value.code is Code.STORE_BROKEN


@pytest.mark.parametrize("changes", [{"label": ""}, {"expiry": MOST_TIME + 1}, {"expiry": 2**64 - 1}])
def test_an_offer_without_a_name_or_with_an_expiry_that_is_no_time_is_denied(changes: dict[str, object]) -> None:
    with pytest.raises(Denied):
        ALLOWED["Offer"].read(request(**changes).SerializeToString())

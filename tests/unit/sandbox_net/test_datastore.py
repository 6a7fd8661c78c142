"""The sandbox's datastore: keys of several parts, the modes of writing, and that it stays."""

import pytest

from bled.sandbox.datastore import Datastore
from bled.sandbox.rpc_error import RpcError

KEY = ["plugin", "name", "number"]


async def failing(store: Datastore, **params: object) -> int | None:
    with pytest.raises(RpcError) as caught:
        await store.datastore(params)
    return caught.value.code


async def test_a_value_is_written_replaced_and_listed_with_its_generation() -> None:
    store = Datastore()
    assert await store.listdatastore({"key": KEY}) == {"datastore": []}
    written = await store.datastore({"key": KEY, "string": "7"})
    assert written == {"key": KEY, "generation": 0, "hex": "37", "string": "7"}
    assert await failing(store, key=KEY, string="8") == 1202
    again = await store.datastore({"key": KEY, "string": "8", "mode": "create-or-replace"})
    assert again["generation"] == 1
    assert await store.listdatastore({"key": KEY}) == {"datastore": [again]}


async def test_what_lies_immediately_below_a_key_is_listed() -> None:
    store = Datastore()
    await store.datastore([KEY, "7"])
    assert await store.listdatastore({}) == {"datastore": [{"key": ["plugin"]}]}
    assert await store.listdatastore(["plugin"]) == {"datastore": [{"key": ["plugin", "name"]}]}


async def test_a_key_has_either_a_value_or_children() -> None:
    store = Datastore()
    await store.datastore([KEY, "7"])
    assert await failing(store, key=["plugin"], string="7") == 1205
    assert await failing(store, key=[*KEY, "below"], string="7") == 1206


async def test_modes_and_generations_that_do_not_fit_change_nothing() -> None:
    store = Datastore()
    assert await failing(store, key=KEY, string="7", mode="must-replace") == 1203
    await store.datastore({"key": KEY, "hex": "ff00"})
    assert await failing(store, key=KEY, string="7", mode="must-replace", generation=1) == 1204
    appended = await store.datastore({"key": KEY, "hex": "01", "mode": "must-append", "generation": 0})
    assert appended == {"key": KEY, "generation": 1, "hex": "ff0001"}


@pytest.mark.parametrize(
    "params",
    [{"key": []}, {"key": 7}, {"key": KEY}, {"key": KEY, "string": "1", "hex": "31"}, {"key": KEY, "hex": "zz"}],
)
async def test_parameters_that_cannot_be_meant_are_refused(params) -> None:
    assert await failing(Datastore(), **params) == -32602
    assert await failing(Datastore(), **params | {"mode": "perhaps"}) == -32602


async def test_it_stays_over_a_restart(tmp_path) -> None:
    written = await Datastore(tmp_path / "datastore.json").datastore([KEY, "7"])
    assert await Datastore(tmp_path / "datastore.json").listdatastore([KEY]) == {"datastore": [written]}

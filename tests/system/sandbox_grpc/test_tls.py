"""Only who holds a certificate of the node's own authority gets a word out of it."""

from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest

from bled.node.stubs import cln_subset_pb2 as pb
from bled.node.stubs.cln_subset_pb2_grpc import NodeStub
from bled.sandbox.certificates import ensure_certificates

from .net import Net, failure, open_stub

pytestmark = pytest.mark.system


async def test_a_client_with_the_nodes_certificate_is_served(net: Net, stub: Any) -> None:
    answer = await stub.Getinfo(pb.GetinfoRequest())
    assert (answer.id, answer.alias, answer.network) == (net.merchant.node_id, "merchant", "regtest")


@pytest.mark.parametrize("missing", [True, False], ids=["none", "another authority's"])
async def test_a_client_without_or_with_a_strange_certificate_is_not(net: Net, tmp_path: Path, missing: bool) -> None:
    authority = (net.folder / "ca.pem").read_bytes()
    ensure_certificates(tmp_path / "stranger")
    own = () if missing else [(tmp_path / "stranger" / file).read_bytes() for file in ("client-key.pem", "client.pem")]
    credentials = grpc.ssl_channel_credentials(authority, *own)
    options = (("grpc.ssl_target_name_override", "cln"),)
    async with grpc.aio.secure_channel(net.target, credentials, options=options) as channel:
        status, _ = await failure(NodeStub(channel).Getinfo(pb.GetinfoRequest(), timeout=5))
    assert status == "UNAVAILABLE"


async def test_a_client_without_tls_is_not_served(net: Net) -> None:
    async with grpc.aio.insecure_channel(net.target) as channel:
        status, _ = await failure(NodeStub(channel).Getinfo(pb.GetinfoRequest(), timeout=5))
    assert status == "UNAVAILABLE"


async def test_the_node_proves_itself_under_the_name_of_its_certificate_only(net: Net) -> None:
    async with open_stub(net.target, net.folder, name="shop.example") as stub:
        status, _ = await failure(stub.Getinfo(pb.GetinfoRequest(), timeout=5))
    assert status == "UNAVAILABLE"

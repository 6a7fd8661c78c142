"""LND's self-test: what a node says of its peers is not believed to be well formed."""

from bled.node.lnd_echo import LndEcho
from bled.node.lnd_messages import LndMessages
from bled.node.stubs import lnd_subset_pb2 as pb
from bled_codec.crypto import SecretKey

NODE = SecretKey(bytes([1]) * 32).public_key


class Says:
    """A connection to a node that answers everything in the same way."""

    def __init__(self, answer: object) -> None:
        self.answer = answer

    async def unary(self, *_: object, **__: object) -> object:
        return self.answer


async def test_a_peer_whose_id_is_no_point_is_passed_over() -> None:
    ids = ["", "zz", "02" + "ff" * 32, "02" * 5]
    connection = Says(pb.ListPeersResponse(peers=[pb.Peer(pub_key=text) for text in ids]))
    echo = await LndEcho(connection, LndMessages(connection, NODE), NODE).run()
    assert (echo.came_back, echo.tried) == (False, ())

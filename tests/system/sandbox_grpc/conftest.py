"""A network whose merchant serves gRPC, and a client of it."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from .net import Net, open_net, open_stub


@pytest.fixture
async def net(tmp_path: Path) -> AsyncIterator[Net]:
    async with open_net(tmp_path) as net:
        yield net


@pytest.fixture
async def stub(net: Net) -> AsyncIterator[Any]:
    async with open_stub(net.target, net.folder) as stub:
        yield stub

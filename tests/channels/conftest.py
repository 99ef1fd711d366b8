"""What several files of one kind's tests share."""

from collections.abc import AsyncIterator

import pytest

from tests.platforms.matrix import FakeHomeserver, MatrixStage
from warden_bot.channels.base import Surroundings
from warden_bot.channels.http import Http
from warden_bot.channels.matrix.channel import Matrix
from warden_bot.environment import utc_now


@pytest.fixture
async def matrix_stage() -> AsyncIterator[MatrixStage]:
    opened = MatrixStage()
    await opened.start()
    yield opened
    await opened.stop()


@pytest.fixture
def server(matrix_stage: MatrixStage) -> FakeHomeserver:
    """Start a homeserver that knows the bot."""
    return matrix_stage.fake


@pytest.fixture
async def matrix(matrix_stage: MatrixStage) -> AsyncIterator[Matrix]:
    """Build the bot on that homeserver."""
    http = Http()
    yield Matrix(matrix_stage.values(), Surroundings(http, utc_now))
    await http.close()

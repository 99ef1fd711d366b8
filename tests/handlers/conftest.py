"""What tests of handlers share beyond tests/conftest.py: platforms for what only some kinds of channels do."""

from collections.abc import AsyncIterator

import pytest

from tests.alert_story import Story, make_story
from tests.conftest import Clock, Mailroom
from tests.fake_wecom import FakeWecom
from tests.notices import SCHOOL, QuietSchool
from tests.platforms.onebot import OneBotStage
from tests.platforms.wecom_school import SchoolStage
from warden_bot.channels.base import Surroundings
from warden_bot.channels.http import Http
from warden_bot.channels.registry import Channels, build_channels
from warden_bot.content.library import Library
from warden_bot.states import ChannelKind
from warden_bot.store.database import Database
from warden_bot.store.rooms import Rooms
from warden_bot.store.sealing import Sealer
from warden_bot.store.tokens import SharedTokens


@pytest.fixture
async def notices() -> AsyncIterator[SchoolStage]:
    """Start the platform of a school's notices."""
    stage = SchoolStage()
    stage.school = QuietSchool()
    await stage.start()
    yield stage
    await stage.stop()


@pytest.fixture
def school(notices: SchoolStage) -> QuietSchool:
    """Show what that platform was asked, and tell it what to do."""
    assert isinstance(notices.school, QuietSchool)
    return notices.school


@pytest.fixture
async def channels_of_school(
    database: Database, sealer: Sealer, clock: Clock, notices: SchoolStage, wecom: FakeWecom
) -> AsyncIterator[Channels]:
    """Build every channel as the program does, tokens and all; `channels` of a module may return these."""
    http = Http()
    values = {SCHOOL: notices.values(), ChannelKind.WECOM_ROBOT: {"api_base": wecom.base}}
    around = Surroundings(http, clock, tokens=SharedTokens(database, sealer, clock), rooms=Rooms(database, sealer))
    yield build_channels(values, around)
    await http.close()


@pytest.fixture
async def stage() -> AsyncIterator[OneBotStage]:
    """Start the platform of a kind that answers nothing in place and that can be asked about its groups."""
    opened = OneBotStage()
    await opened.start()
    yield opened
    await opened.stop()


@pytest.fixture
async def story(
    database: Database, channels: Channels, sealer: Sealer, library: Library, clock: Clock, mailroom: Mailroom
) -> Story:
    """A school of four groups and one for officers, with somebody in every role."""
    return await make_story(database, channels, sealer, library, clock, mailroom)

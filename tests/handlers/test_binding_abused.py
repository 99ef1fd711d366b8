"""What a code must not do: turn a class to somebody else, or make the bot speak when nobody asked."""

import pytest

from tests.desk import handle
from tests.factories import NOW, add_groups, make_group
from tests.handlers.test_binding import FAILED, code_for, in_chat, in_private, place
from warden_bot.content.library import Library
from warden_bot.handlers.dispatch import Desk
from warden_bot.states import ChannelKind, FindingKind
from warden_bot.store.findings import open_findings


@pytest.fixture
async def school(desk: Desk) -> Desk:
    """A desk with one class, whose route is broken."""
    group = make_group(desk.sealer, "c001", channel=ChannelKind.DINGTALK)
    group.route_broken_at, group.route_broken_code = NOW, "route_broken"
    await add_groups(desk.database, group)
    return desk


async def test_code_does_not_turn_a_working_route_to_a_person(school: Desk, library: Library) -> None:
    await handle(school, library, in_chat(f"绑定 {await code_for(school)}"))

    reply = await handle(school, library, in_private(f"绑定 {await code_for(school)}", ChannelKind.FEISHU))

    assert reply.text == FAILED
    assert await place(school) == ("onebot", "20002000")


async def test_working_route_that_a_code_moves_is_told_to_the_operator(school: Desk, library: Library) -> None:
    for chat in ("20002000", "20002007"):
        await handle(school, library, in_chat(f"绑定 {await code_for(school)}", chat=chat))

    async with school.database.read() as session:
        found = [(one.kind, one.subject) for one in await open_findings(session)]
    assert (FindingKind.ROUTE_MOVED, "c001") in found


@pytest.mark.parametrize("text", ["绑定 13800138000", "绑定 ABCDEFGH", "绑定 手机号怎么弄"])
async def test_talk_that_only_begins_like_a_code_gets_silence(school: Desk, library: Library, text: str) -> None:
    reply = await handle(school, library, in_chat(text))

    assert reply.text is None

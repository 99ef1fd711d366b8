"""Signs from a platform that does not say in which chat: the message under which they were put leads to the class."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from sqlmodel import col, select

from tests.alert_story import WANTED, Story
from tests.alerted import asked
from tests.conftest import ZONE, Clock
from tests.desk import handle, rows
from tests.factories import NOW
from tests.platforms.feishu import CHAT, PERSON, FakeFeishu, FeishuStage, sealed, sign_event, signed
from warden_bot.alert_states import AcknowledgedBy
from warden_bot.channels.base import CallbackRequest, Reply, Surroundings
from warden_bot.channels.http import Http
from warden_bot.channels.registry import Channels, build_channels
from warden_bot.content.library import Library
from warden_bot.handlers.alert import Wanted
from warden_bot.handlers.alert_reminding import Insisting, insist
from warden_bot.handlers.dispatch import Desk
from warden_bot.handlers.placing import place_group
from warden_bot.states import Action, ChannelKind
from warden_bot.store.cases import Tip
from warden_bot.store.database import Database, Session
from warden_bot.store.groups import Group, group_by_code
from warden_bot.store.outbox import Delivery
from warden_bot.store.rooms import Rooms
from warden_bot.store.sealing import Sealer

OTHER_CHAT, THEIRS, PARENT = "oc_of_another_class", "ou_their_teacher", "ou_parent"
WORDS = Wanted(WANTED.title, WANTED.text, WANTED.severity, "group:c001+group:c002", needs_ack=True)
SILENCE = Reply(Action.SILENT, None, None)


@pytest.fixture
async def stage() -> AsyncIterator[FeishuStage]:
    found = FeishuStage()
    await found.start()
    found.fake.chats[OTHER_CHAT] = "normal"
    found.fake.people.add(THEIRS)
    yield found
    await found.stop()


@pytest.fixture
async def channels(database: Database, sealer: Sealer, clock: Clock, stage: FeishuStage) -> AsyncIterator[Channels]:
    http = Http()
    around = Surroundings(http, clock, rooms=Rooms(database, sealer))
    yield build_channels({ChannelKind.FEISHU: stage.values()}, around)
    await http.close()


@dataclass
class School:
    """Two classes there, and what their people do; the teacher of the first is known by address."""

    story: Story
    desk: Desk
    fake: FakeFeishu
    told: int = 0

    async def put(self, under: str, person: str = PERSON) -> Reply:
        """Put a sign under a message, and let the platform tell of it."""
        self.told += 1
        body = sealed(sign_event(under, "THUMBSUP", person, event_id=f"e{self.told}"))
        request = CallbackRequest(signed(body, NOW), {}, body, NOW)
        (heard,) = self.desk.channels[ChannelKind.FEISHU].parse_callback(request).messages
        return await handle(self.desk, self.story.library, heard)

    async def sent(self) -> tuple[int, dict[str, str]]:
        """Send an alert; return its number, and the ids of its messages by the class's code."""
        alert = await self.story.released(WORDS)
        await self.story.mailroom.send_due()
        return alert, await self.posted()

    async def posted(self) -> dict[str, str]:
        """Return the ids of the newest messages: by the class's code, and under "" of what somebody got in private."""
        async with self.story.database.read() as session:
            query = select(col(Group.code), col(Delivery.external_ids)).outerjoin(
                Group, col(Group.id) == Delivery.group_id
            )
            found = await session.execute(query.select_from(Delivery).order_by(col(Delivery.id)))
            return {code or "": ids for code, ids in found}

    async def heard(self, alert: int) -> dict[str, AcknowledgedBy | None]:
        return {code: one.by for code, one in (await asked(self.story.database, alert)).items()}


@pytest.fixture
async def school(story: Story, desk: Desk, stage: FeishuStage) -> School:
    async def place(session: Session) -> None:
        for code, address, teacher in (("c001", CHAT, PERSON), ("c002", OTHER_CHAT, THEIRS)):
            group = await group_by_code(session, code)
            assert group is not None
            place_group(group, ChannelKind.FEISHU, address, desk.channels, desk.sealer)
            group.teacher_address = f"feishu:{teacher}"
            session.add(group)

    await story.database.write(place)
    return School(story, desk, stage.fake)


async def test_sign_of_the_class_teacher_under_the_alert_counts_and_nobody_else_s(school: School) -> None:
    alert, posted = await school.sent()
    newer, _ = await school.sent()

    useless = [
        ("om_of_nobody", PERSON),
        (posted["c001"], PARENT),
        (posted["c002"], PERSON),
        (posted["c001"][:-1], PERSON),
    ]
    replies = [await school.put(under, person=person) for under, person in useless]
    before = await school.heard(alert)
    replies += [await school.put(posted["c001"]) for _ in range(2)]

    assert replies == [SILENCE] * 6
    assert set(before.values()) == {None}
    assert await school.heard(alert) == {"c001": AcknowledgedBy.BUTTON, "c002": None}
    assert set((await school.heard(newer)).values()) == {None}


async def test_sign_under_what_asks_again_in_private_counts_too_and_is_no_word_to_a_case(
    school: School, library: Library, clock: Clock
) -> None:
    alert, _ = await school.sent()
    powers = Insisting(school.desk.channels, school.desk.sealer, library, ZONE, clock.forward(minutes=11))
    await school.story.database.write(lambda session: insist(session, powers))
    await school.story.mailroom.send_due()

    reply = await school.put((await school.posted())[""], THEIRS)

    assert (reply, await rows(school.desk, Tip)) == (SILENCE, [])
    assert await school.heard(alert) == {"c001": None, "c002": AcknowledgedBy.BUTTON}


async def test_sign_under_the_update_counts_and_is_too_late_once_the_alert_is_over(school: School) -> None:
    alert, _ = await school.sent()
    await school.story.do("update", "所长", alert, "走南门")
    await school.story.mailroom.send_due()
    updated = await school.posted()
    await school.put(updated["c001"])
    await school.story.do("clear", "所长", alert, "解除了")
    await school.put(updated["c002"], THEIRS)

    assert await school.heard(alert) == {"c001": AcknowledgedBy.BUTTON, "c002": None}

"""The monthly card of a class: counted rightly, made once, and read by its teacher alone."""

import asyncio
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from tests.classroom import ROOM, TOLD, make_class
from tests.conftest import ZONE, Clock, Mailroom
from tests.desk import said
from tests.factories import add_groups, add_officer_on_duty, make_group, make_message
from tests.handlers.test_complaints import push
from tests.handlers.test_manners import OFFICER, TEACHER, handle, talk
from warden_bot.channels.http import Http
from warden_bot.content.library import Library
from warden_bot.content.shelf import Shelf
from warden_bot.domain.class_card import LONGEST, Month, Push, card
from warden_bot.domain.message import Sender
from warden_bot.errors import Refused
from warden_bot.handlers.class_card import CardMaking, make_cards, month_wanted, shown_card
from warden_bot.handlers.dispatch import Desk
from warden_bot.handlers.retention import purge
from warden_bot.states import Action, ChannelKind, SenderRole
from warden_bot.store.inbox import Decided, keep_new
from warden_bot.store.spool import Spool
from warden_bot.ticks.clockwork import Clockwork
from warden_bot.ticks.pushing import tick_class_cards

DUE = datetime(2027, 1, 4, 4, 20, tzinfo=UTC)  # the first Monday of January, 12:20
DECEMBER = Month(2026, 12)
HOTLINE, SMART_PILLS = "fraud.hotline-96110", "drugs.smart-pills"
ZHANG = Sender("private:zhang", "", SenderRole.PARENT)  # the platform does not know that this is a teacher
NOON_THIRD = datetime(2026, 12, 3, 4, 0, tzinfo=UTC)


async def ask(
    desk: Desk,
    group: str,
    times: int,
    topic: str | None = HOTLINE,
    action: Action = Action.ANSWER,
    *,
    at: datetime = NOON_THIRD,
) -> None:
    """Write down what the dispatcher writes down of talk that it did something about."""
    rows = [
        Decided(ChannelKind.SANDBOX, f"{group}-{topic}-{action}-{at}-{one}", "h", group, action, topic, "…", at, False)
        for one in range(times)
    ]
    await desk.database.write(lambda session: keep_new(session, rows))


async def school(desk: Desk) -> None:
    """c001's teacher is told in private, c002's has a page, c003's is told and the bot itself is in the group."""
    there = make_group(desk.sealer, "c003")
    there.teacher_address = "sandbox:private:li"
    classes = (make_class(desk.sealer, "c001", TOLD), make_class(desk.sealer, "c002", "link", "李老师"))
    await add_groups(desk.database, *classes, there)


async def cards(desk: Desk) -> dict[str, str]:
    async with desk.database.read() as session:
        return {code: (await shown_card(session, code, None))[1].text for code in ("c001", "c003")}


def clockwork(desk: Desk, spool: Spool, shelf: Shelf, clock: Clock) -> Clockwork:
    return Clockwork(desk, spool, shelf, Http(), ZONE, clock)


async def test_card_counts_what_may_be_told_and_two_clocks_make_one(
    desk: Desk, library: Library, spool: Spool, shelf: Shelf, mailroom: Mailroom, clock: Clock
) -> None:
    await school(desk)
    await push(desk, library, mailroom, clock, "12-14")
    await ask(desk, "c001", 6)
    await ask(desk, "c001", 1, at=datetime(2026, 11, 30, 15, 59, tzinfo=UTC))  # still November here
    await ask(desk, "c001", 4, SMART_PILLS)
    for topic, action in (
        ("emergency", Action.EMERGENCY),
        ("report", Action.TIP),
        ("human", Action.HUMAN),
        ("fraud.nude-chat-blackmail", Action.ANSWER),
        ("mental.hotline-12355", Action.ANSWER),
    ):
        await ask(desk, "c001", 7, topic, action)
    work = clockwork(desk, spool, shelf, clock)
    clock.now = DUE - timedelta(seconds=1)
    await tick_class_cards(work)
    with pytest.raises(Refused, match="还没有"):
        await cards(desk)

    clock.now = DUE
    await asyncio.gather(tick_class_cards(work), tick_class_cards(work))
    await mailroom.send_due()
    await tick_class_cards(work)
    await mailroom.send_due()

    found = await cards(desk)
    assert found["c001"].splitlines() == [
        "【12月班级卡】c001群",
        "群里发过：没有",  # its teacher has not posted it
        f"群里问得多：{library.answers[HOTLINE].title}6次",
        f"说一句：{library.class_cards.sentences[HOTLINE].source}",
        "只有次数，不记是谁问的。",
    ]
    assert f"群里发过：12月14日{library.campaigns['fraud-hotline'].title}" in found["c003"]
    told = [line for line in await said(desk, ROOM) if "班级卡" in line]
    assert (told, await said(desk, "private:li")) == ([found["c001"]], [found["c003"]])


async def test_teacher_reads_the_own_card_in_private_and_nobody_reads_it_in_a_group(
    desk: Desk, library: Library
) -> None:
    await school(desk)
    await add_officer_on_duty(desk.database, desk.sealer, "甲")
    await ask(desk, "c001", 5)
    await ask(desk, "c002", 9)
    making = CardMaking(library, desk.channels, desk.sealer, ZONE, DECEMBER)
    await desk.database.write(lambda session: make_cards(session, making, DUE))
    own = await card_text(desk, "c001")

    said_so = (
        make_message("班级卡", channel=ChannelKind.SANDBOX, sender=ZHANG),
        make_message("班会卡", sender=Sender("t2", "李老师", SenderRole.TEACHER)),
        make_message("班级卡"),
        make_message("班级卡", sender=OFFICER),
        talk("@机器人 班级卡", "c003", addressed=True, sender=TEACHER),
        talk("班级卡", "c001"),
    )
    replies = [await handle(desk, library, one, DUE) for one in said_so]
    by_address, by_name, parent, officer, in_group, parent_in_group = replies

    assert by_address.text == own
    assert "9次" in (by_name.text or "")
    assert all("月班级卡】" not in (one.text or "") for one in (parent, officer, in_group, parent_in_group))
    assert in_group.text == library.replies.say("class_card_elsewhere", library.values())
    assert parent_in_group.text is None


async def test_teacher_of_a_class_that_asked_nothing_is_told_so(desk: Desk, library: Library) -> None:
    await school(desk)
    message = make_message("班级卡", channel=ChannelKind.SANDBOX, sender=ZHANG)
    before = await handle(desk, library, message, DUE)
    making = CardMaking(library, desk.channels, desk.sealer, ZONE, DECEMBER)
    await desk.database.write(lambda session: make_cards(session, making, DUE))

    after = await handle(desk, library, replace(message, message_id="m2"), DUE)

    names = ("class_card_missing", "class_card_silent")
    assert [before.text, after.text] == [library.replies.say(name, library.values()) for name in names]


async def card_text(desk: Desk, code: str) -> str:
    async with desk.database.read() as session:
        return (await shown_card(session, code, str(DECEMBER)))[1].text


async def test_month_stays_countable_when_talk_is_erased(desk: Desk, library: Library, spool: Spool) -> None:
    await school(desk)
    first = datetime(2026, 11, 30, 16, 0, tzinfo=UTC)  # the first minute of December here
    await ask(desk, "c001", 5, at=first)
    await ask(desk, "c001", 3, None, Action.SILENT, at=first)

    late = DUE + timedelta(days=14)
    erased = await purge(desk.database, desk.sealer, spool, library.retention, "test", late)
    making = CardMaking(library, desk.channels, desk.sealer, ZONE, DECEMBER)
    made = await desk.database.write(lambda session: make_cards(session, making, late))
    much_later = await purge(desk.database, desk.sealer, spool, library.retention, "test", first + timedelta(days=124))

    assert (erased["talk"], made, much_later["talk"]) == (3, 1, 5)
    assert "5次" in await card_text(desk, "c001")


def test_many_pushes_and_long_names_stay_short() -> None:
    pushed = [Push(date(2026, 12, day), "一条很长" * 6) for day in range(1, 29)]
    text = card(
        DECEMBER, "高三（211）班家长群", pushed, {f"主题{one}" * 9: 5 + one for one in range(9)}, "一句话。" * 15
    )

    assert len(text) <= LONGEST
    assert "一共28条" in text


@pytest.mark.parametrize(
    ("written", "reason"),
    [("2026-13", "不是月份"), ("2027-01", "还没过完"), ("2026-09", "已经清除"), ("十二月", "不是月份")],
)
def test_month_that_cannot_be_counted_is_refused(written: str, reason: str) -> None:
    with pytest.raises(Refused, match=reason):
        month_wanted(written, ZONE, DUE)

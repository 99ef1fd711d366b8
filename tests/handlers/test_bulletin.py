import asyncio
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from tests.conftest import ZONE, Clock, Mailroom
from tests.factories import add_officer_on_duty, add_school
from warden_bot.alert_states import AlertKind, AlertSeverity, AlertStatus
from warden_bot.channels.registry import Channels
from warden_bot.content.library import Library
from warden_bot.errors import AccessDenied, Refused
from warden_bot.handlers.alert import approve, give_back, submit, withdraw
from warden_bot.handlers.alert_judging import Bench
from warden_bot.handlers.alert_sending import step_alerts
from warden_bot.handlers.bulletin import composed, draft_once, enter_figures, save_draft, shown, week_due
from warden_bot.states import Action, ChannelKind, OfficerRole
from warden_bot.store.alerts import Alert, all_alerts
from warden_bot.store.bulletins import bulletin_of
from warden_bot.store.database import Database, Session
from warden_bot.store.inbox import Decided, keep
from warden_bot.store.officers import officer_by_name
from warden_bot.store.pictures import picture_of
from warden_bot.store.rooms import WORDS, said_since
from warden_bot.store.sealing import Sealer

MONDAY = date(2026, 11, 16)
SUNDAY = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)  # 16:00 in Shanghai
FIGURES = {"电诈警情": 12, "盗窃": 2, "交通事故": 0, "整改出租屋": 31}
WAITING, DRAFT, WITHDRAWN = AlertStatus.AWAITING_APPROVAL, AlertStatus.DRAFT, AlertStatus.WITHDRAWN
HOTLINE, BEATEN = "fraud.hotline-96110", "home.violence"


@dataclass
class Station:
    """A station on a Sunday afternoon."""

    database: Database
    library: Library
    bench: Bench

    async def enter(self, entered: dict[str, int], who: str = "甲", monday: date = MONDAY) -> dict[str, int]:
        async def work(session: Session) -> dict[str, int]:
            officer = await officer_by_name(session, who)
            assert officer is not None
            return await enter_figures(session, self.library.bulletin, officer, monday, entered, ZONE, self.bench.now)

        return await self.database.write(work)

    async def draft(self, picture: bytes | None = None, library: Library | None = None) -> Alert:
        words = library or self.library
        async with self.database.read() as session:
            made = await composed(session, words, MONDAY, ZONE, self.bench.now)
        return await self.database.write(
            lambda session: save_draft(session, words, made, picture, "cli:test", ZONE, self.bench.now)
        )

    async def decide(self, act: Any, alert: Alert, who: str = "所长", *words: str, **named: str) -> Alert:
        async def work(session: Session) -> Alert:
            officer = await officer_by_name(session, who)
            decided: Alert = await act(session, self.bench, alert.id or 0, officer, *words, **named)
            return decided

        return await self.database.write(work)

    async def ask(self, topic: str, times: int, at: datetime = SUNDAY, *, addressed: bool = True) -> None:
        async def work(session: Session) -> None:
            for number in range(times):
                key = f"{topic}-{at}-{addressed}-{number}"
                await keep(
                    session,
                    Decided(ChannelKind.WEBHOOK, key, "h", None, Action.ANSWER, topic, "答", at, addressed=addressed),
                )

        await self.database.write(work)

    async def statuses(self) -> list[AlertStatus]:
        async with self.database.read() as session:
            return [alert.status for alert in await all_alerts(session)]


@pytest.fixture
async def station(database: Database, sealer: Sealer, channels: Channels, library: Library) -> Station:
    await add_school(database, sealer)
    await add_officer_on_duty(database, sealer, "甲")
    await add_officer_on_duty(database, sealer, "所长", role=OfficerRole.CHIEF, on_duty=False)
    await add_officer_on_duty(database, sealer, "网管", role=OfficerRole.OPERATOR, on_duty=False)
    return Station(database, library, Bench(sealer, channels, library, ZONE, SUNDAY))


async def test_figures_of_the_week_become_a_draft_that_the_chief_approves(station: Station) -> None:
    await station.enter({"电诈警情": 15, "盗窃": 9}, monday=MONDAY - timedelta(weeks=1))
    await station.enter({"电诈警情": 11, "盗窃": 2})
    entered = await station.enter(FIGURES)

    alert = await station.draft(b"png")
    approved = await station.decide(approve, alert)

    assert entered == FIGURES
    assert alert.text.splitlines()[0] == (
        "本周(11.16–11.22)：电诈警情12起(比上周少3起)，盗窃少量，交通事故0起，整改出租屋31间。"
    )
    assert alert.text.splitlines()[-1] == "进展中的案件不公布细节。—示例镇派出所 11月22日"
    assert (alert.kind, alert.severity, alert.status) == (AlertKind.BULLETIN, AlertSeverity.INFO, WAITING)
    assert approved.status is AlertStatus.APPROVED
    async with station.database.read() as session:
        picture = await picture_of(session, alert.id or 0)
        now = await shown(session, station.library, MONDAY)
    assert picture is not None
    assert (picture.content, picture.media_type) == (b"png", "image/png")
    assert (now["figures"], now["alert"], now["status"], now["missing"]) == (FIGURES, alert.id, "approved", [])


async def test_approved_bulletin_reaches_the_campus_group_with_its_picture(
    station: Station, mailroom: Mailroom, clock: Clock, sealer: Sealer
) -> None:
    await station.enter(FIGURES)
    alert = await station.draft(b"png")
    await station.decide(approve, alert)
    clock.now = SUNDAY + timedelta(seconds=5)
    await station.database.write(
        lambda session: step_alerts(session, station.bench.channels, station.library, ZONE, clock.now)
    )
    await mailroom.send_due()

    async with station.database.read() as session:
        heard = [(line.room, sealer.open(line.sealed_words, WORDS)) for line in await said_since(session, 0)]
    lines = [(room, words) for room, words in heard if not room.startswith("private:")]
    assert [room for room, _ in lines] == ["campus", "campus"]
    assert (alert.text in lines[0][1], lines[1][1].startswith("[图片] ")) == (True, True)


async def test_only_what_many_asked_the_bot_this_week_is_named(station: Station) -> None:
    await station.enter(FIGURES)
    await station.ask(BEATEN, 9)  # nobody's business
    await station.ask(HOTLINE, 5)
    await station.ask("visitor.entry", 4)
    await station.ask("traffic.ebike-helmet", 3)
    await station.ask("traffic.ebike-helmet", 9, addressed=False)
    await station.ask("traffic.ebike-helmet", 9, SUNDAY - timedelta(weeks=1))

    alert = await station.draft()

    title = station.library.answers[HOTLINE].title
    assert alert.text.splitlines()[1:3] == [
        f"大家问得多的：{title}。",
        "96110打来请接，照实说。它不要转账，不要验证码。",
    ]
    assert alert.audience == "campus"


async def test_what_classes_can_act_on_goes_to_them_too_after_the_campus_group(
    station: Station, mailroom: Mailroom, clock: Clock
) -> None:
    await station.enter(FIGURES)
    await station.ask("fraud.impersonated-teacher-fee", 6)
    alert = await station.decide(approve, await station.draft())
    clock.now = SUNDAY + timedelta(seconds=5)
    await station.database.write(
        lambda session: step_alerts(session, station.bench.channels, station.library, ZONE, clock.now)
    )

    async def rooms() -> list[str]:
        await mailroom.send_due()
        async with station.database.read() as session:
            return [line.room for line in await said_since(session, 0) if not line.room.startswith("private:")]

    first = await rooms()
    clock.forward(minutes=1)
    every = await rooms()

    assert alert.audience == "all"
    assert first == ["campus"]
    assert (every[0], len(every), len(set(every))) == ("campus", len(set(every)), alert.expected)
    assert alert.expected > 1


async def test_second_draft_is_refused_until_the_first_is_returned_or_withdrawn(station: Station) -> None:
    await station.enter(FIGURES)
    first = await station.draft()
    with pytest.raises(Refused, match=f"已经起草了（警报 {first.id}）"):
        await station.draft()
    with pytest.raises(Refused, match="已经起草了"):
        await station.enter({"盗窃": 8})

    await station.decide(give_back, first, "所长", "盗窃数不对")
    await station.enter({"盗窃": 8})
    second = await station.draft()
    await station.database.write(lambda session: withdraw(session, second.id or 0, None, station.bench.now))
    third = await station.draft()

    assert "盗窃8起" in second.text
    assert await station.statuses() == [WAITING, WITHDRAWN, WITHDRAWN]
    async with station.database.read() as session:
        row = await bulletin_of(session, MONDAY)
    assert row is not None
    assert row.alert_id == third.id


async def test_returned_bulletin_in_other_words_loses_its_picture_and_names_nobody_either(station: Station) -> None:
    await station.enter(FIGURES)
    alert = await station.draft(b"png")
    await station.decide(give_back, alert, "所长", "短一点")
    with pytest.raises(Refused, match="像是某个班"):
        await station.decide(submit, alert, "甲", text="高三12班有人被骗")
    submitted = await station.decide(submit, alert, "甲", text="本周平安。")
    async with station.database.read() as session:
        picture = await picture_of(session, alert.id or 0)

    assert (submitted.status, submitted.text, picture) == (WAITING, "本周平安。", None)


async def test_who_entered_the_figures_does_not_approve_them(station: Station) -> None:
    await station.enter(FIGURES, "所长")
    alert = await station.draft()

    with pytest.raises(AccessDenied, match="要由另一个人批准"):
        await station.decide(approve, alert)


async def test_figures_that_changed_while_the_picture_was_drawn_make_no_draft(station: Station) -> None:
    await station.enter(FIGURES)
    async with station.database.read() as session:
        made = await composed(session, station.library, MONDAY, ZONE, SUNDAY)
    await station.enter({"盗窃": 30})

    with pytest.raises(Refused, match="别人也改了"):
        await station.database.write(
            lambda session: save_draft(session, station.library, made, None, "cli:test", ZONE, SUNDAY)
        )
    assert await station.statuses() == []


@pytest.mark.parametrize(
    ("who", "entered", "monday", "reason"),
    [
        ("网管", {"盗窃": 3}, MONDAY, "不能填通报的数字"),
        ("甲", {"线索": 3}, MONDAY, "没有“线索”这一项"),
        ("甲", {"盗窃": 100_000}, MONDAY, "要填 0 到"),
        ("甲", {"盗窃": -1}, MONDAY, "要填 0 到"),
        ("甲", {"盗窃": 3}, MONDAY + timedelta(weeks=1), "还没有到"),
        ("甲", {"盗窃": 3}, MONDAY - timedelta(weeks=52), "太早了"),  # the wrong year
    ],
)
async def test_what_is_no_figure_is_refused(
    station: Station, who: str, entered: dict[str, int], monday: date, reason: str
) -> None:
    with pytest.raises(Refused, match=reason):
        await station.enter(entered, who, monday)


async def test_draft_that_names_the_school_is_refused_with_the_reason(station: Station) -> None:
    await station.enter(FIGURES)
    named = replace(station.library, bulletin=replace(station.library.bulletin, title="示例中学一周警情"))

    with pytest.raises(Refused, match="写了学校"):
        await station.draft(library=named)


@pytest.mark.parametrize(
    ("day", "due"),
    [
        (SUNDAY, MONDAY),
        (SUNDAY - timedelta(minutes=31), None),
        (SUNDAY - timedelta(days=1), None),
        (datetime(2026, 6, 7, 8, 0, tzinfo=UTC), None),  # a Sunday in the silence around the exam
    ],
)
def test_bulletin_is_drafted_on_sunday_and_not_in_exam_silence(
    library: Library, day: datetime, due: date | None
) -> None:
    assert week_due(library, ZONE, day) == due


async def test_two_clocks_make_one_draft_and_a_returned_one_is_left_to_people(station: Station) -> None:
    other = Database(station.database.url)
    empty = await draft_once(other, station.library, MONDAY, ZONE, SUNDAY)
    await station.enter(FIGURES)
    await asyncio.gather(
        draft_once(station.database, station.library, MONDAY, ZONE, SUNDAY),
        draft_once(other, station.library, MONDAY, ZONE, SUNDAY),
    )
    await other.close()
    made = await station.statuses()
    async with station.database.read() as session:
        (alert,) = await all_alerts(session)
    await station.decide(give_back, alert, "所长", "再核对")
    await draft_once(station.database, station.library, MONDAY, ZONE, SUNDAY)

    assert "还没有填数字" in empty
    assert (made, await station.statuses()) == ([WAITING], [DRAFT])

import asyncio
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from sqlmodel import col

from tests.alert_story import WANTED, Story
from warden_bot.alert_states import ALERT_MOVES, AlertKind, AlertMove, AlertSeverity, AlertStatus
from warden_bot.errors import AccessDenied, IllegalMove, Refused
from warden_bot.handlers.alert_showing import preview
from warden_bot.states import ChannelKind
from warden_bot.store.alert_parts import parts_of
from warden_bot.store.alerts import Alert
from warden_bot.store.database import Database
from warden_bot.store.officers import Officer, officer_by_name
from warden_bot.store.pictures import picture_of


async def test_every_move_is_allowed_where_the_table_says_and_refused_elsewhere(story: Story) -> None:
    number = (await story.do("raise_alert", "甲", WANTED)).id or 0
    acts: dict[AlertMove, tuple[str, str, tuple[str, ...]]] = {
        AlertMove.SUBMIT: ("submit", "甲", ()),
        AlertMove.RETURN: ("give_back", "所长", ("写短",)),
        AlertMove.APPROVE: ("approve", "所长", ()),
        AlertMove.UPDATE: ("update", "所长", ("新的",)),
        AlertMove.CLEAR: ("clear", "所长", ("没事了",)),
        AlertMove.WITHDRAW: ("withdraw", "所长", ()),
    }
    wrong = []
    for status in AlertStatus:
        for move, (name, who, values) in acts.items():
            await story.set(Alert, col(Alert.id) == number, status=status)
            try:
                became: AlertStatus | None = (await story.do(name, who, number, *values)).status
            except IllegalMove:
                became = None
            sources, target = ALERT_MOVES[move]
            if became is not (target if status in sources else None):
                wrong.append((status, move, became))
    assert wrong == []


@pytest.mark.parametrize(
    ("severity", "raisers", "approvers"),
    [
        (AlertSeverity.URGENT, "甲 乙 所长", "乙 所长"),
        (AlertSeverity.WARNING, "甲 乙 所长", "乙 所长"),
        (AlertSeverity.INFO, "甲 乙 所长 编辑", "所长"),
    ],
)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_who_may_raise_and_who_may_approve(
    story: Story, severity: AlertSeverity, raisers: str, approvers: str
) -> None:
    may: dict[str, list[str]] = {"raise": [], "approve": []}
    for who in ("甲", "乙", "所长", "编辑", "保卫", "运维"):
        try:
            await story.do("raise_alert", who, replace(WANTED, severity=severity))
            may["raise"].append(who)
        except AccessDenied:
            pass
        number = (await story.do("raise_alert", "甲", replace(WANTED, severity=severity))).id
        try:
            await story.do("approve", who, number)
            may["approve"].append(who)
        except AccessDenied:
            pass

    assert may == {"raise": raisers.split(), "approve": approvers.split()}


async def test_nobody_approves_their_own_even_under_a_second_name(story: Story) -> None:
    number = (await story.do("raise_alert", "甲", WANTED)).id
    async with story.database.read() as session:
        first = await officer_by_name(session, "甲")
        assert first is not None
    await story.set(
        Officer, col(Officer.name) == "乙", sealed_address=story.sealer.seal("private:甲", "officer.address")
    )

    for who in ("甲", "乙"):
        with pytest.raises(AccessDenied, match="自己发起的"):
            await story.do("approve", who, number)
    story.clock.forward(seconds=60)
    await story.tick()

    assert (await story.show(number or 0))["parts"] == []


async def test_of_two_approvals_at_once_one_wins(story: Story) -> None:
    number = (await story.do("raise_alert", "甲", WANTED)).id
    other = Database(story.database.url)

    ended = await asyncio.gather(
        story.do("approve", "乙", number),
        story.do("approve", "所长", number, database=other),
        return_exceptions=True,
    )
    await other.close()

    assert sorted(type(one).__name__ for one in ended) == ["Alert", "IllegalMove"]
    assert [e["kind"] for e in (await story.show(number or 0))["events"]].count("approved") == 1


async def test_returned_alert_is_written_anew_and_nothing_else_is_lost(story: Story) -> None:
    number = (await story.do("raise_alert", "甲", WANTED)).id or 0
    returned = await story.do("give_back", "乙", number, "写清楚哪条路")
    await story.do("submit", "甲", number, text="北门的路堵了")
    await story.do("approve", "乙", number)
    shown = await story.show(number)

    assert (returned.status, returned.reason) == (AlertStatus.DRAFT, "写清楚哪条路")
    assert (shown["text"], shown["reason"], shown["approved_by"]) == ("北门的路堵了", "", "乙")


async def test_missing_child_has_a_notice_of_its_own_and_its_picture_goes_when_the_child_is_found(story: Story) -> None:
    wanted = replace(WANTED, kind=AlertKind.MISSING_CHILD, text="8岁男孩，红衣服", picture=(b"jpeg", "image/jpeg"))
    number = await story.released(wanted)
    async with story.database.read() as session:
        kept = await picture_of(session, number)
    await story.mailroom.send_due()
    await story.do("clear", "所长", number)
    async with story.database.read() as session:
        gone = await picture_of(session, number)
        parts = await parts_of(session, number)

    assert (kept is not None and kept.content, gone) == (b"jpeg", None)
    assert ("8岁男孩" in parts[0].text, "到11月24日00:00为止" in parts[0].text) == (True, True)
    assert "人已找到" in parts[1].text
    assert "不要再转发" in parts[1].text


async def test_preview_names_exact_recipients_and_bytes(story: Story) -> None:
    number = (await story.do("raise_alert", "甲", replace(WANTED, audience="classes-group:c002"))).id or 0
    async with story.database.read() as session:
        (row,) = await preview(session, story.bench, number)

    assert (row["channel"], row["recipients"]) == (ChannelKind.SANDBOX, ["c001", "c003"])
    assert row["bytes"] == [len(part.encode()) for part in row["parts"]]


@pytest.mark.parametrize(
    "wrong",
    [
        {"audience": "group:none"},
        {"text": " "},
        {"title": ""},
        {"text": "长" * 1001},
        {"audience": "nobody"},
        {"text": "北门\0堵了"},  # no database takes it
        {"text": "北门\ud83d堵了"},
        {"text": "别去北门\u202e门南去"},  # read backwards
    ],
    ids=ascii,
)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_what_cannot_be_sent_is_not_raised(story: Story, wrong: dict[str, Any]) -> None:
    with pytest.raises(Refused):
        await story.do("raise_alert", "甲", replace(WANTED, **wrong))


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_what_nobody_sees_is_not_kept_of_a_reason(story: Story) -> None:
    number = (await story.do("raise_alert", "甲", replace(WANTED, text="第一行\r\n👨\u200d👩\u200d👧 在北门"))).id or 0
    with pytest.raises(Refused, match="理由"):
        await story.do("give_back", "所长", number, "\0 ")
    await story.do("give_back", "所长", number, "写\0上时间")
    returned = (await story.show(number))["reason"]
    await story.do("withdraw", "甲", number, "不\0发了")

    assert (returned, (await story.show(number))["reason"]) == ("写上时间", "不发了")


@pytest.mark.parametrize("day", ["2027-06-06", "2026-11-23"])
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_what_is_not_pressing_keeps_the_exam_silence_and_the_budget_of_the_week(story: Story, day: str) -> None:
    story.clock.now = datetime.fromisoformat(f"{day}T12:00+08:00")
    tip = replace(WANTED, severity=AlertSeverity.INFO)
    if day == "2026-11-23":
        for _ in range(2):
            await story.released(tip)
    number = (await story.do("raise_alert", "甲", tip)).id

    with pytest.raises(Refused, match=r"高考静默|本周已经收到 2 条"):
        await story.do("approve", "所长", number)

    pressing = (await story.do("raise_alert", "甲", replace(WANTED, severity=AlertSeverity.WARNING))).id
    assert (await story.do("approve", "所长", pressing)).status is AlertStatus.APPROVED

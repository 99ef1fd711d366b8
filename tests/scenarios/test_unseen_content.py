"""Nothing of the content is known to the code: every push and every sample is replaced, only the clock moves."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.conftest import CONTENT, ZONE, Clock, Mailroom
from tests.factories import NOW, add_groups, make_group, make_message
from tests.fake_wecom import FakeWecom
from warden_bot.channels.http import Http
from warden_bot.channels.registry import Channels
from warden_bot.content.shelf import Shelf
from warden_bot.handlers.dispatch import Desk, dispatch, understand
from warden_bot.handlers.fitting import campaigns_over_limit
from warden_bot.scheduler import Ticker
from warden_bot.states import Action, ChannelKind
from warden_bot.store.database import Database
from warden_bot.store.sealing import Sealer
from warden_bot.store.spool import Spool
from warden_bot.ticks.clockwork import Clockwork
from warden_bot.ticks.pushing import tick_campaigns

ANSWER = """---
topic: {topic}
title: 信箱
reviewed: 2026-11-23
review_by: 2027-05-23
---

## 群里
紫色信箱每周三开，钥匙在门卫。问{{{{ local.station_name }}}}。

## 私聊
紫色信箱每周三开。

## 依据
- [D] 编出来的 —— 测试

## 问法
- 紫色信箱礼拜几打开
- 信箱的钥匙归谁保管
"""
PUSH = """---
campaign: purple-box
title: 信箱
family: other
audience: classes
authority: 测试
reviewed: 2026-11-23
review_by: 2027-05-23
---

## 正文
明天紫色信箱换锁。—{{ local.station_name }} {{ today }}
"""
CALENDAR = 'calendar:\n  - campaign: purple-box\n    yearly: "11-25"\n    at: "12:15"\n    spread: 0\n'


@pytest.fixture
def unseen(tmp_path: Path) -> Shelf:
    """A content folder in which only the station's own files are the shipped ones."""
    for name in ("answers", "campaigns"):
        (tmp_path / name).mkdir()
    for name in ("local.yml", "hotlines.yml", "replies.yml"):
        (tmp_path / name).write_bytes((CONTENT / name).read_bytes())
    (tmp_path / "answers" / "made.up.md").write_text(ANSWER.format(topic="made.up"), encoding="utf-8")
    (tmp_path / "campaigns" / "purple-box.md").write_text(PUSH, encoding="utf-8")
    (tmp_path / "calendar.yml").write_text(CALENDAR, encoding="utf-8")
    return Shelf(tmp_path, NOW.date(), lambda _library: [])


async def test_unseen_campaign_fires_from_content_through_scheduler_outbox_and_channel(
    database: Database,
    channels: Channels,
    sealer: Sealer,
    unseen: Shelf,
    clock: Clock,
    wecom: FakeWecom,
    mailroom: Mailroom,
    spool: Spool,
) -> None:
    keys = {f"key-{number}" for number in range(1, 369)}
    await add_groups(
        database, *(make_group(sealer, key, channel=ChannelKind.WECOM_ROBOT, address=key) for key in sorted(keys))
    )
    assert campaigns_over_limit(unseen.library, channels) == []
    work = Clockwork(Desk(database, channels, sealer, timedelta(minutes=5)), spool, unseen, Http(), ZONE, clock)

    clock.now = datetime(2026, 11, 25, 4, 14, 59, tzinfo=UTC)
    await tick_campaigns(work)
    assert await mailroom.send_due() == []

    clock.forward(seconds=1)
    ticking = Ticker(work, {tick_campaigns: 1})  # the real clockwork, so that the wiring is tested too
    for _ in range(100):
        await asyncio.sleep(0.05)
        if await mailroom.send_due():
            break
    await ticking.stop()

    assert set(wecom.heard) == keys
    assert {tuple(heard) for heard in wecom.heard.values()} == {("明天紫色信箱换锁。—示例镇派出所 11月25日",)}


async def test_unseen_question_finds_its_unseen_answer(desk: Desk, unseen: Shelf) -> None:
    async def ask(text: str) -> tuple[Action, str | None, str | None]:
        message = make_message(text, group="c001", addressed=False)
        reply = await dispatch(understand(desk, message, unseen.library, "11月23日", NOW))
        return reply.action, reply.topic, reply.text

    assert await ask("紫色信箱礼拜几打开呀") == (
        Action.ANSWER,
        "made.up",
        "紫色信箱每周三开，钥匙在门卫。问示例镇派出所。",
    )
    assert (await ask("反诈热线是多少"))[0] is Action.SILENT

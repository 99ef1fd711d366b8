from datetime import date, timedelta
from pathlib import Path

import pytest

from tests.conftest import CONTENT, Clock
from tests.factories import NOW, add_groups, add_officer_on_duty, make_delivery, make_group, make_message
from tests.outbox_rows import add
from tests.platforms.onebot import TOKEN, OneBotStage
from warden_bot.channels.base import Surroundings
from warden_bot.channels.http import Http
from warden_bot.channels.registry import Channels, build_channels
from warden_bot.content.alarms import AlarmSource
from warden_bot.content.drawing import find_font
from warden_bot.content.loading import load_library
from warden_bot.handlers.checkup import (
    Finding,
    check_address,
    check_alarms,
    check_channel,
    check_content,
    check_database,
    check_pictures,
    check_spool,
    kinds_in_use,
    needs_the_outside,
)
from warden_bot.states import ChannelKind, FindingKind, OfficerRole
from warden_bot.store.database import Database, Session
from warden_bot.store.findings import note
from warden_bot.store.sealing import Sealer
from warden_bot.store.spool import Spool
from warden_bot.store.tokens import TOKEN as TOKEN_CONTEXT
from warden_bot.store.tokens import PlatformToken

ONEBOT = ChannelKind.ONEBOT
ADDRESS = "the-whole-address"


def states(found: list[Finding], check: str) -> list[str]:
    return [one.state for one in found if one.check == check]


async def look(database: Database, sealer: Sealer, channels: Channels) -> list[Finding]:
    return await check_database(database, sealer, channels, NOW)


def test_finding_is_shown_with_its_remedy_or_none() -> None:
    assert Finding("groups", "ok", "3 个群").as_json() == {
        "check": "groups",
        "state": "ok",
        "words": "3 个群",
        "remedy": None,
    }


def test_shipped_content_is_no_fault_and_a_broken_folder_is(tmp_path: Path) -> None:
    shipped = check_content(load_library(CONTENT, date(2026, 11, 23)))
    (broken,) = check_content(load_library(tmp_path, date(2026, 11, 23)))

    assert [one.state for one in shipped] in (["ok"], ["warning"])
    assert (broken.state, broken.remedy) == ("fault", "改好后运行 content check")


def test_machine_without_a_chinese_font_is_told_that_the_bulletin_has_no_picture_and_what_to_install() -> None:
    (no_font,) = check_pictures(None)
    (no_picture,) = check_pictures(Path(__file__))  # a file that is no font

    assert [(one.check, one.state) for one in (no_font, no_picture)] == [("pictures", "warning")] * 2
    assert all("只发文字" in one.words and "apt install fonts-" in one.remedy for one in (no_font, no_picture))
    if font := find_font():
        assert [one.state for one in check_pictures(font)] == ["ok"]


@pytest.mark.parametrize(
    ("base_url", "needed_by", "state"),
    [
        ("http://127.0.0.1:8080", [], None),
        ("http://127.0.0.1:8080", ["relay"], "warning"),
        ("http://warden.example", ["relay", "feishu"], "warning"),
        ("https://warden.example", ["relay"], "ok"),
    ],
)
def test_address_is_needed_where_the_outside_calls(base_url: str, needed_by: list[str], state: str | None) -> None:
    found = check_address(base_url, needed_by=needed_by)

    assert [one.state for one in found] == ([state] if state else [])
    assert all("WARDEN_PUBLIC_URL" in one.remedy for one in found if state == "warning")


@pytest.mark.parametrize(
    ("kind", "needs"),
    [(ChannelKind.RELAY, True), (ChannelKind.FEISHU, True), (ChannelKind.WECOM_ROBOT, False)],
)
def test_teachers_pages_and_callbacks_need_the_outside(channels: Channels, kind: ChannelKind, needs: bool) -> None:
    assert needs_the_outside(channels[kind]) is needs


async def test_emergencies_have_a_place_or_it_is_a_fault(spool: Spool, sealer: Sealer, tmp_path: Path) -> None:
    (fine,) = check_spool(spool, tmp_path / "spool")
    await spool.keep(make_message("着火了"), NOW)
    (waiting,) = check_spool(spool, tmp_path / "spool")
    (tmp_path / "file").write_bytes(b"")
    (nowhere,) = check_spool(Spool(tmp_path / "file" / "spool", sealer), tmp_path / "file" / "spool")

    assert [one.state for one in (fine, waiting, nowhere)] == ["ok", "warning", "fault"]
    assert "1 条紧急消息" in waiting.words
    assert list((tmp_path / "spool").glob("*.sealed"))  # looking takes nothing away


async def test_empty_database_has_no_groups_and_nobody_to_take_a_tip(
    database: Database, sealer: Sealer, channels: Channels
) -> None:
    found = await look(database, sealer, channels)

    assert [(one.check, one.state) for one in found] == [
        ("database", "ok"),
        ("keys", "ok"),
        ("groups", "warning"),
        ("duty", "fault"),
    ]
    assert all(one.remedy for one in found if one.state != "ok")


async def test_school_that_is_set_up_is_fine(database: Database, sealer: Sealer, channels: Channels) -> None:
    await add_groups(database, make_group(sealer, "c001", channel=ChannelKind.RELAY, address="link"))
    await add_officer_on_duty(database, sealer, "甲")

    assert {one.state for one in await look(database, sealer, channels)} == {"ok"}


async def test_every_trouble_of_the_database_is_named_with_what_to_do_and_no_address(
    database: Database, sealer: Sealer, channels: Channels
) -> None:
    broken = [make_group(sealer, f"c{number:03}", address=f"{ADDRESS}{number}") for number in range(7)]
    for one in broken:
        one.route_broken_at, one.route_broken_code = NOW, "route_broken"
    mute = make_group(sealer, "mute", channel=ChannelKind.WECOM_AIBOT)
    lost = make_group(Sealer([bytes(32)]), "lost", address=ADDRESS)
    await add_groups(database, *broken, mute, lost)
    await add(database, make_delivery(not_before=NOW - timedelta(seconds=121)))

    async def find(session: Session) -> None:
        await note(session, FindingKind.POST_MISSING, "broadcast 3", "5", NOW)

    await database.write(find)
    found = await look(database, sealer, channels)

    words = {one.check: one.words for one in found}
    assert (
        states(found, "groups") == ["fault"] * 8
    )  # five by name, how many in all, whose settings are missing, and who cannot be written to
    assert "一共 7 个群的路断了" in str(found)
    assert ("mute" in words["groups"], "lost" in words["keys"]) == (True, True)
    assert [states(found, check) for check in ("keys", "outbox", "findings", "duty")] == [
        ["fault"],
        ["fault"],
        ["warning"],
        ["fault"],
    ]
    assert ("121 秒" in words["outbox"], "post_missing broadcast 3" in words["findings"]) == (True, True)
    assert all(one.remedy for one in found if one.state != "ok")
    assert ADDRESS not in str(found)


@pytest.mark.parametrize(
    ("role", "on_duty", "state"),
    [
        (OfficerRole.OFFICER, True, "ok"),
        (OfficerRole.OFFICER, False, "fault"),
        (OfficerRole.CHIEF, False, "warning"),  # hears when nobody is on duty
    ],
)
async def test_somebody_has_to_be_on_duty(
    database: Database, sealer: Sealer, channels: Channels, role: OfficerRole, on_duty: bool, state: str
) -> None:
    await add_officer_on_duty(database, sealer, "甲", role=role, on_duty=on_duty)

    assert states(await look(database, sealer, channels), "duty") == [state]


async def test_kinds_in_use_are_those_of_groups_and_officers(database: Database, sealer: Sealer) -> None:
    await add_groups(database, make_group(sealer, "c001", channel=ChannelKind.RELAY, address="link"))
    await add_officer_on_duty(database, sealer, "甲")

    assert await kinds_in_use(database) == {ChannelKind.RELAY, ChannelKind.SANDBOX}


async def test_channel_is_asked_whether_it_takes_our_credentials(
    database: Database, sealer: Sealer, stage: OneBotStage, clock: Clock
) -> None:
    http = Http()

    async def check(**values: str) -> Finding:
        channels = build_channels({ONEBOT: values}, Surroundings(http, clock))
        return await check_channel(channels[ONEBOT], database, NOW)

    missing, fine = await check(), await check(**stage.values())
    refused = await check(**stage.values() | {"access_token": "a wrong one"})
    sealed = sealer.seal("token", TOKEN_CONTEXT)
    until = {"onebot:a": NOW + timedelta(hours=1), "onebot:b": NOW - timedelta(hours=1), "feishu:a": NOW}
    tokens = [PlatformToken(school_id=1, name=name, sealed_token=sealed, expires_at=at) for name, at in until.items()]

    async def work(session: Session) -> None:
        session.add_all(tokens)

    await database.write(work)
    with_token = await check(**stage.values())
    await stage.stop()
    away = await check(**stage.values())
    await http.close()

    found = (missing, fine, refused, with_token, away)
    assert [one.state for one in found] == ["fault", "ok", "fault", "ok", "fault"]
    assert {one.check for one in found} == {"channel onebot"}
    assert missing.words == "缺设置 WARDEN_ONEBOT_API_BASE"
    assert (fine.words, with_token.words) == ("护校小警", "护校小警，令牌到 2026-11-23T05:00:00.000000+00:00")
    assert (refused.words, refused.remedy != "") == ("平台不认我们的凭证（403）", True)
    assert away.words.startswith("连不上平台（")
    assert not [secret for secret in (TOKEN, "a wrong one", stage.base) if secret in str(found)]


@pytest.mark.parametrize(
    ("secrets", "state", "words"),
    [
        ({}, None, ""),
        ({"": "s"}, "ok", "同一个"),
        ({"gate": "s", "one-tap": "t"}, "ok", "各有"),
        ({"gate": "s"}, "warning", "没有密钥的报警来源：one-tap"),
        ({"gate": "s", "one-tap": "t", "gaet": "u"}, "warning", "不认识的来源：gaet"),
    ],
)
def test_sources_of_alarms_without_a_secret_are_named(secrets: dict[str, str], state: str | None, words: str) -> None:
    found = check_alarms({name: AlarmSource(name, name) for name in ("gate", "one-tap")}, secrets)

    assert [one.state for one in found] == ([state] if state else [])
    assert all(words in one.words for one in found)


async def test_emergencies_that_no_key_opens_are_a_fault(spool: Spool, tmp_path: Path) -> None:
    (tmp_path / "spool").mkdir()
    (tmp_path / "spool" / "20261123040000000000-abcdef.unreadable").write_bytes(b"x")

    (found,) = check_spool(spool, tmp_path / "spool")

    assert (found.state, "打不开" in found.words, "旧密钥" in found.remedy) == ("fault", True, True)

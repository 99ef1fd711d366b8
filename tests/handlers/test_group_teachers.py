"""Groups into which a teacher posts, as they stand in a groups file; and what a new address mends."""

from pathlib import Path

import pytest

from tests.classroom import findings
from tests.factories import NOW, add_groups, make_group
from tests.handlers.test_group import HEAD, save, take
from warden_bot.channels.registry import Channels
from warden_bot.errors import FaultsFound
from warden_bot.handlers.group import read_groups, vague_addresses
from warden_bot.states import ChannelKind, FindingKind
from warden_bot.store.database import Database, Session
from warden_bot.store.findings import note
from warden_bot.store.groups import ADDRESS, SECRET, Group, GroupCount, all_groups
from warden_bot.store.sealing import Sealer

HOOK = "https://school.example/hook?class=211"


def row(code: str, address: str, teacher_address: str = "", channel: str = "relay") -> str:
    return f"{code},{code}班,class,高三,{channel},{address},,张老师,{teacher_address},"


async def groups(database: Database) -> list[Group]:
    async with database.read() as session:
        return await all_groups(session)


@pytest.mark.parametrize(
    ("address", "teacher_address", "used", "kept"),
    [
        ("link", "", "link", ""),
        ("", "", "link", ""),
        ("网页", "办公室 8001", "网页", "办公室 8001"),  # a note for people
        (HOOK, "", HOOK, ""),
        ("wecom_app:zhang01", "办公室 8001", "wecom_app:zhang01", "办公室 8001"),
        ("link", "wecom_app:zhang01", "wecom_app:zhang01", ""),  # it opens a chat, so it is kept sealed only
        ("", HOOK, HOOK, ""),
    ],
)
async def test_teacher_stands_in_either_column(
    database: Database,
    channels: Channels,
    sealer: Sealer,
    tmp_path: Path,
    address: str,
    teacher_address: str,
    used: str,
    kept: str,
) -> None:
    path = save(tmp_path, [HEAD, row("c211", address, teacher_address)])

    counts = [await take(database, path, channels, sealer) for _ in range(2)]

    (group,) = await groups(database)
    assert counts == [GroupCount(1, 0, 0, 0), GroupCount(0, 0, 1, 0)]
    assert (sealer.open(group.sealed_address, ADDRESS), group.teacher_address) == (used, kept)
    assert (group.channel, group.takes_key) == (ChannelKind.RELAY, True)
    assert used == "link" or used not in str(group.model_dump())


@pytest.mark.parametrize(
    ("address", "teacher_address"),
    [
        ("wecm_app:secret77", ""),
        ("wecom_app：secret77", ""),
        ("wecom_robot:secret77", ""),
        ("secret77 secret77", ""),
        ("class/secret77", ""),
        ("link", "wecm_app:secret77"),
        ("link", "wecom_app：secret77"),
        ("", "电话:secret77"),
    ],
)
def test_address_that_reaches_no_teacher_is_refused_in_one_clear_line(
    channels: Channels, tmp_path: Path, address: str, teacher_address: str
) -> None:
    path = save(tmp_path, [HEAD, row("c210", "link"), row("c211", address, teacher_address)])

    with pytest.raises(FaultsFound) as found:
        read_groups(path, channels)

    (fault,) = found.value.faults
    assert (fault.file, fault.line) == ("groups.csv", 3)
    assert "地址写 link" in fault.reason
    assert "wecom_app:zhanglaoshi" in fault.reason
    assert "secret77" not in str(found.value)


def test_what_is_wrong_with_the_teacher_s_own_address_is_said(channels: Channels, tmp_path: Path) -> None:
    path = save(tmp_path, [HEAD, row("c211", "dingtalk:https://secret77.example")])

    with pytest.raises(FaultsFound, match="不要整个网址") as found:
        read_groups(path, channels)

    assert "secret77" not in str(found.value)


async def test_one_teacher_may_have_several_classes_and_other_channels_know_no_teacher(
    database: Database, channels: Channels, sealer: Sealer, tmp_path: Path
) -> None:
    shared = [row(f"c{number}", "link", "wecom_app:zhang01") for number in (211, 212)] + [row("c213", "link")]
    first = await take(database, save(tmp_path, [HEAD, *shared]), channels, sealer)
    later = [row("c214", "link"), row("c215", "wecom_app:zhang01"), row("c216", "key-1", "note:1", "wecom_robot")]
    second = await take(database, save(tmp_path, [HEAD, *later]), channels, sealer)

    assert (first.added, second.added) == (3, 3)
    assert {group.code: group.teacher_address for group in await groups(database)}["c216"] == "note:1"


async def test_new_address_mends_what_was_found_about_the_old_one_and_the_same_does_not(
    database: Database, channels: Channels, sealer: Sealer, tmp_path: Path
) -> None:
    broken = [make_group(sealer, code, channel=ChannelKind.RELAY, address="link") for code in ("c211", "c212")]
    for group in broken:
        group.route_broken_at, group.route_broken_code = NOW, "route_broken"
    await add_groups(database, *broken)

    async def find(session: Session) -> None:
        for group in broken:
            await note(session, FindingKind.ROUTE_BROKEN, group.code, "", NOW)

    await database.write(find)
    path = save(tmp_path, [HEAD, row("c211", "wecom_app:zhang01"), row("c212", "link")])
    await take(database, path, channels, sealer)

    assert sorted(await findings(database)) == [("route_broken", "c211", False), ("route_broken", "c212", True)]


async def test_group_whose_key_is_lost_is_imported_anew(
    database: Database, channels: Channels, sealer: Sealer, tmp_path: Path
) -> None:
    lost = make_group(Sealer([bytes(32)]), "c211", channel=ChannelKind.RELAY, address="link")
    lost.sealed_secret = Sealer([bytes(32)]).seal("a secret", SECRET)
    await add_groups(database, lost, make_group(Sealer([bytes(32)]), "c212", channel=ChannelKind.WECOM_ROBOT))

    count = await take(database, save(tmp_path, [HEAD, row("c211", "wecom_app:zhang01")]), channels, sealer)

    group = (await groups(database))[0]
    assert count == GroupCount(0, 1, 0, 0)
    assert (sealer.open(group.sealed_address, ADDRESS), group.sealed_secret) == ("wecom_app:zhang01", None)


def test_word_that_names_no_channel_is_pointed_out_unless_it_is_link(tmp_path: Path, channels: Channels) -> None:
    rows = [row("c211", "link"), row("c212", "zhanglaoshi"), row("c213", "wecom_app:zhang01"), row("c214", HOOK)]

    (hint,) = vague_addresses(read_groups(save(tmp_path, [HEAD, *rows]), channels), channels)

    assert hint.startswith("groups.csv:3: 地址没有写渠道")

from pathlib import Path

import openpyxl
import pytest
from sqlmodel import select

from tests.factories import NOW, add_groups, make_group
from warden_bot.channels.registry import Channels
from warden_bot.errors import FaultsFound
from warden_bot.handlers.group import COLUMNS, import_groups, read_groups, unknown_people
from warden_bot.states import ChannelKind, GroupStatus
from warden_bot.store.audit import AuditEntry
from warden_bot.store.database import Database
from warden_bot.store.groups import ADDRESS, Group, GroupCount, all_groups
from warden_bot.store.sealing import Sealer

HEAD = "code,name,kind,grade,channel,address,secret,teacher,teacher_address,officer"
GOOD = [
    HEAD,
    "campus,校园总群,campus,,wecom_robot,key-0,,,,",
    "c211,高三211班,class,高三,wecom_robot,key-211,,张老师,,值班民警甲",
]


def save(folder: Path, rows: list[str], encoding: str = "utf-8", name: str = "groups.csv") -> Path:
    path = folder / name
    path.write_bytes("\r\n".join(rows).encode(encoding))
    return path


async def take(
    database: Database, path: Path, channels: Channels, sealer: Sealer, *, prune: bool = False
) -> GroupCount:
    file = read_groups(path, channels)
    return await database.write(
        lambda session: import_groups(session, file, channels, sealer, "cli:test", NOW, prune=prune)
    )


async def codes(database: Database, *, retired: bool = False) -> list[str]:
    async with database.read() as session:
        return [group.code for group in await all_groups(session, retired=retired)]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_file_is_read_in_any_encoding_a_spreadsheet_writes(tmp_path: Path, channels: Channels, encoding: str) -> None:
    file = read_groups(save(tmp_path, GOOD, encoding), channels)

    assert [(row.line, row.code, row.name) for row in file.rows] == [
        (2, "campus", "校园总群"),
        (3, "c211", "高三211班"),
    ]


def test_xlsx_is_read_with_its_row_numbers(tmp_path: Path, channels: Channels) -> None:
    book = openpyxl.Workbook()
    assert book.active is not None
    book.active.append(list(COLUMNS))
    book.active.append([211, "高三211班", "class", "高三", "wecom_robot", "key-211", None, None, None, None])
    book.active.append([None] * 10)
    book.active.append([212, "高三212班", "class", "高三", "nowhere", "key-212", None, None, None, None])
    book.save(tmp_path / "groups.xlsx")

    with pytest.raises(FaultsFound) as found:
        read_groups(tmp_path / "groups.xlsx", channels)

    (fault,) = found.value.faults
    assert fault.line == 4
    assert "channel“nowhere”不认识" in fault.reason


FAULTS = [
    ("missing column", ["code,name,kind,channel", "a,b,class,sandbox"], [(1, "缺少列 address")]),
    ("unknown column", [HEAD + ",colour", GOOD[1] + ",red"], [(1, "不认识的列 colour")]),
    ("column twice", [HEAD + ",code", GOOD[1] + ",x"], [(1, "列 code 写了两次")]),
    (
        "a quote without its end",
        [HEAD, 'a,b,class,,sandbox,x,,"王老师,,', "d,e,class,,sandbox,y,,,,"],
        [(3, "CSV 写法不对")],
    ),
    ("no headings at all", ["a,b,class,,wecom_robot,693a91f6-SECRET,,,,"], [(1, "第一行要有列名")]),
    (
        "a key in the wrong column",
        [HEAD, "a,b,class,693a91f6-SECRET,key-1,,,,,"],
        [(2, "缺少 address"), (2, "channel不认识")],
    ),
    ("one cell too many", [HEAD, "a,b,class,,sandbox,x,,,,,y"], [(2, "格子比列名多")]),
    ("code with a plus", [HEAD, "a+b,n,class,,sandbox,x,,,,"], [(2, "代号“a+b”里不能有")]),
    ("empty file", [""], [(0, "是空的")]),
    ("only headings", [HEAD], [(1, "只有列名")]),
    ("duplicate code", [*GOOD, "c211,又一个,class,,sandbox,x,,,,"], [(4, "代号 c211 和第 3 行重复")]),
    ("same robot twice", [*GOOD, "c212,又一个,class,,wecom_robot,key-211,,,,"], [(4, "地址和第 3 行重复")]),
    ("unknown channel", [HEAD, "a,b,class,,wechat,x,,,,"], [(2, "channel“wechat”不认识")]),
    ("unknown kind", [HEAD, "a,b,club,,sandbox,x,,,,"], [(2, "kind“club”不认识")]),
    ("bad address", [HEAD, "a,b,class,,wecom_robot,https://x?key=1,,,,"], [(2, "不要整个网址")]),
    ("bad URL", [HEAD, "a,b,class,,webhook,example,,,,"], [(2, "http://")]),
    ("empty cells", [HEAD, ",,class,,sandbox,,,,,"], [(2, "缺少 code"), (2, "缺少 name"), (2, "缺少 address")]),
    ("space in the code", [HEAD, "a b,n,class,,sandbox,x,,,,"], [(2, "里不能有空格")]),
    ("long cell", [HEAD, f"a,{'长' * 501},class,,sandbox,x,,,,"], [(2, "name 太长")]),
    (
        "every bad row is named",
        [HEAD, "a,b,class,,wechat,x,,,,", GOOD[1], "d,e,club,,sandbox,y,,,,"],
        [(2, "wechat"), (4, "club")],
    ),
    ("a line break in a cell", [HEAD, 'a,"b', 'c",class,,sandbox,x,,,,'], [(2, "有个格子里换了行")]),
]


@pytest.mark.parametrize(
    ("rows", "faults"), [(rows, faults) for _, rows, faults in FAULTS], ids=[one[0] for one in FAULTS]
)
async def test_faulty_file_names_every_row_and_imports_nothing(
    database: Database,
    channels: Channels,
    sealer: Sealer,
    tmp_path: Path,
    rows: list[str],
    faults: list[tuple[int, str]],
) -> None:
    with pytest.raises(FaultsFound) as found:
        await take(database, save(tmp_path, rows), channels, sealer)

    assert [fault.line for fault in found.value.faults] == [line for line, _ in faults]
    assert "SECRET" not in str(found.value)
    assert all(words in fault.reason for fault, (_, words) in zip(found.value.faults, faults, strict=True))
    assert await codes(database) == []


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("groups.csv", b"\xff\x00\xfe\x81"),
        ("groups.xlsx", b"PK\x03\x04 not a workbook"),
        ("groups.csv", b"a\x00b,c\n1,2"),
    ],
)
def test_file_that_is_no_table_is_refused(tmp_path: Path, channels: Channels, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)

    with pytest.raises(FaultsFound):
        read_groups(tmp_path / name, channels)


def test_file_that_is_not_there_is_refused(tmp_path: Path, channels: Channels) -> None:
    with pytest.raises(FaultsFound, match="读不了"):
        read_groups(tmp_path / "nowhere.csv", channels)


async def test_second_import_updates_by_code_and_leaves_the_rest(
    database: Database, channels: Channels, sealer: Sealer, tmp_path: Path
) -> None:
    assert await take(database, save(tmp_path, GOOD), channels, sealer) == GroupCount(2, 0, 0, 0)
    assert await take(database, save(tmp_path, GOOD), channels, sealer) == GroupCount(0, 0, 2, 0)
    changed = [HEAD, "c211,高三211班,class,高三,wecom_robot,key-new,,张老师,,"]

    assert await take(database, save(tmp_path, changed), channels, sealer) == GroupCount(0, 1, 0, 0)

    async with database.read() as session:
        group = (await session.exec(select(Group).where(Group.code == "c211"))).one()
        audited = (await session.exec(select(AuditEntry))).all()
    assert sealer.open(group.sealed_address, ADDRESS) == "key-new"
    assert await codes(database) == ["c211", "campus"]
    assert len(audited) == 3


async def test_prune_retires_what_the_file_leaves_out_and_import_brings_it_back(
    database: Database, channels: Channels, sealer: Sealer, tmp_path: Path
) -> None:
    await take(database, save(tmp_path, GOOD), channels, sealer)

    count = await take(database, save(tmp_path, GOOD[:2]), channels, sealer, prune=True)

    assert count.retired == 1
    assert await codes(database) == ["campus"]
    assert await codes(database, retired=True) == ["c211", "campus"]
    assert (await take(database, save(tmp_path, GOOD), channels, sealer)).changed == 1
    assert await codes(database) == ["c211", "campus"]


async def test_address_of_a_group_that_the_file_does_not_name_is_refused(
    database: Database, channels: Channels, sealer: Sealer, tmp_path: Path
) -> None:
    await add_groups(database, make_group(sealer, "old", channel=ChannelKind.WECOM_ROBOT, address="key-211"))

    with pytest.raises(FaultsFound, match="已经是群 old 的"):
        await take(database, save(tmp_path, GOOD), channels, sealer)

    assert await codes(database) == ["old"]


async def test_two_groups_may_swap_their_addresses(
    database: Database, channels: Channels, sealer: Sealer, tmp_path: Path
) -> None:
    await take(database, save(tmp_path, GOOD), channels, sealer)
    swapped = [HEAD, GOOD[1].replace("key-0", "key-211"), GOOD[2].replace("key-211", "key-0")]

    assert (await take(database, save(tmp_path, swapped), channels, sealer)).changed == 2


async def test_webhook_groups_may_share_one_receiver(
    database: Database, channels: Channels, sealer: Sealer, tmp_path: Path
) -> None:
    rows = [HEAD, *(f"c{number},班,class,,webhook,http://127.0.0.1:9/hook,,,," for number in range(3))]

    assert (await take(database, save(tmp_path, rows), channels, sealer)).added == 3


async def test_ten_thousand_rows_are_imported_whole(
    database: Database, channels: Channels, sealer: Sealer, tmp_path: Path
) -> None:
    rows = [HEAD, *(f"c{number},{number}班,class,高三,wecom_robot,key-{number},,,," for number in range(10_000))]

    assert (await take(database, save(tmp_path, rows), channels, sealer)).added == 10_000


async def test_keys_are_sealed_in_the_database(
    database: Database, channels: Channels, sealer: Sealer, tmp_path: Path
) -> None:
    await take(database, save(tmp_path, [HEAD, "a,b,class,,wecom_robot,693a91f6-secret,,,,"]), channels, sealer)

    async with database.read() as session:
        (group,) = await all_groups(session)
    assert group.status is GroupStatus.ACTIVE
    assert b"693a91f6" not in group.sealed_address


async def test_unknown_officer_is_only_a_hint(database: Database, channels: Channels, tmp_path: Path) -> None:
    file = read_groups(save(tmp_path, GOOD), channels)

    async with database.read() as session:
        assert await unknown_people(session, file) == ["groups.csv:3: 没有叫“值班民警甲”的民警"]

import base64
import gzip
import json
import logging
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import pytest
from aiohttp.test_utils import TestClient, TestServer

from tests.alarms import guard, talk
from tests.conftest import CONTENT, Clock, Mailroom
from tests.desk import cases, handle, rows, said
from tests.factories import NOW, add_officer_on_duty, add_school, make_message
from tests.handlers.test_chat_pictures import photo
from tests.hidden_words import pieces_found
from tests.plain_database import PlainDatabase
from tests.postgres import EmbeddedPostgres
from tests.site import make_house
from tests.web.test_console import post, sign_in
from warden_bot.content.library import Library
from warden_bot.content.shelf import Shelf
from warden_bot.domain.message import Media, Sender
from warden_bot.handlers.dispatch import Desk
from warden_bot.handlers.intake import receive
from warden_bot.states import SenderRole
from warden_bot.store.cases import Tip
from warden_bot.store.database import sqlite_path
from warden_bot.store.doors import Doors
from warden_bot.store.officers import Officer
from warden_bot.store.spool import Spool
from warden_bot.store.tables import TABLES
from warden_bot.store.tip_media import TipMedia
from warden_bot.web.routes import build_site

PRIVATE = "举报：粮油铺阁楼里，穿橘黄马甲的瘸腿汉子，每晚把烟弹卖给学生"
IN_GROUP = "举报：澡堂后院的皮卡车，后座藏着三箱烟花，学生都去买"
ADDED = "汉子绰号锅盖，左耳缺一块，摩托尾数七九三"
SPOOLED = "救命，水塔底下的哑巴掉进蓄水池了"
SCAM = "家长们好，我是班主任，刚换了手机，资料费四百六十八，扫码转给我的橙子账户"
GUIDED = "养鱼棚西门，卷毛青年每周六兜售跳跳糖丸给学生"
CONTACT = "我电邮 miaocuicui@kuihua.example，叫苗翠翠"
ANSWERED, NOTED = "苗家灰瓦房旁我们蹲守了两宿", "卷毛姓钮祜禄，表舅开榨油坊"
JOINED = Sender("openid-赤橙黄绿青", "溪边浣纱的姥姥", SenderRole.PARENT)
TELLER = Sender("openid-魏紫姚黄楼东", "橘子洲头听雨翁", SenderRole.PARENT)
SECRETS = (PRIVATE, IN_GROUP, ADDED, SPOOLED, SCAM, TELLER.id, TELLER.name)


@pytest.fixture(scope="module")
def known() -> str:
    """Everything that our own texts say anyway."""
    paths = [path for path in CONTENT.rglob("*") if path.suffix in {".md", ".yml", ".txt"}]
    return "\n".join(path.read_text(encoding="utf-8") for path in paths)


def dump(url: str) -> bytes:
    """Every row of every table, as somebody sees it who has only the database."""
    database = PlainDatabase(url)
    rows = [database.rows(f"SELECT * FROM {table.__tablename__}") for table in TABLES]
    cells = [cell for table in rows for row in table for cell in row]
    plain = [cell if isinstance(cell, bytes) else str(cell).encode() for cell in cells]
    return b"\n".join(plain) + json.dumps(rows, default=lambda cell: bytes(cell).hex()).encode()


def database_files(url: str, request: pytest.FixtureRequest) -> Iterator[bytes]:
    path = sqlite_path(url)
    if path is not None:
        yield from (one.read_bytes() for one in path.parent.glob(f"{path.name}*"))
        return
    postgres: EmbeddedPostgres = request.getfixturevalue("postgres")
    postgres.execute("CHECKPOINT", "warden")
    number = PlainDatabase(url).number("SELECT oid FROM pg_database WHERE datname = current_database()")
    data = postgres.folder / "data"
    for folder in (data / "base" / str(number), data / "pg_wal"):
        yield b"".join(one.read_bytes() for one in folder.iterdir() if one.is_file())


async def test_no_piece_of_a_tip_stands_anywhere_in_clear(
    desk: Desk,
    library: Library,
    mailroom: Mailroom,
    spool: Spool,
    known: str,
    database_url: str,
    request: pytest.FixtureRequest,
    caplog: pytest.LogCaptureFixture,
    tmp_path: Path,
) -> None:
    caplog.set_level(logging.DEBUG)
    await add_school(desk.database, desk.sealer)
    await add_officer_on_duty(desk.database, desk.sealer, "甲")

    told = [PRIVATE, ADDED, SPOOLED]
    replies = [await handle(desk, library, make_message(text, sender=TELLER)) for text in told]
    replies.append(await handle(desk, library, make_message(IN_GROUP, sender=TELLER, group="c001", addressed=False)))
    warned = await guard(desk, library, talk(SCAM, "c002", sender=TELLER))
    await spool.keep(make_message(SPOOLED, sender=TELLER), mailroom.post.clock())
    await mailroom.send_due()

    assert len(await cases(desk)) == 4
    notices = "\n".join(await said(desk, "private:甲"))
    assert all(text in notices for text in (PRIVATE, IN_GROUP, SCAM))  # the officer reads them
    spooled = b"\n".join(path.read_bytes() for path in (tmp_path / "spool").iterdir())
    seen = [dump(database_url), spooled, caplog.text.encode(), repr((replies, warned)).encode()]
    for words in SECRETS:
        assert [pieces_found(words, blob, known) for blob in seen] == [set()] * len(seen)
    for blob in database_files(database_url, request):
        assert [pieces_found(words, blob, known, wrapped=False) for words in SECRETS] == [set()] * len(SECRETS)


async def test_no_piece_of_a_guided_or_joined_tip_its_picture_or_an_officer_s_words_stands_anywhere_in_clear(
    desk: Desk,
    library: Library,
    mailroom: Mailroom,
    spool: Spool,
    clock: Clock,
    shelf: Shelf,
    known: str,
    database_url: str,
    request: pytest.FixtureRequest,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    await add_school(desk.database, desk.sealer)
    officer = await add_officer_on_duty(desk.database, desk.sealer, "甲")
    picture = Media("image", base64.b64encode(photo()).decode())

    replies = [await handle(desk, library, make_message(text, sender=TELLER)) for text in ("我要举报", GUIDED, CONTACT)]
    sent = make_message("", sender=TELLER, media=(picture,))
    replies.append(await receive(desk, spool, sent, library, "11月23日", NOW) or replies[0])
    replies.append(await handle(desk, library, make_message(f"举报：{GUIDED}", sender=JOINED)))
    (case,) = await cases(desk)
    pages = await visit_console(desk, spool, clock, shelf, officer, case.code)
    await mailroom.send_due()

    assert (len(await rows(desk, Tip)), len(await rows(desk, TipMedia))) == (4, 1)
    opened, looked, *others = pages
    assert [GUIDED in opened, "data:image/jpeg" in looked, NOTED in opened] == [True, True, True]
    assert CONTACT[:20] not in opened  # who reported is opened with a reason, and not here
    assert "2 个人举报了这件事，都能看到这句" in opened  # one reporter reads what is written to the other
    secrets = (GUIDED, CONTACT, ANSWERED, NOTED, TELLER.id, TELLER.name, JOINED.id, JOINED.name)
    seen = [dump(database_url), caplog.text.encode(), repr(replies).encode(), "\n".join(others).encode()]
    for words in secrets:
        assert [pieces_found(words, blob, known) for blob in seen] == [set()] * len(seen)
    for blob in database_files(database_url, request):
        assert b"JFIF" not in blob
        assert [pieces_found(words, blob, known, wrapped=False) for words in secrets] == [set()] * len(secrets)


async def visit_console(desk: Desk, spool: Spool, clock: Clock, shelf: Shelf, officer: Officer, code: str) -> list[str]:
    """Work on a case in the console; return the page with the words, that with the pictures, and all the others."""
    house = make_house(replace(desk, public_url="http://127.0.0.1"), spool, clock, shelf, demo=False)
    path, doors = f"/console/cases/{code}", Doors("", desk.sealer)
    async with TestClient(TestServer(build_site(house))) as client:
        form = await sign_in(client, doors, officer, clock)
        done = [
            await post(client, path, form=form, do=do, words=words)
            for do, words in (("take", ""), ("note", NOTED), ("answer", ANSWERED))
        ]
        opened = [await post(client, path, form=form, do=do) for do in ("words", "pictures")]
        linked = await client.get(doors.case(officer.id or 0, code, clock()))
        rooms = [await client.get(room) for room in ("/console", path, "/console/handover", "/console/roster")]
        others = [f"{one.headers} {one.url} {await one.text()}" for one in (*done, linked, *rooms)]
        assert [one.status for one in (*done, *opened, linked, *rooms)] == [303] * 3 + [200] * 7
        return [*[await one.text() for one in opened], *others]


@pytest.mark.parametrize(
    "hidden",
    [
        PRIVATE.encode(),
        PRIVATE.encode("utf-16-le"),
        json.dumps({"text": PRIVATE}).encode(),
        quote(PRIVATE).encode(),
        PRIVATE.encode().hex().encode(),
        base64.b64encode(PRIVATE.encode()),
        base64.urlsafe_b64encode(b"?" + PRIVATE.encode()).rstrip(b"="),
        b"row " + zlib.compress(PRIVATE.encode()) + b" end",
        json.dumps({"z": base64.b64encode(gzip.compress(json.dumps([PRIVATE]).encode())).decode()}).encode(),
    ],
)
def test_whoever_looks_would_find_it(hidden: bytes, known: str) -> None:
    assert "瘸腿汉子" in pieces_found(PRIVATE, hidden, known)

"""Photos in a private chat: fetched before the message is stored, made anew, sealed into the case; officers open them."""

import asyncio
import base64
import io
from pathlib import Path

import pytest
from PIL import Image

from tests.command_line import CommandLine
from tests.conftest import CONTENT
from tests.desk import TIP, cases, events, rows
from tests.factories import NOW, add_officer_on_duty, make_message
from warden_bot.content.library import Library
from warden_bot.domain.message import Media
from warden_bot.errors import AccessDenied
from warden_bot.handlers.chat_pictures import open_pictures
from warden_bot.handlers.dispatch import Desk
from warden_bot.handlers.intake import receive
from warden_bot.states import CaseEventKind, OfficerRole
from warden_bot.store.cases import TIP_TEXT, Tip
from warden_bot.store.spool import Spool
from warden_bot.store.tip_media import TipMedia

HIDDEN = b"GPSLatitude 31.7542"


def photo(colour: str = "red") -> bytes:
    written = io.BytesIO()
    Image.new("RGB", (64, 48), colour).save(written, "JPEG", comment=HIDDEN)
    return written.getvalue() + b"PK\x03\x04 a second file"  # a polyglot: only what can be seen is kept


def image(raw: bytes) -> Media:
    return Media("image", base64.b64encode(raw).decode())


async def send(desk: Desk, spool: Spool, library: Library, text: str = "", *media: Media) -> str:
    reply = await receive(desk, spool, make_message(text, media=media), library, "11月23日", NOW)
    assert reply is not None
    return reply.text or ""


async def test_picture_joins_a_fresh_case_made_anew_and_officers_open_it(
    desk: Desk, library: Library, spool: Spool
) -> None:
    await send(desk, spool, library, TIP)
    said = await send(desk, spool, library, "", image(photo()))
    officer = await add_officer_on_duty(desk.database, desk.sealer, "甲")
    keeper = await add_officer_on_duty(desk.database, desk.sealer, "网管", role=OfficerRole.OPERATOR)

    (case,) = await cases(desk)
    ((picture, media_type),) = await desk.database.write(
        lambda session: open_pictures(session, case.code, officer, desk.sealer, NOW)
    )

    assert said.startswith("图片收到了")
    assert case.code in said
    assert (media_type, picture[:2], HIDDEN in picture, b"PK\x03\x04" in picture) == (
        "image/jpeg",
        b"\xff\xd8",
        False,
        False,
    )
    assert {CaseEventKind.TIP_ADDED, CaseEventKind.OPENED_WORDS} <= set(await events(desk, case))
    with pytest.raises(AccessDenied):
        await desk.database.write(lambda session: open_pictures(session, case.code, keeper, desk.sealer, NOW))


@pytest.mark.parametrize(
    "media",
    [Media("image", "?"), image(b"%PDF-1.4 no picture"), image(photo() + bytes(10 * 1024 * 1024)), Media("voice", "v")],
    ids=["refused", "no picture", "too large", "a voice"],
)
async def test_what_cannot_be_kept_gets_one_line_and_the_case_says_so(
    desk: Desk, library: Library, spool: Spool, media: Media
) -> None:
    await send(desk, spool, library, TIP)
    said = await send(desk, spool, library, "", media)

    tip = (await rows(desk, Tip))[-1]
    assert isinstance(tip, Tip)
    assert (said.startswith("有图片没收下"), len(said.splitlines())) == (True, 1)
    assert "没有取到" in desk.sealer.open(tip.sealed_text, TIP_TEXT)
    assert await rows(desk, TipMedia) == []


async def test_picture_alone_is_asked_about_and_in_a_talk_it_joins_the_case(
    desk: Desk, library: Library, spool: Spool
) -> None:
    alone = await send(desk, spool, library, "", image(photo()))
    await send(desk, spool, library, "我要举报")
    opened = await send(desk, spool, library, "北门小店卖电子烟给学生，中午都在", image(photo()))
    added = await send(
        desk, spool, library, "", *(image(photo(colour)) for colour in ("blue", "white", "black", "gray"))
    )

    (case,) = await cases(desk)
    assert alone.startswith("这张图是什么事")
    assert (case.code in opened, case.code in added, added.startswith("有图片没收下")) == (True, True, True)
    assert len(await rows(desk, TipMedia)) == 4  # of four at once, three are taken


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_pictures_are_saved_for_an_officer(desk: Desk, library: Library, spool: Spool, tmp_path: Path) -> None:
    await add_officer_on_duty(desk.database, desk.sealer, "甲")
    await send(desk, spool, library, TIP, image(photo()))
    (case,) = await cases(desk)
    key = bytes(range(32)).hex()
    settings = {"DATABASE_URL": desk.database.url, "SECRET_KEYS": key, "CONTENT_DIR": str(CONTENT)}

    folder = str(tmp_path / "pictures")
    saved = Path(folder, f"{case.code}-1.jpg")
    ended = await CommandLine(tmp_path, settings).run(
        "cases", "pictures", case.code, "--as", "甲", "--to", folder, "--json"
    )

    assert ended.code == 0, ended.err
    assert ended.json == {"code": case.code, "pictures": [str(saved)]}
    assert (await asyncio.to_thread(saved.read_bytes)).startswith(b"\xff\xd8")

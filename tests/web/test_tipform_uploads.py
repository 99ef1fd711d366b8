import io
import struct
import zlib
from collections.abc import AsyncIterator

import pytest
from PIL import Image

from tests.desk import cases, rows
from tests.site import Client
from tests.tip_pages import WHAT, challenge, code_of, form, picture, tell
from warden_bot.domain.picture import made_anew
from warden_bot.handlers.dispatch import Desk
from warden_bot.store.database import sqlite_path
from warden_bot.store.tables import TABLES
from warden_bot.store.tip_media import TipMedia, open_picture
from warden_bot.web.upload import PLACES, READERS

UNREAD = "有照片没收下：打不开"
POLYGLOT = b"GIF89a/*<html><script>alert(1)</script>*/=1;" + b"\x00" * 40
SCRIPT = b"<script>alert(1)</script>"


def bomb() -> bytes:
    """Return a PNG of a few hundred bytes that claims to be 60,000 by 60,000."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(b"\x00" * 1000))
        + chunk(b"IEND", b"")
    )


async def kept(desk: Desk) -> list[bytes]:
    return [open_picture(desk.sealer, row) for row in await rows(desk, TipMedia) if isinstance(row, TipMedia)]


async def test_photos_are_made_anew_and_sealed(client: Client, desk: Desk) -> None:
    sent = [picture("JPEG", maker="HIDDENMAKER"), picture("PNG", (10, 20)), picture("WEBP", (64, 64)) + SCRIPT]

    page = await (await tell(client, *sent)).text()

    opened = await kept(desk)
    assert UNREAD not in page
    sizes = [(Image.open(io.BytesIO(one)).format, Image.open(io.BytesIO(one)).size) for one in opened]
    assert [form for form, _ in sizes] == ["JPEG"] * 3
    assert [size for _, size in sizes][1:] == [(10, 20), (64, 64)]
    assert max(sizes[0][1]) <= 2000
    assert not any(b"HIDDENMAKER" in one or SCRIPT in one or b"Exif" in one for one in opened)


@pytest.mark.parametrize(
    "raw",
    [POLYGLOT, b"not a picture", bomb(), picture()[:200], b"\xff\xd8" + SCRIPT],
    ids=["polyglot", "words", "bomb", "half", "script"],
)
async def test_what_is_no_picture_is_left_out_and_the_tip_is_taken(client: Client, desk: Desk, raw: bytes) -> None:
    answer = await tell(client, raw, picture(size=(30, 30)))

    page = await answer.text()
    assert (answer.status, UNREAD in page, len(await kept(desk))) == (200, True, 1)
    assert code_of(page)
    assert len(await cases(desk)) == 1


async def test_photo_that_is_too_large_or_too_many_is_left_out_and_the_words_are_taken(
    client: Client, desk: Desk
) -> None:
    photo = b"\xff\xd8" + b"x" * (10 * 1024 * 1024)
    third = b"x" * (9 * 1024 * 1024)

    number_of_page = await challenge(client)
    for number, photos in enumerate(([photo], [third] * 3, [picture(size=(9, 9))] * 4)):
        words = f"{WHAT}{number}，有人拿刀砍人"  # a danger, so that no limit is in the way
        answer = await tell(client, *photos, what=words, challenge=number_of_page)
        assert (answer.status, UNREAD in await answer.text()) == (200, True)
    assert (len(await cases(desk)), len(await kept(desk))) == (1, 3)


async def test_words_are_stored_before_pictures_are_made(
    client: Client, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored: list[int] = []

    async def look(*_given: object) -> int:
        stored.append(len(await cases(desk)))
        return 0

    monkeypatch.setattr("warden_bot.web.tipform._keep_pictures", look)
    page = await (await tell(client, picture(size=(9, 9)))).text()

    assert (stored, UNREAD in page) == ([1], True)


async def test_at_most_so_many_hold_photos_at_once_and_words_wait_for_nobody(
    client: Client, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("warden_bot.web.upload.SEAT_SECONDS", 0.05)
    app = client.app
    assert app is not None
    for _ in range(READERS):
        await app[PLACES].acquire()

    answer = await tell(client, picture(size=(9, 9)))

    assert (answer.status, UNREAD in await answer.text(), len(await cases(desk))) == (200, True, 1)
    app[PLACES].release()
    assert UNREAD not in await (await tell(client, picture(size=(9, 9)))).text()
    assert not app[PLACES].locked()


@pytest.mark.parametrize(
    ("megabytes", "what", "status"), [(60, WHAT, 200), (120, WHAT, 400), (120, "操场有人拿刀砍人", 200)]
)
async def test_sixty_megabytes_without_a_length_are_read_past_and_more_is_sent_back_unless_it_is_a_danger(
    client: Client, desk: Desk, megabytes: int, what: str, status: int
) -> None:
    number = await challenge(client)

    async def body() -> AsyncIterator[bytes]:
        for name, words in (("challenge", number), ("what", what)):
            yield f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{words}\r\n'.encode()
        yield b'--b\r\nContent-Disposition: form-data; name="photos"; filename="a.jpg"\r\n\r\n'
        for _ in range(megabytes):
            yield b"x" * 1024 * 1024
        yield b"\r\n--b--\r\n"

    answer = await client.post("/tip", data=body(), headers={"Content-Type": "multipart/form-data; boundary=b"})

    taken = status == 200
    assert (answer.status, len(await cases(desk)), UNREAD in await answer.text()) == (status, int(taken), taken)


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("multipart/form-data; boundary=b", b"--b\r\nContent-Disposition: form-data; name=what\r\n\r\nhalf"),
        ("multipart/form-data; boundary=b", b"no form at all"),
        ("multipart/form-data", b""),
        ("application/json", b"{}"),
        ("application/x-www-form-urlencoded", b"x=&" * 40),
        ("application/x-www-form-urlencoded", b"what=" + b"x" * 200_000),
        ("multipart/form-data; boundary=b", b"--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--c--\r\n--b--"),
    ],
)
async def test_what_is_no_form_gets_one_kind_line(client: Client, desk: Desk, kind: str, body: bytes) -> None:
    answer = await client.post("/tip", data=body, headers={"Content-Type": kind})

    assert (answer.status, await cases(desk)) == (400, [])


async def test_nothing_that_was_told_lies_in_the_clear(
    client: Client, desk: Desk, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    await tell(client, picture(size=(40, 40), maker="HIDDENMAKER"), contact="微信叫大王甲乙丙", where="锅炉房后面")

    path = sqlite_path(database_url)
    raw = b"".join(one.read_bytes() for one in path.parent.glob("warden.db*")) if path else b""
    ours = [record.getMessage() for record in caplog.records if record.name.startswith(("warden_bot", "aiohttp"))]
    raw += "\n".join(ours).encode()
    for table in TABLES:
        for row in await rows(desk, table):
            for value in row.model_dump().values():
                raw += value if isinstance(value, bytes) else str(value).encode()
    for words in (WHAT, "微信叫大王甲乙丙", "锅炉房后面", "HIDDENMAKER"):
        pieces = [words[start : start + 4] for start in range(len(words) - 3)]
        assert [piece for piece in pieces if piece.encode() in raw] == []


def test_a_turned_picture_is_turned_upright_and_see_through_parts_are_white() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    turned, clear = io.BytesIO(), io.BytesIO()
    Image.new("RGB", (20, 10)).save(turned, "JPEG", exif=exif)
    Image.new("RGBA", (4, 4), (0, 0, 0, 0)).save(clear, "PNG")

    upright, white = made_anew(turned.getvalue()), made_anew(clear.getvalue())

    assert upright is not None
    assert white is not None
    assert Image.open(io.BytesIO(upright)).size == (10, 20)
    assert Image.open(io.BytesIO(white)).getpixel((1, 1)) == (255, 255, 255)


def test_photo_of_a_telephone_with_fifty_megapixels_is_kept_and_a_larger_one_is_not() -> None:
    written = io.BytesIO()
    Image.new("L", (8192, 6144), 200).save(written, "JPEG", quality=20)
    more = written.getvalue().replace(b"\x18\x00\x20\x00", b"\x18\x10\x20\x00", 1)  # it claims 16 lines more

    made = made_anew(written.getvalue())

    assert made is not None
    assert Image.open(io.BytesIO(made)).size == (2000, 1500)
    assert Image.open(io.BytesIO(more)).size == (8192, 6160)
    assert made_anew(more) is None


async def test_form_keeps_what_is_no_field_of_its_own_out(client: Client, desk: Desk) -> None:
    fields = {"what": WHAT, "challenge": await challenge(client), "code": "X", "status": "closed"}

    assert (await client.post("/tip", data=form(fields))).status == 200
    assert (await cases(desk))[0].status == "open"

"""What tests of the public form share: a filled form as a browser sends it, and pictures of all sorts."""

import io
import re

from aiohttp import ClientResponse, FormData
from PIL import Image

from tests.site import Client
from warden_bot.web.challenge import is_worked

WHAT = "北门小卖部躲在里屋卖电子烟给穿校服的"
GPS, MAKER = 0x8825, 0x010F


def picture(kind: str = "JPEG", size: tuple[int, int] = (3000, 2000), *, maker: str = "") -> bytes:
    exif = Image.Exif()
    if maker:
        exif[MAKER] = maker
        exif.get_ifd(GPS)[1] = "N"
    written = io.BytesIO()
    Image.new("RGB", size, (200, 30, 30)).save(written, kind, exif=exif)
    return written.getvalue()


async def challenge(client: Client, query: str = "") -> str:
    page = await (await client.get(f"/tip{query}")).text()
    (found,) = re.findall(r'name="challenge" value="([^"]+)"', page)
    return str(found)


def work_on(number: str) -> str:
    return str(next(answer for answer in range(10_000_000) if is_worked(number, str(answer))))


def form(fields: dict[str, str], *photos: bytes) -> FormData:
    data = FormData(default_to_multipart=True)
    for name, value in fields.items():
        data.add_field(name, value)
    for photo in photos:
        data.add_field("photos", io.BytesIO(photo), filename="photo.jpg", content_type="image/jpeg")
    return data


async def tell(client: Client, *photos: bytes, path: str = "/tip", **fields: str) -> ClientResponse:
    """Open the form, fill it in and send it, as a browser without JavaScript does."""
    given = {"what": WHAT, "challenge": await challenge(client), "work": "", "website": ""} | fields
    return await client.post(path, data=form(given, *photos))


def code_of(page: str) -> str:
    (code,) = re.findall(r'id="code">([0-9A-Z]{4}-[0-9A-Z]{4})<', page)
    return str(code)

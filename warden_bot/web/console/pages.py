"""What the console's pages share: their frame, the one list of rooms, who is looking, and that nobody else's page posts."""

import asyncio
import base64
import hmac
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from aiohttp import web

from warden_bot.errors import AccessDenied, LinkRefused, Refused, SealBroken
from warden_bot.handlers.console import MAY_ENTER, Room, enter
from warden_bot.handlers.signing_in import holder
from warden_bot.states import CaseEventKind, CaseStatus, NoteKind
from warden_bot.store.doors import Doors
from warden_bot.store.officers import Officer
from warden_bot.web.keys import HOUSE, House
from warden_bot.web.relay import TEMPLATES
from warden_bot.web.tippages import Answered

COOKIE, COOKIE_PATH, FORM = "warden_console", "/console", "form"
FORM_PURPOSE = "officer.form"
READ_SECONDS, MOST_FIELDS = 20.0, 20
HEADERS = {
    # same-origin, not no-referrer: with the latter browsers send no Origin that a form could be checked by.
    "Referrer-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; img-src data:; style-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex, nofollow",
    "Cache-Control": "no-store",
}
# The navigation: a room that is added stands here and in MAY_ENTER.
ROOMS = {
    Room.CASES: ("线索", "/console"),
    Room.ALERTS: ("警报", "/console/alerts"),
    Room.HANDOVER: ("交接班", "/console/handover"),
    Room.ROSTER: ("值班表", "/console/roster"),
}
STATUS_WORDS = {CaseStatus.OPEN: "没人接", CaseStatus.ACKNOWLEDGED: "有人负责", CaseStatus.CLOSED: "已结束"}
NOTE_WORDS = {NoteKind.NOTE: "记录", NoteKind.TO_REPORTER: "回举报人", NoteKind.FROM_REPORTER: "举报人说"}
EVENT_WORDS = {
    CaseEventKind.OPENED: "收到",
    CaseEventKind.NOTIFIED: "通知",
    CaseEventKind.NO_ONE_ON_DUTY: "没有人值班",
    CaseEventKind.NOTICE_FAILED: "没通知到",
    CaseEventKind.TIP_ADDED: "补充",
    CaseEventKind.ESCALATED: "再通知",
    CaseEventKind.ACKNOWLEDGED: "接了",
    CaseEventKind.OPENED_WORDS: "看了原话",
    CaseEventKind.OPENED_REPORTER: "看了是谁举报的",
    CaseEventKind.TRANSFERRED: "转岗位",
    CaseEventKind.NOTED: "记录",
    CaseEventKind.ANSWERED: "回话",
    CaseEventKind.REMINDED: "提醒",
    CaseEventKind.DUE_SET: "定期限",
    CaseEventKind.REOPENED: "重开",
    CaseEventKind.RECHECK_ASKED: "提醒复查",
    CaseEventKind.CLOSED: "结束",
}
NO_SESSION = "请先登录：私聊机器人发“登录”，点它回的网址。登录 12 小时内有效。"
GONE = "这个网页打不开：网址不完整，或者已经过期。"
USED = "这个网址用过了。还要登录，再私聊机器人发“登录”。"
CROSS_SITE = "这一步要在本网页上点。请退回去再点一次。"

BROKEN = "现在打不开，刚才点的可能没存上。过一分钟返回再看，一直不行告诉运维。"

log = logging.getLogger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Visit:
    """A signed-in officer, and what the forms of this session carry."""

    officer: Officer
    form: str = field(repr=False)


def doors_of(house: House) -> Doors:
    """Return what makes and reads officers' tokens."""
    return Doors("", house.sealer)


def guarded(handler: Handler) -> Handler:
    """Turn what is refused, and what fails, into a page of one line."""

    async def answer(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except Answered as answered:
            return answered.page
        except LinkRefused as refused:
            words = USED if refused.code == "used" else GONE
            return line_page(words, 404 if refused.code == "forged" else 410)
        except Refused as refused:
            denied = isinstance(refused, AccessDenied)
            return line_page(str(refused), 403 if denied else 409, back="" if denied else _way_back(request))
        except SealBroken:
            return line_page("原话打不开：缺少密钥，请告诉运维。", 503)
        except web.HTTPException:
            raise
        except Exception as error:  # noqa: BLE001 -- whatever the driver raises; a traceback could hold words
            log.error("a page of the console failed: %s", type(error).__name__)  # noqa: TRY400 -- a traceback could hold words
            return line_page(BROKEN, 503, back=request.path)

    return answer


def _way_back(request: web.Request) -> str:
    """Return where whoever was refused can go on: the page they posted from; a page that does not open leads to the list."""
    if request.method == "POST":
        return request.path
    return COOKIE_PATH if request.path.startswith(f"{COOKIE_PATH}/") else ""


def page(template: str, status: int = 200, **values: Any) -> web.Response:  # noqa: ANN401 -- what a template shows
    """Return a page of the console."""
    html = TEMPLATES.get_template(f"console/{template}").render({"rooms": (), "back": ""} | values)
    return web.Response(text=html, content_type="text/html", status=status, headers=HEADERS)


def room_page(visit: Visit, room: Room | None, template: str, **values: Any) -> web.Response:  # noqa: ANN401 -- what a template shows
    """Return a page inside the console, with the rooms that this officer may enter."""
    rooms = [(title, path, one is room) for one, (title, path) in ROOMS.items() if visit.officer.role in MAY_ENTER[one]]
    return page(template, rooms=rooms, form=visit.form, me=visit.officer.name, **values)


def line_page(line: str, status: int = 200, back: str = "") -> web.Response:
    """Return a page that says one line."""
    return page("line.html", status, line=line, back=back)


def see_other(path: str) -> web.Response:
    """Send a browser on to look at what came of it, so that loading again does nothing again."""
    return web.Response(status=303, headers=HEADERS | {"Location": path})


def data_address(picture: bytes, media_type: str) -> str:
    """Return a picture as it stands inside a page: no address of its own could be passed on."""
    return f"data:{media_type};base64,{base64.b64encode(picture).decode()}"


async def visit_of(request: web.Request, room: Room | None = None) -> Visit:
    """Return who is signed in. Raise Answered where nobody is, AccessDenied where their role does not enter."""
    house, cookie = request.app[HOUSE], request.cookies.get(COOKIE, "")
    try:
        held = doors_of(house).read_session(cookie, house.clock())
        async with house.database.read() as session:
            officer = await holder(session, held)
    except LinkRefused:
        raise Answered(line_page(NO_SESSION, 401)) from None
    if room is not None:
        enter(officer, room)
    return Visit(officer, house.sealer.sign(cookie.encode(), FORM_PURPOSE).hex())


async def posted(request: web.Request, room: Room | None = None) -> tuple[Visit, Mapping[str, str]]:
    """Return who posts what. Raise Answered for what no page of this session sent."""
    require_same_origin(request)
    visit = await visit_of(request, room)
    fields = await fields_of(request)
    require_form(visit, fields.get(FORM, ""))
    return visit, fields


def require_form(visit: Visit, form: str) -> None:
    """Raise Answered for a form that no page of this session made."""
    if not hmac.compare_digest(form.encode(), visit.form.encode()):
        raise Answered(line_page(CROSS_SITE, 403))


def require_same_origin(request: web.Request) -> None:
    """Raise Answered for a form of another site. Every browser of the last years says where a form comes from."""
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin", "")
    ours = {request.host, urlsplit(request.app[HOUSE].desk.public_url).netloc}
    if site not in (None, "same-origin") or not origin or urlsplit(origin).netloc not in ours - {""}:
        raise Answered(line_page(CROSS_SITE, 403))


async def fields_of(request: web.Request) -> Mapping[str, str]:
    """Read a small form. Raise Answered when it is none."""
    try:
        async with asyncio.timeout(READ_SECONDS):
            body = await request.read()
        pairs = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except (ValueError, TimeoutError, web.HTTPException):
        raise Answered(line_page("写得太长了，请短一点。", 413)) from None
    return {name: value.replace("\r\n", "\n").replace("\x00", "").strip() for name, value in pairs}

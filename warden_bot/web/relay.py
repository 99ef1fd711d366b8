"""/relay/…: the page on which a class teacher finds a text, copies it, and says that it is posted. No account of any kind.

Whoever has a page's address may open it, so a page shows the one text that it was made for and nothing else. Looking at
it changes nothing: messengers fetch addresses by themselves to show what is behind them.
"""

from datetime import timedelta
from pathlib import Path

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from warden_bot.errors import LinkRefused
from warden_bot.handlers.lessons import lesson_path, lessons_for
from warden_bot.handlers.relaying import class_of, confirm_heard, confirm_posted, opened
from warden_bot.states import DeliveryStatus
from warden_bot.store.acknowledgements import open_questions
from warden_bot.store.class_cards import card_of
from warden_bot.store.links import Purpose
from warden_bot.store.posts import picture_of_post, posts_waiting_for
from warden_bot.web.keys import HOUSE

STATIC = Path(__file__).parent / "pages"
TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True, undefined=StrictUndefined
)
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; img-src 'self' data: blob:; style-src 'self'; script-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex, nofollow",
    "Cache-Control": "no-store",
}
OVER = {
    DeliveryStatus.RELAYED: "已经发了，谢谢。这条不用再发。",
    DeliveryStatus.SENT: "已经发了，谢谢。这条不用再发。",  # the group is reached without a teacher by now
    DeliveryStatus.CANCELLED: "这条已经撤回，请不要发。已经发了的，请在群里说一声以派出所最新消息为准。",
    DeliveryStatus.EXPIRED: "这条已经过期，不用发了。",
}
HEARD = "收到了，谢谢。"
LISTED = 40  # characters of a post on its class's page, so that an update is told from what it updates
GONE = "这个网页打不开：网址不完整，或者已经过期。请点最新收到的那一条。"


async def page(request: web.Request) -> web.Response:
    """Show one handed-over text, or that nothing is to be done about it any more."""
    house, token = request.app[HOUSE], request.match_info["token"]
    try:
        async with house.database.read() as session:
            post = await opened(session, house.links, token, house.clock())
            has_picture = await picture_of_post(session, post) is not None
    except LinkRefused as refused:
        return gone(refused)
    if post.status in OVER:
        return shown("relay_over.html", words=OVER[post.status])
    text = f"【{post.title}】\n{post.text}" if post.title else post.text
    place = f"/relay/{token}"
    picture = f"{place}/picture" if has_picture else ""
    return shown("relay.html", group=post.group, text=text, action=f"{place}/posted", picture=picture)


async def picture(request: web.Request) -> web.Response:
    """Return the picture that goes with a handed-over text, for as long as there is something to post."""
    house, token = request.app[HOUSE], request.match_info["token"]
    try:
        async with house.database.read() as session:
            post = await opened(session, house.links, token, house.clock())
            found = await picture_of_post(session, post) if post.status not in OVER else None
    except LinkRefused as refused:
        return gone(refused)
    if found is None:
        return gone(LinkRefused("expired"))
    return web.Response(body=found.content, content_type=found.media_type, headers=HEADERS)


async def posted(request: web.Request) -> web.Response:
    """Write down that the text is in the group, and show so."""
    house, token = request.app[HOUSE], request.match_info["token"]
    try:
        now = house.clock()
        post = await house.database.write(lambda session: confirm_posted(session, house.links, token, now))
    except LinkRefused as refused:
        return gone(refused)
    words = OVER[DeliveryStatus.CANCELLED if post.status is DeliveryStatus.CANCELLED else DeliveryStatus.RELAYED]
    return shown("relay_over.html", words=words)


async def class_page(request: web.Request) -> web.Response:
    """Show what waits for one class: the page that a teacher without any account keeps as a bookmark."""
    house, now = request.app[HOUSE], request.app[HOUSE].clock()
    try:
        async with house.database.read() as session:
            group = await class_of(session, house.links, request.match_info["token"], now)
            waiting = await posts_waiting_for(session, group.id or 0)
            asked = await open_questions(session, group.id or 0)
            card = await card_of(session, group.id or 0)
    except LinkRefused as refused:
        return gone(refused)
    patience = house.channels[group.channel].patience
    until = now + (patience.lasts if patience is not None else timedelta(0))
    posts = [
        {
            "text": f"{post.title}：{post.text}"[:LISTED] if post.title else post.text,
            "address": f"/relay/{house.links.token(Purpose.POST, post.key, until)}",
        }
        for post in waiting
    ]
    by_hand = {post.alert_id for post in waiting}  # said to be heard where it is posted
    place = f"/relay/class/{request.match_info['token']}/heard"
    alerts = [
        {"title": alert.title, "text": alert.text, "action": f"{place}/{alert.id}"}
        for alert, _ in asked
        if alert.id not in by_hand
    ]
    lessons = [
        {"title": one.title, "address": lesson_path(house.links, one, group, now)}
        for one in lessons_for(house.shelf.library, group)
    ]
    return shown("relay_class.html", group=group.name, posts=posts, alerts=alerts, lessons=lessons, card=card)


async def heard(request: web.Request) -> web.Response:
    """Write down that a class has heard an alert, and show so."""
    house, token = request.app[HOUSE], request.match_info["token"]
    now, alert_id = house.clock(), int(request.match_info["alert"])
    try:
        await house.database.write(lambda session: confirm_heard(session, house.links, token, alert_id, now))
    except LinkRefused as refused:
        return gone(refused)
    return shown("relay_over.html", words=HEARD)


def shown(template: str, status: int = 200, **values: object) -> web.Response:
    """Return a page."""
    html = TEMPLATES.get_template(template).render(values)
    return web.Response(text=html, content_type="text/html", status=status, headers=HEADERS)


def gone(refused: LinkRefused, words: str = GONE) -> web.Response:
    """Say that an address opens nothing, the same to everybody."""
    return shown("relay_over.html", 410 if refused.code == "expired" else 404, words=words)

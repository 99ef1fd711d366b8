"""Pictures that a reporter sends in a private chat: fetched and made anew before the message is stored, then sealed.

No network call sits inside a transaction, and the platform waits for its answer only so long: what could not be fetched
in time is left out, the case says so, and the reporter is asked to send it again.
"""

import asyncio
import logging
from dataclasses import replace
from datetime import datetime

from warden_bot.audit_actions import AuditAction
from warden_bot.channels.base import Channel, Reply
from warden_bot.content.desks import Desks
from warden_bot.domain.manners import USUAL
from warden_bot.domain.message import Media
from warden_bot.domain.picture import MEDIA_TYPE, made_anew
from warden_bot.domain.understanding.judge import TOPIC_OF
from warden_bot.errors import SendError
from warden_bot.handlers.case import case_for
from warden_bot.handlers.incoming import Incoming, Pictures
from warden_bot.handlers.manners import reasons_for
from warden_bot.handlers.tip import OPENS_CASE, REMEMBERED, add_to_case, reporter_hash
from warden_bot.states import Action, CaseEventKind, HushReason
from warden_bot.store.audit import add_entry
from warden_bot.store.cases import add_event, recent_case_of, tips_of, touch_case
from warden_bot.store.database import Session
from warden_bot.store.officers import Officer
from warden_bot.store.receipts import code_for
from warden_bot.store.sealing import Sealer
from warden_bot.store.tip_media import add_pictures, open_picture, pictures_of, seal_picture
from warden_bot.store.tip_talks import talk_of

FETCH_SECONDS, IN_DANGER_SECONDS = 2.5, 0.4  # well inside what a platform, or somebody in danger, waits for the answer
LARGEST_PICTURE = 10 * 1024 * 1024  # bytes
MOST_AT_ONCE, MOST_OF_CASE = 3, 9
LOOKED_AT = frozenset({"image", "file"})  # a picture may be sent as a file

log = logging.getLogger(__name__)


async def fetch_pictures(one: Incoming) -> Incoming:
    """Fetch what came with a private message, where there is or will be a case that it belongs to."""
    message = one.message
    if not message.private or not message.media or not await _belongs_to_case(one):
        return one
    seconds = IN_DANGER_SECONDS if one.verdict.action is Action.EMERGENCY else FETCH_SECONDS
    sealed: list[bytes] = []
    try:
        async with asyncio.timeout(seconds), one.desk.darkroom:
            for media in message.media[:MOST_AT_ONCE]:
                picture = await _picture(one.desk.channels[message.channel], media)
                sealed += [seal_picture(one.desk.sealer, picture)] if picture is not None else []
    except TimeoutError:
        log.warning("a picture on %s took too long", message.channel)
    return replace(one, pictures=Pictures(tuple(sealed), len(message.media) - len(sealed)))


async def _belongs_to_case(one: Incoming) -> bool:
    if one.message.text.strip() and one.verdict.action in OPENS_CASE:
        return True
    mine = reporter_hash(one.message, one.desk.sealer)
    async with one.desk.database.read() as session:
        if await recent_case_of(session, mine, one.now - USUAL.handed_over):
            return True
        return bool(one.message.text.strip()) and await talk_of(session, mine, one.now) is not None


async def _picture(channel: Channel, media: Media) -> bytes | None:
    """Return one picture made anew; None for what is none, is too large, or is not given to us."""
    if media.kind not in LOOKED_AT:
        return None
    try:
        raw = await channel.fetch_media(media)
    except SendError as error:
        log.warning("a picture on %s could not be fetched: %s", channel.kind, error.code)
        return None
    return await asyncio.to_thread(made_anew, raw) if len(raw) <= LARGEST_PICTURE else None


async def with_pictures(session: Session, one: Incoming, reply: Reply) -> Reply:
    """Store the pictures of a private message in its sender's case, and say what became of them."""
    message, alone = one.message, not one.message.text.strip()
    if not message.private or not message.media:
        return reply
    await session.flush()
    mine = reporter_hash(message, one.desk.sealer)
    lasts = USUAL.handed_over if HushReason.HANDED_OVER in await reasons_for(session, one) else REMEMBERED
    case = await recent_case_of(session, mine, one.now - lasts)
    if case is None:
        pictured = alone and any(media.kind == "image" for media in message.media)
        return replace(reply, text=one.say("picture_alone")) if pictured and reply.text else reply
    room = max(0, MOST_OF_CASE - len(await pictures_of(session, case.id or 0)))
    fetched = one.pictures or Pictures((), len(message.media))
    kept, lost = fetched.sealed[:room], fetched.lost + len(fetched.sealed[room:])
    told = f"（发来 {len(kept)} 张图片）" if kept else ""
    told += f"（另有 {lost} 个图片或文件没有取到）" if lost else ""
    add_to_case(session, case, replace(message, text=told), one.desk.sealer, one.now)
    await session.flush()
    own = [tip for tip in await tips_of(session, case) if tip.reporter_hash == mine]
    add_pictures(session, own[-1], kept, MEDIA_TYPE, one.now)
    said = one.say("pictures_lost" if lost else "pictures_added", code=await code_for(session, case, mine))
    if alone:
        return Reply(Action.TIP, TOPIC_OF[Action.TIP], said)
    quiet = reply.text is None or reply.action is Action.EMERGENCY
    return reply if quiet else replace(reply, text=f"{reply.text}\n{said}")


async def open_pictures(
    session: Session, code: str, officer: Officer, sealer: Sealer, now: datetime, desks: Desks | None = None
) -> list[tuple[bytes, str]]:
    """Open a case's pictures for an officer whose role and desk may see them; that they were seen is written down twice.

    Without the desks nothing but the duty desk's is opened.
    """
    case = await case_for(session, code, officer, desks or Desks())
    found = await pictures_of(session, case.id or 0)
    if not found:
        return []
    await touch_case(session, case, now)
    add_event(session, case, CaseEventKind.OPENED_WORDS, now, officer_id=officer.id)
    add_entry(session, officer.name, AuditAction.PICTURES_SEEN, case.code, now)
    return [(open_picture(sealer, one), one.media_type) for one in found]

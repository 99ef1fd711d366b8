"""The weekly bulletin: the station enters its figures, a draft is made of them, and the chief decides about it as an alert.

Making the picture takes too long for a transaction, so whoever calls does it between `composed` and `save_draft`; what
was read may be another's by then, and the save says so.
"""

import asyncio
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any

from warden_bot.alert_states import AlertKind, AlertMove, AlertSeverity, AlertStatus
from warden_bot.audit_actions import AuditAction
from warden_bot.content.bulletin import BulletinPlan
from warden_bot.content.drawing import MEDIA_TYPE, Bar, Drawing, draw, find_font
from warden_bot.content.library import Library
from warden_bot.domain.alert import APPROVERS, RAISERS
from warden_bot.domain.bulletin import (
    ASKED_OFTEN,
    MOST,
    MOST_ASKED,
    SUNDAY,
    WEEK,
    compared,
    is_small,
    monday_of,
    printed,
)
from warden_bot.domain.calendar import day_words
from warden_bot.errors import AccessDenied, Refused
from warden_bot.handlers.alert import Wanted, raise_draft
from warden_bot.handlers.alert_judging import bulletin_objection
from warden_bot.handlers.alert_notices import tell_deciders
from warden_bot.store.alerts import Alert, alert_by_id, move_alert
from warden_bot.store.audit import add_entry
from warden_bot.store.bulletins import Bulletin, bulletin_of, change, enter, link_draft
from warden_bot.store.columns import iso
from warden_bot.store.database import Database, Session
from warden_bot.store.inbox import topics_asked
from warden_bot.store.officers import Officer, all_officers
from warden_bot.store.pictures import Picture, erase_pictures

CLOCK = "clock"
SUPERSEDED = "这一周的通报重新起草了"
MEANWHILE = "刚才别人也改了这一周的通报，请看一眼再来"


@dataclass(frozen=True, slots=True)
class Composed:
    """A bulletin before it is saved: its words, its picture's, and the row that it was made of."""

    wanted: Wanted
    drawing: Drawing
    row: Bulletin
    returned: int | None  # the draft in whose place it comes


async def enter_figures(
    session: Session,
    plan: BulletinPlan,
    officer: Officer,
    monday: date,
    entered: Mapping[str, int],
    zone: tzinfo,
    now: datetime,
) -> dict[str, int]:
    """Write down figures of a week beside those that are there; return all of the week."""
    if officer.role not in RAISERS[AlertSeverity.INFO]:
        raise AccessDenied(f"{officer.name} 不能填通报的数字")
    known = [figure.name for figure in plan.figures]
    if unknown := [name for name in entered if name not in known]:
        raise Refused(f"没有“{unknown[0]}”这一项，可以填：{'、'.join(known)}")
    if wrong := [name for name, number in entered.items() if not 0 <= number <= MOST]:
        raise Refused(f"{wrong[0]} 要填 0 到 {MOST} 的整数")
    this_week = monday_of(now.astimezone(zone).date())
    if monday > this_week:
        raise Refused("这一周还没有到")
    if monday < this_week - 2 * WEEK:  # last week's bulletin is compared with the one before it
        raise Refused(f"{monday} 那一周太早了，只能填这一周和前两周的，看看日期有没有写错")
    seen = await bulletin_of(session, monday)
    if seen is not None:
        await _require_open(session, seen)
    figures = (_numbers(seen) if seen is not None else {}) | dict(entered)
    written = json.dumps(figures, ensure_ascii=False)
    if seen is None:
        saved = await enter(session, monday, written, officer.id, now)
    else:
        saved = await change(session, seen, written, officer.id, now)
    if not saved:
        raise Refused(MEANWHILE)
    add_entry(session, officer.name, AuditAction.BULLETIN_FIGURES, monday.isoformat(), now)
    return figures


async def nobody_else_approves(session: Session, officer: Officer) -> bool:
    """Say whether whoever enters the figures is the only one who could approve what is made of them."""
    approvers = [one.name for one in await all_officers(session) if one.role in APPROVERS[AlertSeverity.INFO]]
    return approvers == [officer.name]


def _numbers(row: Bulletin) -> dict[str, int]:
    return {str(name): int(number) for name, number in json.loads(row.figures).items()}


def missing_figures(plan: BulletinPlan, row: Bulletin | None) -> list[str]:
    """Return the figures that nobody has entered for a week."""
    numbers = _numbers(row) if row is not None else {}
    return [one.name for one in plan.figures if one.name not in numbers]


async def _require_open(session: Session, row: Bulletin) -> int | None:
    """Return the returned draft of a week, None where there is none; refuse while there is one that counts."""
    alert = await alert_by_id(session, row.alert_id) if row.alert_id is not None else None
    if alert is None or alert.status is AlertStatus.WITHDRAWN:
        return None
    if alert.status is AlertStatus.EXPIRED and alert.approved_at is None:  # nobody decided in time: it never left
        return None
    if alert.status is AlertStatus.DRAFT:
        return alert.id
    raise Refused(f"这一周的通报已经起草了（警报 {alert.id}），要改先请所长退回或撤回")


async def composed(session: Session, library: Library, monday: date, zone: tzinfo, now: datetime) -> Composed:
    """Write a week's bulletin, or refuse in one line."""
    this_week = monday_of(now.astimezone(zone).date())
    if monday not in (this_week, this_week - WEEK):
        raise Refused("只能起草这一周和上一周的通报")
    row = await bulletin_of(session, monday)
    numbers = _numbers(row) if row is not None else {}
    plan = library.bulletin
    if row is None or not any(figure.name in numbers for figure in plan.figures):
        raise Refused(f"{_span(monday)} 这一周还没有填数字，先用 warden-bot bulletin figures 填")
    returned = await _require_open(session, row)
    last = await bulletin_of(session, monday - WEEK)
    bars = _bars(plan, numbers, _numbers(last) if last is not None else {})
    asked = await _asked(session, library, monday, zone)
    to_do = plan.chosen(asked, monday)
    first, last_day = _ends(monday)
    topics = "、".join(library.answers[topic].title for topic in asked)
    values = library.values(day_words(now, zone), first=first, last=last_day, figures=_said(bars), topics=topics)
    names = ("skeleton", "asked", "closing") if asked else ("skeleton", "closing")
    *head, closing = (plan.sentence(name).render(values) for name in names)
    advice = to_do.wording.render(values)
    text = "\n".join([*head, advice, closing])
    if reason := bulletin_objection(library, f"{plan.title}\n{text}"):
        raise Refused(f"通报里{reason}，请改 content/bulletin.yml")
    # Classes hear it only where there is something to do about what is going on, not because it is an advice's turn.
    audience = to_do.audience if to_do.audience and to_do.topic in asked else plan.audience
    wanted = Wanted(plan.title, text, AlertSeverity.INFO, audience, AlertKind.BULLETIN)
    station = str(library.local.get("station_name", ""))
    return Composed(wanted, Drawing(plan.title, station, _span(monday), bars, advice, closing), row, returned)


def _bars(plan: BulletinPlan, numbers: Mapping[str, int], before: Mapping[str, int]) -> list[Bar]:
    return [
        Bar(
            one.name,
            printed(numbers[one.name], one.unit),
            compared(numbers[one.name], before.get(one.name), one.unit),
            0 if is_small(numbers[one.name]) else numbers[one.name],
        )
        for one in plan.figures
        if one.name in numbers
    ]


def _said(bars: Sequence[Bar]) -> str:
    return "，".join(f"{one.name}{one.printed}" + (f"({one.compared})" if one.compared else "") for one in bars)


async def _asked(session: Session, library: Library, monday: date, zone: tzinfo) -> list[str]:
    """Return what most was asked about in a week: nothing that few asked, and nothing that is nobody's business."""
    since = datetime.combine(monday, time(), zone).astimezone(UTC)
    counts = await topics_asked(session, since, since + WEEK)
    often = [
        topic
        for topic, count in counts.items()
        if count >= ASKED_OFTEN
        and topic in library.answers
        and not topic.startswith(tuple(f"{one}." for one in library.bulletin.not_named))
        and bulletin_objection(library, library.answers[topic].title) is None
    ]
    return often[:MOST_ASKED]


def _ends(monday: date) -> tuple[str, str]:
    sunday = monday + timedelta(days=SUNDAY)
    return f"{monday.month}.{monday.day}", f"{sunday.month}.{sunday.day}"


def _span(monday: date) -> str:
    return "–".join(_ends(monday))


async def save_draft(
    session: Session, library: Library, draft: Composed, picture: bytes | None, actor: str, zone: tzinfo, now: datetime
) -> Alert:
    """Make the draft an alert that waits for the chief; refuse where somebody was first. A returned one is withdrawn.

    Whoever entered the figures is its author, so that another one approves it.
    """
    if draft.returned is not None:
        if not await move_alert(session, draft.returned, AlertMove.WITHDRAW, ended_at=now, reason=SUPERSEDED):
            raise Refused(MEANWHILE)
        await erase_pictures(session, draft.returned)
    lasts = library.alert_rules.lasts(draft.wanted.kind, draft.wanted.severity)
    alert = await raise_draft(session, draft.wanted, lasts, now, submitted=True)
    alert.raised_by = draft.row.entered_by
    if not await link_draft(session, draft.row, alert.id or 0):
        raise Refused(MEANWHILE)
    if picture is not None:
        made = Picture(
            school_id=session.school_id, alert_id=alert.id, content=picture, media_type=MEDIA_TYPE, created_at=now
        )
        session.add(made)
    add_entry(session, actor, AuditAction.ALERT_RAISED, str(alert.id), now)
    await tell_deciders(session, library, zone, alert, now)
    return alert


def week_due(library: Library, zone: tzinfo, now: datetime) -> date | None:
    """Return the week whose bulletin is to be drafted now: on Sunday from the editors' hour on, not in exam silence."""
    here = now.astimezone(zone)
    if here.weekday() != SUNDAY or here.time() < library.bulletin.draft_at or library.year.silence(here.date()):
        return None
    return monday_of(here.date())


async def draft_once(database: Database, library: Library, monday: date, zone: tzinfo, now: datetime) -> str:
    """Draft a week's bulletin where there has been no draft of it; say why there is none, "" where there is."""
    async with database.read() as session:
        row = await bulletin_of(session, monday)
        if row is not None and row.alert_id is not None:  # what was returned or withdrawn is for people
            return ""
        try:
            draft = await composed(session, library, monday, zone, now)
        except Refused as refused:
            return str(refused)
    picture = await asyncio.to_thread(lambda: draw(draft.drawing, find_font()))
    with suppress(Refused):  # another clock was first, or an officer changed the figures: the next tick looks again
        await database.write(lambda session: save_draft(session, library, draft, picture, CLOCK, zone, now))
    return ""


async def shown(session: Session, library: Library, monday: date) -> dict[str, Any]:
    """Return how a week's bulletin stands, with the figures as they were entered: for the station only."""
    row = await bulletin_of(session, monday)
    alert = await alert_by_id(session, row.alert_id) if row is not None and row.alert_id is not None else None
    numbers = _numbers(row) if row is not None else {}
    return {
        "week": monday.isoformat(),
        "figures": numbers,
        "missing": missing_figures(library.bulletin, row),
        "entered_at": iso(row.entered_at) if row is not None else None,
        "alert": alert.id if alert is not None else None,
        "status": alert.status.value if alert is not None else None,
        "text": alert.text if alert is not None else None,
    }

"""What an officer sees of alerts on a page and may do there. Looking changes nothing; what is done is `alert`'s."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from warden_bot.alert_states import ALERT_MOVES, BEFORE_RELEASE, AlertMove, AlertSeverity
from warden_bot.domain.alert import APPROVERS, RAISERS
from warden_bot.errors import AccessDenied, Refused
from warden_bot.handlers.acknowledgement import MAY_TELEPHONE
from warden_bot.handlers.alert import approve, clear, give_back, submit, update, withdraw
from warden_bot.handlers.alert_judging import Bench, is_author, named_alert
from warden_bot.handlers.alert_showing import NOT_LEFT, preview_in_words, shown
from warden_bot.store.acknowledgements import Acknowledgement, acknowledgements
from warden_bot.store.alert_listing import Tally, newest_alerts, tallies
from warden_bot.store.alerts import Alert
from warden_bot.store.database import Session
from warden_bot.store.officers import Officer
from warden_bot.store.pictures import picture_of

MOST_LISTED = 100


@dataclass(frozen=True, slots=True)
class AlertSight:
    """One alert as its page shows it."""

    alert: Alert
    shown: Mapping[str, Any]
    may: frozenset[AlertMove]
    is_own: bool
    may_call: bool
    picture: tuple[bytes, str] | None = field(default=None, repr=False)
    channels: Sequence[Mapping[str, Any]] = ()  # what each would carry, while it has not left


@dataclass(frozen=True, slots=True)
class ClassTable:
    """The classes of an alert: those that are still silent first, as they are to be telephoned."""

    alert: Alert
    rows: Sequence[Acknowledgement]
    silent: int


def severities_of(officer: Officer) -> frozenset[AlertSeverity]:
    """Return which alerts an officer sees: those that their role raises or approves."""
    return frozenset(one for one in AlertSeverity if officer.role in RAISERS[one] | APPROVERS[one])


async def listed(session: Session, officer: Officer) -> list[tuple[Alert, Tally]]:
    """Return the newest alerts that an officer sees."""
    found = await newest_alerts(session, severities_of(officer), MOST_LISTED)
    counts = await tallies(session, [alert.id or 0 for alert in found])
    return [(alert, counts[alert.id or 0]) for alert in found]


async def seen_alert(session: Session, number: int, officer: Officer) -> Alert:
    """Return an alert that an officer may see. Raise Refused or AccessDenied."""
    alert = await named_alert(session, number)
    if alert.severity not in severities_of(officer):
        raise AccessDenied("你的身份不能看这一条警报")
    return alert


async def sight_of_alert(
    session: Session, bench: Bench, number: int, officer: Officer, words: tuple[str, str] = ("", "")
) -> AlertSight:
    """Return an alert for its page; what would leave of it in other words, where a title and a text are given."""
    alert = await seen_alert(session, number, officer)
    own = await is_author(session, bench.sealer, alert, officer)
    picture = await picture_of(session, number)
    title, text = words[0] or alert.title, words[1] or alert.text
    return AlertSight(
        alert,
        await shown(session, number),
        allowed(alert, officer, own=own),
        own,
        may_call=officer.role in MAY_TELEPHONE,
        picture=(picture.content, picture.media_type) if picture is not None else None,
        channels=await preview_in_words(session, bench, alert, title, text) if alert.status in NOT_LEFT else (),
    )


def allowed(alert: Alert, officer: Officer, *, own: bool) -> frozenset[AlertMove]:
    """Return the moves that an alert can make now and that this officer may ask for; each is judged again when it is made."""
    theirs: set[AlertMove] = set()
    if officer.role in RAISERS[alert.severity]:
        theirs.add(AlertMove.SUBMIT)
    if officer.role in APPROVERS[alert.severity]:
        theirs |= {AlertMove.RETURN, AlertMove.UPDATE, AlertMove.CLEAR, AlertMove.WITHDRAW}
        theirs |= set() if own else {AlertMove.APPROVE}
    if officer.id == alert.raised_by and alert.status in BEFORE_RELEASE:
        theirs.add(AlertMove.WITHDRAW)
    return frozenset(one for one in theirs if alert.status in ALERT_MOVES[one][0])


async def do_alert(
    session: Session, bench: Bench, number: int, officer: Officer, move: AlertMove, fields: Mapping[str, str]
) -> Alert:
    """Do what a button on an alert's page says. Raise Refused with one line for the officer."""
    await seen_alert(session, number, officer)
    words = fields.get("words", "")
    if move is AlertMove.SUBMIT:
        title, text = fields.get("title", ""), fields.get("text", "")
        return await submit(session, bench, number, officer, text=text, title=title)
    if move is AlertMove.APPROVE:
        return await approve(session, bench, number, officer, seen=fields.get("seen", ""))
    if move is AlertMove.RETURN:
        return await give_back(session, bench, number, officer, words)
    if move is AlertMove.UPDATE:
        return await update(session, bench, number, officer, words)
    if move is AlertMove.CLEAR:
        return await clear(session, bench, number, officer, words)
    if move is AlertMove.WITHDRAW:
        return await withdraw(session, number, officer, bench.now, words)
    raise Refused("没有这个按钮")


async def classes_of(session: Session, number: int, officer: Officer) -> ClassTable:
    """Return an alert's classes in one query. Raise AccessDenied for whoever does not telephone teachers."""
    alert = await seen_alert(session, number, officer)
    require_caller(officer)
    rows = await acknowledgements(session, number)
    rows.sort(key=lambda one: (one.acknowledged_at is not None, one.handed_on_at is None, -one.reminders, one.code))
    return ClassTable(alert, rows, sum(one.acknowledged_at is None for one in rows))


def require_caller(officer: Officer) -> None:
    """Raise AccessDenied for whoever does not telephone teachers."""
    if officer.role not in MAY_TELEPHONE:
        raise AccessDenied("班主任的名单只给民警和所长看")

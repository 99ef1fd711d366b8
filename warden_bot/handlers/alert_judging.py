"""What an officer may do with an alert now, and what stands against it: one line for whoever asked."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from warden_bot.alert_states import ALERT_MOVES, AlertKind, AlertMove, AlertSeverity, AlertStatus
from warden_bot.channels.registry import Channels
from warden_bot.content.library import Library
from warden_bot.domain.alert import APPROVERS, LONGEST, LONGEST_TITLE, UNSEEN, leaves_at, marked, not_at_night
from warden_bot.domain.audience import parse_audience
from warden_bot.domain.bulletin import objection
from warden_bot.domain.calendar import day_words
from warden_bot.domain.year import week_start
from warden_bot.errors import AccessDenied, IllegalMove, Refused
from warden_bot.handlers.alert_sending import is_routine
from warden_bot.handlers.fitting import over_limit
from warden_bot.store.alert_parts import audience_of, groups_meant, recipients_of
from warden_bot.store.alerts import Alert, alert_by_id, move_alert
from warden_bot.store.budget import groups_over_budget
from warden_bot.store.database import Session
from warden_bot.store.groups import Group
from warden_bot.store.officers import ADDRESS, Officer
from warden_bot.store.sealing import Sealer

STATUS_WORDS = {
    AlertStatus.DRAFT: "还是草稿",
    AlertStatus.AWAITING_APPROVAL: "在等批准",
    AlertStatus.APPROVED: "已经批准，就要发出",
    AlertStatus.SENDING: "正在发",
    AlertStatus.ACTIVE: "已经发出",
    AlertStatus.UPDATED: "已经发出，更新过",
    AlertStatus.CLEARED: "已经解除",
    AlertStatus.EXPIRED: "已经过期",
    AlertStatus.WITHDRAWN: "已经撤回",
}
PRESSING = "真有急事，用“警示”或“紧急”（warning、urgent）另发一条"
MOVE_WORDS = {
    AlertMove.SUBMIT: "提交",
    AlertMove.RETURN: "退回",
    AlertMove.APPROVE: "批准",
    AlertMove.UPDATE: "更新",
    AlertMove.CLEAR: "解除",
    AlertMove.WITHDRAW: "撤回",
}


@dataclass(frozen=True, slots=True)
class Bench:
    """What working on alerts needs beside the session."""

    sealer: Sealer
    channels: Channels
    library: Library
    zone: tzinfo
    now: datetime


async def named_alert(session: Session, alert_id: int) -> Alert:
    """Return an alert by its number, or refuse in one line."""
    alert = await alert_by_id(session, alert_id)
    if alert is None:
        raise Refused(f"没有警报 {alert_id}")
    return alert


def require_approver(alert: Alert, officer: Officer) -> None:
    """Raise AccessDenied unless an officer may decide about an alert of this severity."""
    if officer.role not in APPROVERS[alert.severity]:
        who = "所长" if alert.severity is AlertSeverity.INFO else "民警或所长"
        raise AccessDenied(f"{officer.name} 不能做这件事，要由{who}来")


async def is_author(session: Session, sealer: Sealer, alert: Alert, officer: Officer) -> bool:
    """Say whether somebody wrote the alert, be it under a second name with the same address."""
    if alert.raised_by is None:
        return False
    author = await session.get(Officer, alert.raised_by)
    if author is None or author.id == officer.id:
        return True
    if author.sealed_address is None or officer.sealed_address is None or author.channel is not officer.channel:
        return False
    return sealer.open(author.sealed_address, ADDRESS) == sealer.open(officer.sealed_address, ADDRESS)


def finished(bench: Bench, alert: Alert, words: str, expires: datetime) -> str:
    """Return words of an alert as groups get them, without the mark of an exercise."""
    rules, today = bench.library.alert_rules, day_words(bench.now, bench.zone)
    if alert.kind is AlertKind.MISSING_CHILD:
        until = f"{day_words(expires, bench.zone)}{expires.astimezone(bench.zone):%H:%M}"
        words = rules.say("missing_child", bench.library.values(today, text=words, until=until))
    if alert.needs_ack and "收到" not in words:
        words += "\n" + rules.say("ask_to_acknowledge", bench.library.values(today))
    return words


async def require_sendable(session: Session, bench: Bench, alert: Alert, text: str, title: str = "") -> int:
    """Refuse what no group would get, or some could not; return how many groups it is for."""
    head = title or alert.title
    if not any(character.isalnum() for character in head) or len(head) > LONGEST_TITLE or not head.isprintable():
        raise Refused(f"标题要写，一行，最多 {LONGEST_TITLE} 个字")
    condition = audience_of(alert, parse_audience(alert.audience))
    groups = await groups_meant(session, condition)
    if not groups and not alert.training:  # an exercise may reach nobody: it walks the whole way all the same
        raise Refused(f"没有一个群符合受众“{alert.audience}”，什么也没发")
    await require_text(session, bench, alert, text, head)
    expires = leaves_at(alert.severity, bench.now, bench.zone) + timedelta(minutes=alert.lasts_minutes)
    if (words := finished(bench, alert, text, expires)) != text:  # what stands around it takes room too
        _require_fit(bench, alert, groups, words, head)
    return len(groups)


async def require_room(session: Session, bench: Bench, alert: Alert, leaves: datetime) -> None:
    """Refuse what is not pressing in the exam silence, or when every group has heard enough this week."""
    if not is_routine(alert) or alert.status is not AlertStatus.AWAITING_APPROVAL:
        return
    if reason := _silence(bench, leaves):
        raise Refused(reason)
    groups = await groups_meant(session, audience_of(alert, parse_audience(alert.audience)))
    full, most = await _full_groups(session, bench, leaves)
    if all(group.id in full for group in groups):
        raise Refused(f"这些群本周已经收到 {most} 条，下周再发")


async def against_update(session: Session, bench: Bench, alert: Alert) -> str:
    """Say why a feed's newer words of what is not pressing have to wait; "" where they may leave.

    Each group of the original would hear them, or none. An officer's leave always: what is out may have to be put right.
    """
    if not is_routine(alert):
        return ""
    leaves = not_at_night(alert.severity, bench.now, bench.zone)
    if reason := _silence(bench, leaves):
        return reason
    full, most = await _full_groups(session, bench, leaves)
    count = len(full & await recipients_of(session, alert.id or 0))
    return f"{count} 个群本周已经收到 {most} 条，更新下周再发。{PRESSING}" if count else ""


def _silence(bench: Bench, leaves: datetime) -> str:
    day = leaves.astimezone(bench.zone).date()
    reason = bench.library.year.silence(day)
    return f"{day.month}月{day.day}日不能发：{reason}。{PRESSING}" if reason else ""


async def _full_groups(session: Session, bench: Bench, leaves: datetime) -> tuple[set[int], int]:
    """Return the groups that have heard enough in the week in which something leaves, and how much that is."""
    most = bench.library.year.most_in_week_of(leaves.astimezone(bench.zone).date())
    return await groups_over_budget(session, week_start(leaves, bench.zone), most), most


async def require_text(session: Session, bench: Bench, alert: Alert, text: str, title: str = "") -> None:
    """Refuse words that some group of an alert could not get."""
    if not any(character.isalnum() for character in text):
        raise Refused("没有要发的内容")
    if UNSEEN.search(text):
        raise Refused("内容里有看不见的字符，重新打一遍")
    if len(text) > LONGEST:
        raise Refused(f"内容最多 {LONGEST} 个字")
    groups = await groups_meant(session, audience_of(alert, parse_audience(alert.audience)))
    _require_fit(bench, alert, groups, text, title or alert.title)


def _require_fit(bench: Bench, alert: Alert, groups: Sequence[Group], text: str, title: str) -> None:
    words, head = (marked(one, training=alert.training) for one in (text.strip(), title))
    faults = [over_limit(bench.channels, kind, words, head) for kind in sorted({group.channel for group in groups})]
    if any(faults):
        raise Refused("；".join(fault for fault in faults if fault))


def require_nobody_named(bench: Bench, title: str, text: str) -> None:
    """Refuse a bulletin that names a class, a school or somebody."""
    if reason := bulletin_objection(bench.library, f"{title}\n{text}"):
        raise Refused(f"通报里{reason}")


def bulletin_objection(library: Library, text: str) -> str | None:
    """Say whom words of a bulletin name, None for nobody; the station's own name and those of its figures may stand."""
    station, school = (str(library.local.get(fact) or "") for fact in ("station_name", "school_name"))
    return objection(text, [station, *(figure.name for figure in library.bulletin.figures)], [school])


async def move(session: Session, alert: Alert, move: AlertMove, **columns: object) -> None:
    """Make a move, or refuse in one line: somebody may have been first."""
    if alert.status in ALERT_MOVES[move][0] and await move_alert(session, alert.id or 0, move, **columns):
        return
    found = await alert_by_id(session, alert.id or 0)
    state = STATUS_WORDS[found.status if found else alert.status]
    raise IllegalMove(f"警报 {alert.id} {state}，不能{MOVE_WORDS[move]}")

"""A trusted feed (CAP 1.2) says something: a warning becomes a draft that officers decide about, once.

What a feed says about an alert that is out already is passed on at once, to exactly the groups that heard the alert:
officers approved that alert on the word of this feed, and nobody shall wait for an all-clear until they look.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from warden_bot.alert_states import BEFORE_RELEASE, IN_FORCE, AlertKind, AlertSeverity
from warden_bot.domain.alert import LONGEST_TITLE, RAISERS
from warden_bot.domain.cap import CapInfo, CapMessage
from warden_bot.errors import AccessDenied
from warden_bot.handlers.alert import Wanted, clear, raise_draft, update, withdraw
from warden_bot.handlers.alert_judging import Bench, against_update
from warden_bot.handlers.alert_notices import tell_deciders
from warden_bot.store.alerts import Alert, FeedMessage, lock_alert
from warden_bot.store.database import Session
from warden_bot.store.feed_messages import alerts_named, keep_message
from warden_bot.store.officers import Officer

EVERYBODY = "all"
LONGEST_WORDS = 300  # characters of a feed's words that a group gets
LINK = re.compile(r"(?:https?://|www\.)\S+", re.IGNORECASE)  # no link goes into a group
LASTS = timedelta(hours=12)  # of a warning that does not say when it is over
LONGEST_LASTS = timedelta(days=14)  # whatever it says
LONGEST_SOURCE = 40  # characters of who says so
PRESSING = list(AlertSeverity)  # the most pressing first
SUPERSEDED, CANCELLED = "发布单位更新了", "发布单位取消了"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a message: one line for an officer, and the alerts that it made or changed."""

    words: str
    alerts: tuple[int, ...] = ()
    is_held_back: bool = False  # some of it was not passed on, and `words` say why


def may_take(officer: Officer) -> None:
    """Raise AccessDenied unless an officer may hand in what a feed says."""
    if officer.role not in RAISERS[AlertSeverity.WARNING]:
        raise AccessDenied(f"{officer.name} 不能读入预警")


async def take_message(session: Session, bench: Bench, message: CapMessage) -> Outcome:
    """Take one message of a trusted feed, once. Raise Refused where its words cannot be sent to some group."""
    kept = await keep_message(session, message.sender, message.identifier, bench.now)
    if kept is None:
        return Outcome("以前读过，没有再做什么")
    if message.status != "Actual":
        return Outcome(f"不是实际预警（{message.status}），没有做什么")
    earlier = await _earlier(session, message)
    info = message.chinese
    is_over = message.kind == "Update" and info is not None and info.urgency == "Past"
    if message.kind == "Cancel" or is_over:
        return await _cancel(session, bench, earlier)
    reason = _against(message, info, bench.now)
    if info is None or reason:
        return Outcome(f"{reason}，没有做什么")
    return await _pass_on(session, bench, kept, earlier, info, message.sender)


def _against(message: CapMessage, info: CapInfo | None, now: datetime) -> str:
    """Say why a message is nothing for families; "" where it is."""
    if info is None or message.kind not in ("Alert", "Update"):
        return f"{message.kind} 不是预警"
    if message.scope != "Public":
        return f"不是给公众的（{message.scope}）"
    is_past = info.urgency == "Past" or (info.expires is not None and info.expires <= now)
    return "已经过了时间" if is_past else ""


async def _earlier(session: Session, message: CapMessage) -> list[Alert]:
    """Return the alerts that a message is about. A sender can only speak about what it said itself."""
    own = [one.identifier for one in message.references if one.sender == message.sender]
    numbers = await alerts_named(session, message.sender, own)
    # Locked: it must not leave between what we see of it here and what we do about it.
    found = [await lock_alert(session, number) for number in sorted(numbers)]
    return [alert for alert in found if alert is not None]


async def _cancel(session: Session, bench: Bench, earlier: Sequence[Alert]) -> Outcome:
    changed = []
    for alert in earlier:
        if alert.status in IN_FORCE:
            await clear(session, bench, alert.id or 0, None)
        elif alert.status in BEFORE_RELEASE:
            await withdraw(session, alert.id or 0, None, bench.now, CANCELLED)
        else:
            continue
        changed.append(alert.id or 0)
    words = f"已按发布单位的取消处理：警报 {_numbers(changed)}" if changed else "取消的不是这里的警报，没有做什么"
    return Outcome(words, tuple(changed))


async def _pass_on(
    session: Session, bench: Bench, kept: FeedMessage, earlier: Sequence[Alert], info: CapInfo, sender: str
) -> Outcome:
    """Say newer words where an alert is out; else make a draft of them, in the place of one that is still waiting.

    Where it presses more by now, both: families hear it in the voice that officers approved, who decide about a louder one.
    """
    text, severity = words_of(info, sender), severity_of(info)
    out = [alert for alert in earlier if alert.status in IN_FORCE]
    for alert in earlier:
        if alert.status in BEFORE_RELEASE:
            await withdraw(session, alert.id or 0, None, bench.now, SUPERSEDED)
    lasts = min(info.expires - bench.now, LONGEST_LASTS) if info.expires is not None else LASTS
    until = bench.now + lasts if info.expires is not None else None
    said = await _say_newer(session, bench, out, text, until) if out else Outcome("")
    if any(PRESSING.index(alert.severity) <= PRESSING.index(severity) for alert in out):
        kept.alert_id = out[-1].id
        session.add(kept)
        return said
    wanted = Wanted(title_of(info), text, severity, EVERYBODY, AlertKind.FEED)
    alert = await raise_draft(session, wanted, lasts, bench.now)
    await tell_deciders(session, bench.library, bench.zone, alert, bench.now)
    kept.alert_id = alert.id
    session.add(kept)
    return Outcome(f"{said.words}做成草稿：警报 {alert.id}，请看过再提交", (*said.alerts, alert.id or 0))


async def _say_newer(
    session: Session, bench: Bench, out: Sequence[Alert], text: str, until: datetime | None
) -> Outcome:
    """Pass newer words on to the groups that heard; what is no danger keeps the week's budget and the exam silence."""
    changed, reasons = [], []
    for alert in out:
        if reason := await against_update(session, bench, alert):
            reasons.append(f"警报 {alert.id} 的更新没有转发：{reason}。")
        else:
            await update(session, bench, alert.id or 0, None, text, until=until)
            changed.append(alert.id or 0)
    passed = [f"已把更新发给原来那些群：警报 {_numbers(changed)}。"] if changed else []
    return Outcome("".join(passed + reasons), tuple(changed), is_held_back=bool(reasons))


def severity_of(info: CapInfo) -> AlertSeverity:
    """Return how much a feed's warning presses here; officers may raise it anew where they see it differently."""
    if info.severity == "Extreme" and info.urgency == "Immediate":
        return AlertSeverity.URGENT
    return AlertSeverity.WARNING if info.severity in ("Extreme", "Severe") else AlertSeverity.INFO


def title_of(info: CapInfo) -> str:
    """Return a feed's headline as a title."""
    return _plain(info.headline or info.event)[:LONGEST_TITLE]


def words_of(info: CapInfo, sender: str) -> str:
    """Return what a group gets of a feed's words: what happens, what to do, who says so. No link."""
    said = "".join(_sentence(words) for words in (info.description or info.headline or info.event, info.instruction))
    source = f"（来源：{(_plain(info.sender_name) or sender)[:LONGEST_SOURCE]}）"
    return said[: LONGEST_WORDS - len(source)] + source


def _sentence(words: str) -> str:
    plain = _plain(words)
    return plain if not plain or plain[-1] in "。！？.!?" else plain + "。"


def _plain(words: str) -> str:
    seen = "".join(one for one in words if one.isprintable() or one.isspace())  # nothing that turns or hides words
    return " ".join(LINK.sub("", seen).split())


def _numbers(alerts: Sequence[int]) -> str:
    return "、".join(str(number) for number in alerts)

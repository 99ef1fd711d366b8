"""The monthly card of a class, for the head teachers' meeting: what it heard, what it asks about, one thing to say.

The cards of many classes are made in one go. A teacher whose private address is known gets it there; for the others it waits on
the class's own page, and for whoever asks for it in private. It never goes into a group.
"""

import secrets
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo

from warden_bot.channels.registry import Channels
from warden_bot.content.library import Library
from warden_bot.domain.calendar import in_quiet_hours, quiet_from
from warden_bot.domain.class_card import COUNTABLE, SMALLEST, Month, Push, card, read_month
from warden_bot.errors import Refused
from warden_bot.handlers.teachers import teacher_of
from warden_bot.states import GroupKind, Priority
from warden_bot.store.class_cards import (
    ClassCard,
    Heard,
    any_class_without_card,
    asked_in_groups,
    card_of,
    classes_without_card,
    heard_in_groups,
    keep_cards,
)
from warden_bot.store.database import Session
from warden_bot.store.groups import Group, group_by_code
from warden_bot.store.outbox import REPLY_ADDRESS, Delivery, enqueue
from warden_bot.store.sealing import Sealer

MORNING = time(7, 30)  # when class teachers look at their chats
NOON = 12
AT_ONCE = 80  # classes of one transaction: nobody else may write meanwhile


@dataclass(frozen=True, slots=True)
class CardMaking:
    """What making cards may touch, and of which month."""

    library: Library
    channels: Channels
    sealer: Sealer
    zone: tzinfo
    month: Month


async def cards_due(
    session: Session, library: Library, channels: Channels, sealer: Sealer, zone: tzinfo, now: datetime
) -> CardMaking | None:
    """Return which cards are to be made now; none at night, and none while the school is to be left in peace."""
    here = now.astimezone(zone)
    month = library.class_cards.day.due_now(now, zone)
    if month is None or in_quiet_hours(here.time()) or library.year.silence(here.date()) is not None:
        return None
    missing = await any_class_without_card(session, str(month))
    return CardMaking(library, channels, sealer, zone, month) if missing else None


def month_wanted(written: str, zone: tzinfo, now: datetime) -> Month:
    """Return the month that somebody wants cards of. Raise Refused where they cannot be made, or not rightly any more."""
    month = read_month(written)
    if month is None:
        raise Refused(f"“{written}”不是月份，要写成 2026-11")
    start, end = month.bounds(zone)
    if end > now:
        raise Refused(f"{month} 还没过完，下个月再做")
    if start < now - COUNTABLE:
        raise Refused(f"{month} 太早了，问了几次已经清除，做不了")
    return month


async def make_cards(session: Session, making: CardMaking, now: datetime) -> int:
    """Make the next cards that are missing, each once, and owe them to the teachers; return how many say something."""
    groups = await classes_without_card(session, str(making.month), AT_ONCE)
    if not groups:
        return 0
    start, end = making.month.bounds(making.zone)
    asked = await asked_in_groups(session, start, end, SMALLEST)
    heard = await heard_in_groups(session, start, end)
    texts = {one.id or 0: _text(one, heard, asked.get(one.code, {}), making, now) for one in groups}
    made = await keep_cards(session, str(making.month), texts, now)
    told = [one for one in groups if one.id in made and texts[one.id]]
    for group in told:
        _owe(session, group, texts[group.id or 0], making, now)
    return len(told)


def _text(group: Group, heard: Sequence[Heard], counts: Mapping[str, int], making: CardMaking, now: datetime) -> str:
    library, number = making.library, group.id or 0
    mine = [one for one in heard if number in one.groups]
    pushed = [_push(one, one.groups[number], making) for one in mine]
    known = {
        topic: count
        for topic, count in counts.items()
        if topic in library.answers and library.class_cards.counts(topic)
    }
    asked = {library.answers[topic].title: count for topic, count in known.items()}
    day = now.astimezone(making.zone)
    values = library.values(f"{day.month}月{day.day}日")
    topics = _most_first([*Counter(known).elements()]) + _most_first(one.topic for one in pushed if one.topic)
    return card(making.month, group.name, pushed, asked, library.class_cards.sentence(topics, values))


def _most_first(topics: Iterable[str]) -> list[str]:
    counted = Counter(topics)
    return sorted(counted, key=lambda topic: (-counted[topic], topic))


def _push(heard: Heard, at: datetime, making: CardMaking) -> Push:
    campaign = making.library.campaigns.get(heard.campaign or "")
    day = at.astimezone(making.zone).date()
    return Push(day, heard.title) if campaign is None else Push(day, campaign.title, campaign.topic)


def _owe(session: Session, group: Group, text: str, making: CardMaking, now: datetime) -> None:
    """Owe a card to the class's teacher in private, by day; nothing where nobody knows how."""
    person = teacher_of(group, making.channels, making.sealer)
    if person is None:
        return
    leaves = _by_day(now, making.zone)
    delivery = Delivery(
        school_id=session.school_id,
        key=secrets.token_hex(12),
        channel=person[0],
        sealed_address=making.sealer.seal(person[1], REPLY_ADDRESS),
        text=text,
        priority=Priority.BROADCAST,
        repeatable=True,
        not_before=leaves,
        expires_at=quiet_from(leaves, making.zone),
        created_at=now,
    )
    enqueue(session, delivery)


def _by_day(now: datetime, zone: tzinfo) -> datetime:
    """Return now, or in the quiet hours the morning after them."""
    here = now.astimezone(zone)
    if not in_quiet_hours(here.time()):
        return now
    day = here.date() + timedelta(days=here.hour >= NOON)
    return datetime.combine(day, MORNING, zone).astimezone(UTC)


async def shown_card(session: Session, code: str, month: str | None) -> tuple[Group, ClassCard]:
    """Return a class and its card, the newest where no month is named. Raise Refused where there is none."""
    group = await group_by_code(session, code)
    if group is None or group.kind is not GroupKind.CLASS:
        raise Refused(f"没有班级群 {code}")
    if month is not None and read_month(month) is None:
        raise Refused(f"“{month}”不是月份，要写成 2026-11")
    found = await card_of(session, group.id or 0, month)
    if found is None:
        raise Refused(
            f"{code} 还没有{f' {month} 的' if month else ''}班级卡。每月初做上个月的；没做成的用 warden-bot cards make 补"
        )
    return group, found

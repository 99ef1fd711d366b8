"""What the calendar will push ahead: for the groups that there are, after what each has heard, or from the content alone."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta, tzinfo

from warden_bot.content.library import Library
from warden_bot.domain.calendar import occurrences
from warden_bot.domain.plan import Heard, Listener, Planned, Planner, monday_of, supposed_listeners
from warden_bot.domain.year import not_again_since
from warden_bot.handlers.campaign import undated
from warden_bot.states import HushReason
from warden_bot.store.broadcasts import times_sent
from warden_bot.store.budget import heard_since, texts_since
from warden_bot.store.database import Session
from warden_bot.store.groups import all_groups
from warden_bot.store.hushes import EVERYWHERE, Hush, hushes_of_groups

FOR_GOOD = datetime.max.replace(tzinfo=UTC)
A_MOMENT = timedelta(microseconds=1)


def planner_of(library: Library, zone: tzinfo) -> Planner:
    """Return one that knows the content only, and supposes a group of every sort."""
    values = library.values()
    wordings = {
        name: [undated(one.render(values)) for one in campaign.wordings] for name, campaign in library.campaigns.items()
    }
    audiences = library.audiences
    return Planner(audiences, wordings, library.year, zone, supposed_listeners(audiences.values()))


async def learn_school(session: Session, planner: Planner, now: datetime) -> bool:
    """Tell a planner of the groups and what they heard; False where there are none yet."""
    groups = [(one.id or 0, Listener(one.code, one.kind, one.grade)) for one in await all_groups(session)]
    if not groups:
        return False
    heard = await _heard(session, planner.zone, now)
    quiet = await hushes_of_groups(session, now)
    for number, listener in groups:
        listener.heard = heard[number]
        listener.muted_until = _until(quiet, listener.code, HushReason.MUTED)
        listener.spared_until = _until(quiet, listener.code, HushReason.UNWELCOME)
    planner.listeners = [listener for _, listener in groups]
    planner.stopped_until = max((one.until or FOR_GOOD for one in quiet if one.scope == EVERYWHERE), default=None)
    planner.times_sent = {name: await times_sent(session, name) for name in planner.wordings}
    return True


async def _heard(session: Session, zone: tzinfo, now: datetime) -> defaultdict[int, list[Heard]]:
    since = not_again_since(now, zone)
    words = {number: undated(text) for number, text in await texts_since(session, since)}
    found: defaultdict[int, list[Heard]] = defaultdict(list)
    for one in await heard_since(session, since):
        monday = monday_of(one.left_at.astimezone(zone).date())
        found[one.group_id].append(Heard(monday, one.made_at, words[one.broadcast_id], one.unasked, one.campaign))
    return found


def _until(quiet: Sequence[Hush], code: str, reason: HushReason) -> datetime | None:
    ends = [one.until or FOR_GOOD for one in quiet if one.group == code and one.reason is reason]
    return max(ends, default=None)


def coming_pushes(planner: Planner, library: Library, now: datetime, since: datetime, days: int) -> Iterator[Planned]:
    """Yield what becomes of everything that is due in some days; what comes before them is only reckoned with."""
    until = since + timedelta(days=days)
    coming = occurrences(library.calendar, min(now, since) - A_MOMENT, until, planner.zone)
    return (one for one in planner.plan(coming) if one.occurrence.due_at >= since)

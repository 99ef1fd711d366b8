"""What a worker claims in one turn: a fair share of every priority, with all that the messages are made of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import text

from warden_bot.domain.lanes import share_out
from warden_bot.domain.message import Recipient
from warden_bot.errors import SealBroken
from warden_bot.states import ChannelKind, Priority
from warden_bot.store import groups, officers
from warden_bot.store.columns import EPOCH, MICROSECOND, microseconds
from warden_bot.store.database import Session
from warden_bot.store.moves import claim
from warden_bot.store.outbox import REPLY_ADDRESS
from warden_bot.store.rows import Row, run_once, run_over
from warden_bot.store.sealing import Sealer

LANE = "SELECT 1 FROM delivery WHERE status = 'queued' AND school_id = ? AND not_before <= ?"
ANYTHING_DUE = f"{LANE} LIMIT 1"
# One look into the index for each priority.
DUE_LANES = "SELECT " + ", ".join(f"({LANE} AND priority = {int(priority)} LIMIT 1)" for priority in Priority)
PLACES = "SELECT id, code, channel, sealed_address, sealed_secret, route_broken_at FROM chat_group WHERE id IN"
PEOPLE = "SELECT id, name, channel, sealed_address FROM officer WHERE id IN"
TEXTS = "SELECT id, title, text FROM broadcast WHERE id IN"


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery that this worker alone may send now, with all that its message is made of."""

    id: int
    key: str
    channel: ChannelKind
    priority: Priority
    repeatable: bool
    attempts: int  # tries before this one that the platform did not throttle
    throttles: int  # tries that it did
    sent_parts: int
    expires_at: datetime | None
    recipient: Recipient | None  # None: its address is sealed with a key that we do not have
    scope: str  # what the platform counts this recipient by
    title: str
    text: str = field(repr=False)
    broadcast_id: int | None
    case_id: int | None
    group_id: int | None
    officer_id: int | None
    route_broken: bool  # the group was refused before, so an acceptance is news


async def anything_due(session: Session, now: datetime) -> bool:
    """Say whether some delivery's time has come."""
    found = await session.execute(
        text(ANYTHING_DUE.replace("?", ":school", 1).replace("?", ":now")),
        {"school": session.school_id, "now": microseconds(now)},
    )
    return found.first() is not None


async def claim_due(
    session: Session, worker: str, sealer: Sealer, busy: Mapping[Priority, int], most: int, now: datetime
) -> list[Claimed]:
    """Claim what is due and fits beside what this worker is `busy` with, the most urgent first.

    No priority is starved and none may take every place: `domain.lanes` shares them out.
    """
    (due,) = (await run_once(session, DUE_LANES, [session.school_id, microseconds(now)] * len(Priority))).rows
    shares = share_out(busy, [priority for priority, found in zip(Priority, due, strict=True) if found], most)
    rows: list[Row] = []
    for priority, share in shares.items():
        rows += await claim(session, worker, priority, share, now)
    return await _load(session, rows, sealer) if rows else []


async def _load(session: Session, rows: Sequence[Row], sealer: Sealer) -> list[Claimed]:
    """Add to claimed rows what their messages are made of; each row's columns are `moves.CLAIMED`."""
    texts = await _by_id(session, rows, 9, TEXTS)
    places = await _by_id(session, rows, 11, PLACES)
    people = await _by_id(session, rows, 12, PEOPLE)
    return [
        _claimed(row, places.get(row[11]), people.get(row[12]), texts.get(row[9]), sealer)
        for row in sorted(rows, key=lambda row: (row[3], row[0]))
    ]


async def _by_id(session: Session, rows: Sequence[Row], column: int, query: str) -> dict[int, Row]:
    """Return what `query` finds of the ids in one column of the rows, by id."""
    ids = sorted({row[column] for row in rows if row[column] is not None})
    return {row[0]: row for row in (await run_over(session, query, [ids])).rows} if ids else {}


def _claimed(row: Row, group: Row | None, officer: Row | None, broadcast: Row | None, sealer: Sealer) -> Claimed:
    """Put together one claimed delivery from rows of `moves.CLAIMED`, PLACES, PEOPLE and TEXTS."""
    delivery_id, key, channel, priority, repeatable, attempts, throttles, sent_parts, expires_at = row[:9]
    broadcast_id, case_id, group_id, officer_id, sealed_address, words = row[9:]
    # Where the group or officer is now: an address must never go to the platform it had before.
    now_on = group[2] if group else (officer[2] if officer and officer[2] else channel)
    kind = ChannelKind(now_on)
    return Claimed(
        id=delivery_id,
        key=key,
        channel=kind,
        priority=Priority(priority),
        repeatable=bool(repeatable),
        attempts=attempts,
        throttles=throttles,
        sent_parts=sent_parts,
        expires_at=EPOCH + MICROSECOND * expires_at if expires_at is not None else None,
        recipient=_recipient_or_none(sealed_address, group, officer, sealer),
        scope=_scope(kind, delivery_id, group_id, officer_id),
        title=broadcast[1] if broadcast else "",
        text=broadcast[2] if broadcast else words,
        broadcast_id=broadcast_id,
        case_id=case_id,
        group_id=group_id,
        officer_id=officer_id,
        route_broken=group is not None and group[5] is not None,
    )


def _recipient_or_none(
    sealed_address: bytes | None, group: Row | None, officer: Row | None, sealer: Sealer
) -> Recipient | None:
    try:
        return _recipient(sealed_address, group, officer, sealer)
    except SealBroken:  # one lost key must not keep everybody else's messages from leaving
        return None


def _recipient(sealed_address: bytes | None, group: Row | None, officer: Row | None, sealer: Sealer) -> Recipient:
    if group is not None:
        secret = sealer.open(group[4], groups.SECRET) if group[4] else ""
        return Recipient(group[1], sealer.open(group[3], groups.ADDRESS), secret)
    if officer is not None:
        address = sealer.open(officer[3], officers.ADDRESS) if officer[3] else ""
        return Recipient(officer[1], address, person=True)
    address = sealer.open(sealed_address, REPLY_ADDRESS) if sealed_address else ""
    return Recipient("", address, person=True)


def _scope(kind: ChannelKind, delivery_id: int, group_id: int | None, officer_id: int | None) -> str:
    """Name the recipient for pacing without its address, which for some platforms is the whole secret."""
    if group_id is not None:
        return f"{kind}:group:{group_id}"
    if officer_id is not None:
        return f"{kind}:officer:{officer_id}"
    return f"{kind}:delivery:{delivery_id}"

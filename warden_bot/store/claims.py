"""What a worker claims in one turn: a fair share of every priority, with all that the messages are made of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select, text
from sqlmodel import col

from warden_bot.domain.lanes import share_out
from warden_bot.domain.message import Recipient
from warden_bot.errors import SealBroken
from warden_bot.states import ChannelKind, Priority
from warden_bot.store import groups, officers
from warden_bot.store.broadcasts import Broadcast
from warden_bot.store.columns import EPOCH, MICROSECOND, microseconds
from warden_bot.store.database import Session
from warden_bot.store.groups import Group
from warden_bot.store.moves import claim
from warden_bot.store.officers import Officer
from warden_bot.store.outbox import REPLY_ADDRESS
from warden_bot.store.sealing import Sealer

ANYTHING_DUE = text(
    "SELECT 1 FROM delivery WHERE status = 'queued' AND school_id = :school AND not_before <= :now LIMIT 1"
)
LANE_IS_DUE = (
    "SELECT 1 FROM delivery WHERE status = 'queued' AND school_id = :school AND not_before <= :now AND priority ="
)
# One look into the index for each priority. Asked for at every turn, so it is said in plain SQL.
DUE_LANES = text("SELECT " + ", ".join(f"({LANE_IS_DUE} {int(priority)} LIMIT 1)" for priority in Priority))
PLACES = select(
    *(
        col(column)
        for column in (
            Group.id,
            Group.code,
            Group.channel,
            Group.sealed_address,
            Group.sealed_secret,
            Group.route_broken_at,
        )
    )
)
PEOPLE = select(col(Officer.id), col(Officer.name), col(Officer.channel), col(Officer.sealed_address))
TEXTS = select(col(Broadcast.id), col(Broadcast.title), col(Broadcast.text))


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
    """Say whether some delivery's time has come. Asked all day, so it is said in plain SQL."""
    values = {"school": session.school_id, "now": microseconds(now)}
    return (await session.execute(ANYTHING_DUE, values)).first() is not None


async def claim_due(
    session: Session, worker: str, sealer: Sealer, busy: Mapping[Priority, int], now: datetime
) -> list[Claimed]:
    """Claim what is due and fits beside what this worker is `busy` with, the most urgent first.

    No priority is starved and none may take every place: `domain.lanes` shares them out.
    """
    values = {"school": session.school_id, "now": microseconds(now)}
    due = (await session.execute(DUE_LANES, values)).one()
    shares = share_out(busy, [priority for priority, found in zip(Priority, due, strict=True) if found])
    rows: list[tuple[Any, ...]] = []
    for priority, share in shares.items():
        rows += await claim(session, worker, priority, share, now)
    return await _load(session, rows, sealer) if rows else []


async def _load(session: Session, rows: Sequence[tuple[Any, ...]], sealer: Sealer) -> list[Claimed]:
    """Add to claimed rows what their messages are made of; each row's columns are `moves.CLAIMED`."""
    texts = await _by_id(session, rows, 9, TEXTS)
    places = await _by_id(session, rows, 11, PLACES)
    people = await _by_id(session, rows, 12, PEOPLE)
    return [
        _claimed(row, places.get(row[11]), people.get(row[12]), texts.get(row[9]), sealer)
        for row in sorted(rows, key=lambda row: (row[3], row[0]))
    ]


async def _by_id(session: Session, rows: Sequence[tuple[Any, ...]], column: int, query: Any) -> dict[int, Any]:  # noqa: ANN401 -- a select of an id and more
    """Return what `query` finds of the ids in one column of the rows, by id."""
    ids = {row[column] for row in rows if row[column] is not None}
    if not ids:
        return {}
    found = await session.execute(query.where(query.selected_columns[0].in_(ids)))
    return {one[0]: one for one in found}


def _claimed(row: tuple[Any, ...], group: Any, officer: Any, broadcast: Any, sealer: Sealer) -> Claimed:  # noqa: ANN401 -- rows of PLACES, PEOPLE and texts
    delivery_id, key, channel, priority, repeatable, attempts, throttles, sent_parts, expires_at = row[:9]
    broadcast_id, case_id, group_id, officer_id, sealed_address, words = row[9:]
    # Where the group or officer is now: an address must never go to the platform it had before.
    kind = group.channel if group else (officer.channel if officer and officer.channel else ChannelKind(channel))
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
        title=broadcast.title if broadcast else "",
        text=broadcast.text if broadcast else words,
        broadcast_id=broadcast_id,
        case_id=case_id,
        group_id=group_id,
        officer_id=officer_id,
        route_broken=group is not None and group.route_broken_at is not None,
    )


def _recipient_or_none(sealed_address: bytes | None, group: Any, officer: Any, sealer: Sealer) -> Recipient | None:  # noqa: ANN401 -- see _claimed
    try:
        return _recipient(sealed_address, group, officer, sealer)
    except SealBroken:  # one lost key must not keep everybody else's messages from leaving
        return None


def _recipient(sealed_address: bytes | None, group: Any, officer: Any, sealer: Sealer) -> Recipient:  # noqa: ANN401 -- see _claimed
    if group is not None:
        secret = sealer.open(group.sealed_secret, groups.SECRET) if group.sealed_secret else ""
        return Recipient(group.code, sealer.open(group.sealed_address, groups.ADDRESS), secret)
    if officer is not None:
        address = sealer.open(officer.sealed_address, officers.ADDRESS) if officer.sealed_address else ""
        return Recipient(officer.name, address, person=True)
    address = sealer.open(sealed_address, REPLY_ADDRESS) if sealed_address else ""
    return Recipient("", address, person=True)


def _scope(kind: ChannelKind, delivery_id: int, group_id: int | None, officer_id: int | None) -> str:
    """Name the recipient for pacing without its address, which for some platforms is the whole secret."""
    if group_id is not None:
        return f"{kind}:group:{group_id}"
    if officer_id is not None:
        return f"{kind}:officer:{officer_id}"
    return f"{kind}:delivery:{delivery_id}"

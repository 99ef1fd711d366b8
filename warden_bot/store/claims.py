"""What a worker claims in one turn: a fair share of every priority, with all that the messages are made of."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy import text

from warden_bot.domain.lanes import share_out
from warden_bot.domain.message import Recipient
from warden_bot.errors import SealBroken
from warden_bot.states import ChannelKind, DeliveryStatus, GroupKind, Priority
from warden_bot.store import groups, officers
from warden_bot.store.columns import EPOCH, MICROSECOND, microseconds
from warden_bot.store.database import Session
from warden_bot.store.hushes import STOPPED_NOW
from warden_bot.store.moves import CLAIMED, claim, claim_batches
from warden_bot.store.outbox import REPLY_ADDRESS
from warden_bot.store.rows import Row, run_once, run_over
from warden_bot.store.sealing import Sealer

LANE = "SELECT 1 FROM delivery WHERE status = 'queued' AND school_id = ? AND not_before <= ?"
STOPPED = STOPPED_NOW.replace("?", ":school", 1).replace("?", ":now", 1)
# While every group is silenced the routine waits.
ROUTINE_LEAVES = f"(priority < {int(Priority.BROADCAST)} OR NOT EXISTS ({STOPPED}))"
ANYTHING_DUE = text(
    f"SELECT 1 FROM delivery WHERE status = 'queued' AND school_id = :school AND not_before <= :now AND {ROUTINE_LEAVES} LIMIT 1"  # noqa: S608 -- ours
)
# One look into the index for each priority, whether every group is silenced, and whether any platform is down.
LOOK = ", ".join(
    [f"({LANE} AND priority = {int(priority)} LIMIT 1)" for priority in Priority]
    + [f"({STOPPED_NOW})", "(SELECT 1 FROM platform_outage WHERE school_id = ? LIMIT 1)"]
)
COLUMNS = CLAIMED.split(", ")
STARTED_AT, FORGETS_AFTER, BATCH = (COLUMNS.index(name) for name in ("started_at", "forgets_after", "batch"))
# Not only those in `unknowns`: while a platform is down, no tries are counted.
UNKNOWN_TRIES = """SELECT DISTINCT delivery_id FROM attempt JOIN delivery ON delivery.id = delivery_id
    WHERE outcome = 'unknown' AND attempt.started_at >= delivery.started_at AND delivery_id IN"""
PLACES = """SELECT delivery.id, chat_group.code, chat_group.channel, chat_group.sealed_address, chat_group.sealed_secret,
    chat_group.route_broken_at, chat_group.name, officer.name, officer.channel, officer.sealed_address, broadcast.title,
    broadcast.text, posted.key, posted.status, broadcast.training, chat_group.kind,
    CASE WHEN broadcast.part = 'original' THEN broadcast.alert_id END, broadcast.alert_id IS NOT NULL FROM delivery LEFT JOIN chat_group ON chat_group.id = delivery.group_id
    LEFT JOIN officer ON officer.id = delivery.officer_id
    LEFT JOIN broadcast ON broadcast.id = delivery.broadcast_id
    LEFT JOIN delivery AS posted ON posted.id = delivery.reminds_of WHERE delivery.id IN"""


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery that this worker alone may send now, with all that its message is made of."""

    id: int
    key: str
    channel: ChannelKind
    priority: Priority
    repeatable: bool
    attempts: int  # tries before this one that the platform did not throttle
    unknowns: int  # those of them after which nobody knew whether it arrived
    throttles: int  # tries that it did
    sent_parts: int
    expires_at: datetime | None
    batch: str | None  # claimed together with all others of it, and sent in one request
    recipient: Recipient | None  # None: its address is sealed with a key that we do not have
    scope: str  # what the platform counts this recipient by
    title: str
    text: str = field(repr=False)
    broadcast_id: int | None
    case_id: int | None
    group_id: int | None
    officer_id: int | None
    about: str  # the key of the delivery that this one reminds of
    is_idle: bool  # it reminds of something that is no longer waited for
    route_broken: bool  # the group was refused before, so an acceptance is news
    alert_id: int | None = None  # the alert whose original it is: there may be a picture to it
    of_alert: bool = False  # a part of one, its original or what follows
    misdirected: bool = False  # an exercise, and the group is not the officers' own
    doubtful: bool = False  # a try may have arrived, and the platform would no longer know another one for a repeat


async def anything_due(session: Session, now: datetime) -> bool:
    """Say whether some delivery's time has come."""
    values = {"school": session.school_id, "now": microseconds(now)}
    found = await session.execute(ANYTHING_DUE, values)
    return found.first() is not None


@dataclass(frozen=True, slots=True)
class Look:
    """What one look at the outbox shows: which priorities have something due, and whether any platform is down."""

    due: tuple[Priority, ...]
    any_outage: bool


async def look_around(session: Session, now: datetime) -> Look:
    """Look, in one statement, before a turn is taken. What waits because every group is silenced is not due."""
    lane = [session.school_id, microseconds(now)]
    (found,) = (await run_once(session, f"SELECT {LOOK}", [*lane * (len(Priority) + 1), session.school_id])).rows
    *lanes, stopped, any_outage = found
    due = [priority for priority, one in zip(Priority, lanes, strict=True) if one]
    if stopped:
        due = [priority for priority in due if priority < Priority.BROADCAST]
    return Look(tuple(due), any_outage=bool(any_outage))


async def claim_due(
    session: Session,
    worker: str,
    sealer: Sealer,
    due: Collection[Priority],
    busy: Mapping[Priority, int],
    most: int,
    now: datetime,
) -> list[Claimed]:
    """Claim at most so many of the priorities that have something `due`, beside what this worker is `busy` with.

    The most urgent first; no priority is starved and none may take every place: `domain.lanes` shares them out.
    """
    rows: list[Row] = []
    for priority, share in share_out(busy, due, most).items():
        rows += await claim(session, worker, priority, share, now)
    if not rows:
        return []
    if batches := sorted({row[BATCH] for row in rows if row[BATCH]}):
        rows += await claim_batches(session, worker, batches, now)
    made_of = {row[0]: row for row in (await run_over(session, PLACES, [[row[0] for row in rows]])).rows}
    ordered = sorted(rows, key=lambda row: (row[3], row[0]))
    claimed = [_claimed(row, made_of[row[0]][1:], sealer) for row in ordered]
    forgotten = {row[0] for row in rows if _is_forgotten(row, microseconds(now))}
    return await _doubted(session, claimed, forgotten) if forgotten else claimed


def _is_forgotten(row: Row, now: int) -> bool:
    """Say whether the platform may have forgotten the key by now."""
    return row[FORGETS_AFTER] is not None and row[STARTED_AT] + row[FORGETS_AFTER] <= now


async def _doubted(session: Session, claimed: Sequence[Claimed], forgotten: Collection[int]) -> list[Claimed]:
    """Let those whose key is forgotten not be repeated blindly any more, neither after this try nor by it."""
    unsure = {row[0] for row in (await run_over(session, UNKNOWN_TRIES, [list(forgotten)])).rows}
    return [
        replace(one, repeatable=False, doubtful=one.unknowns > 0 or one.id in unsure) if one.id in forgotten else one
        for one in claimed
    ]


def _claimed(row: Row, made_of: Row, sealer: Sealer) -> Claimed:
    """Put together one claimed delivery from its row of `moves.CLAIMED` and that of PLACES."""
    delivery_id, key, channel, priority, repeatable, attempts, unknowns, throttles, sent_parts, expires_at = row[:10]
    batch, broadcast_id, case_id, group_id, officer_id, reminds_of, sealed_address, words = row[BATCH:]
    group, officer, (title, text, about, posting) = made_of[:6], made_of[6:9], made_of[9:13]
    training, group_kind, alert_id, of_alert = made_of[13:]
    # Where the group or officer is now: an address must never go to the platform it had before.
    kind = ChannelKind(group[1] or officer[1] or channel)
    return Claimed(
        id=delivery_id,
        key=key,
        channel=kind,
        priority=Priority(priority),
        repeatable=bool(repeatable),
        attempts=attempts,
        unknowns=unknowns,
        throttles=throttles,
        sent_parts=sent_parts,
        expires_at=EPOCH + MICROSECOND * expires_at if expires_at is not None else None,
        batch=batch,
        recipient=_recipient_or_none(sealed_address, group, officer, sealer),
        scope=_scope(kind, delivery_id, group_id, officer_id),
        title=title or "",
        text=words if text is None else text,
        broadcast_id=broadcast_id,
        case_id=case_id,
        group_id=group_id,
        officer_id=officer_id,
        about=about or "",
        is_idle=reminds_of is not None and posting != DeliveryStatus.RELAY_PENDING,
        route_broken=group[4] is not None,
        alert_id=alert_id,
        of_alert=bool(of_alert),
        misdirected=bool(training) and group_kind != GroupKind.DUTY,
    )


def _recipient_or_none(sealed_address: bytes | None, group: Row, officer: Row, sealer: Sealer) -> Recipient | None:
    try:
        return _recipient(sealed_address, group, officer, sealer)
    except SealBroken:  # one lost key must not keep everybody else's messages from leaving
        return None


def _recipient(sealed_address: bytes | None, group: Row, officer: Row, sealer: Sealer) -> Recipient:
    code, _, group_address, group_secret, _, group_name = group
    name, _, officer_address = officer
    if code is not None:
        secret = sealer.open(group_secret, groups.SECRET) if group_secret else ""
        return Recipient(code, sealer.open(group_address, groups.ADDRESS), secret, name=group_name)
    if name is not None:
        return Recipient(name, sealer.open(officer_address, officers.ADDRESS) if officer_address else "", person=True)
    return Recipient("", sealer.open(sealed_address, REPLY_ADDRESS) if sealed_address else "", person=True)


def _scope(kind: ChannelKind, delivery_id: int, group_id: int | None, officer_id: int | None) -> str:
    """Name the recipient for pacing without its address, which for some platforms is the whole secret."""
    if group_id is not None:
        return f"{kind}:group:{group_id}"
    if officer_id is not None:
        return f"{kind}:officer:{officer_id}"
    return f"{kind}:delivery:{delivery_id}"

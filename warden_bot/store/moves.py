"""Every change of a delivery's state, in one place. Nothing else writes the column `status`.

    QUEUED ──claim──▶ SENDING ──finish──▶ SENT          the platform took it
     ▲ ▲ │               │ │ ├───────────▶ FAILED        refused for good, or tried often enough
     │ │ │               │ │ ├───────────▶ UNCONFIRMED   no answer, and a repeat would do harm: waits for a person
     │ │ │               │ │ └───────────▶ QUEUED        again later: throttled, busy, no answer where a repeat is harmless
     │ └─┼──give back────┘ └─lose────────▶ UNCONFIRMED   the claim ran out: the worker died, the request may be out
     │   ├──expire──────────▶ EXPIRED                      │ its window closed before it could leave
     │   └──call back───────▶ CANCELLED                    │ the broadcast was cancelled, or the case has its officer
     ├──send again── (only what may be repeated) ──────────┘
     └──replay── FAILED, UNCONFIRMED, EXPIRED              a person wants it sent after all

    SENDING ──finish──▶ RELAY_PENDING ──confirm──▶ RELAYED    a teacher has it; the teacher posted it
                        RELAY_PENDING ──overstay──▶ EXPIRED   nobody posted it; ──call back──▶ CANCELLED
    UNCONFIRMED, QUEUED ──learn──▶ SENT, FAILED            the lost worker lived and says how its try ended
    UNCONFIRMED ──give back──▶ QUEUED                      the lost worker lived and says that it never began

`states.DELIVERY_MOVES` holds the same as a table, and each statement below takes only rows in a state that the table
allows. A claim lasts LEASE and is renewed while its worker lives. Decision 5 says which deliveries may be repeated
blindly; they are marked `repeatable` when they are enqueued: case notices, replies, urgent alerts, and every channel
that takes an idempotency key.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Update, or_, update
from sqlmodel import col, select

from warden_bot.domain.trouble import MUTED
from warden_bot.errors import IllegalMove
from warden_bot.states import DELIVERY_MOVES, DeliveryMove, DeliveryStatus, Priority
from warden_bot.store.broadcasts import Broadcast
from warden_bot.store.columns import microseconds
from warden_bot.store.database import Session
from warden_bot.store.inline import HEAVY
from warden_bot.store.outbox import HELD, TO_BE_POSTED, WAITING, Delivery
from warden_bot.store.rows import Row, changed_rows, run_once, run_over

LEASE = timedelta(seconds=10)  # how long a claim holds without being renewed
LOST = "worker_lost"  # the code of a delivery whose claim ran out
CLAIMED = (
    "id, key, channel, priority, repeatable, attempts, unknowns, throttles, sent_parts, expires_at, started_at, forgets_after, "
    "batch, broadcast_id, case_id, group_id, officer_id, reminds_of, sealed_address, text"
)


def ran_out(now: datetime, ago: timedelta = timedelta(0)) -> ColumnElement[bool]:
    """Say in SQL that a claim ran out so long ago, or was made before the clock was set back: none lasts longer."""
    return or_(col(Delivery.claimed_until) < now - ago, col(Delivery.claimed_until) > now + 2 * LEASE)


def moving(move: DeliveryMove, to: DeliveryStatus) -> Update:
    """Return an update that takes only deliveries which this move may take, and puts them into `to`."""
    return (
        update(Delivery)
        .where(col(Delivery.status).in_(_sources(move, to)))
        .values(status=to)
        .execution_options(synchronize_session=False, **HEAVY)
    )


def _sources(move: DeliveryMove, to: DeliveryStatus) -> Sequence[DeliveryStatus]:
    """Return the states that a move takes deliveries from. Raise IllegalMove when it never leads to `to`."""
    sources, targets = DELIVERY_MOVES[move]
    if to not in targets:
        message = f"no delivery becomes {to} by {move}"
        raise IllegalMove(message)
    return sorted(sources)


def _held(worker: str, ids: Iterable[int], move: DeliveryMove, to: DeliveryStatus) -> Update:
    return moving(move, to).where(HELD, col(Delivery.claimed_by) == worker, col(Delivery.id).in_(list(ids)))


async def claim(session: Session, worker: str, priority: Priority, most: int, now: datetime) -> Sequence[Row]:
    """Take up to `most` due deliveries of one priority, the longest due first; return their columns `CLAIMED`.

    Another worker may have been first for any of them: the update only takes rows that are still queued, and on
    PostgreSQL rows that another worker is just taking are passed over instead of waited for. The choice stands in a
    CTE on purpose: as a plain sub-select PostgreSQL may evaluate it again for each row and take more than `most`.
    """
    lock = "" if session.on_sqlite else "FOR UPDATE SKIP LOCKED"
    moment = microseconds(now)
    claimed = await run_once(
        session,
        f"""WITH due AS (SELECT id FROM delivery WHERE status = '{DeliveryStatus.QUEUED}' AND school_id = ?
            AND priority = ? AND not_before <= ? AND leads AND (expires_at IS NULL OR expires_at > ?)
            ORDER BY not_before, id LIMIT ? {lock})
        UPDATE delivery SET status = '{DeliveryStatus.SENDING}', claimed_by = ?, claimed_until = ?,
            started_at = coalesce(started_at, ?)
        WHERE id IN (SELECT id FROM due) AND {among(DeliveryMove.CLAIM, DeliveryStatus.SENDING)} RETURNING {CLAIMED}""",  # noqa: S608 -- states and columns of ours
        (session.school_id, int(priority), moment, moment, most, worker, microseconds(now + LEASE), moment),
    )
    return claimed.rows


async def claim_batches(session: Session, worker: str, batches: Sequence[str], now: datetime) -> Sequence[Row]:
    """Take everything else that is queued of these batches, whatever its time; return their columns `CLAIMED`.

    What goes out in one request must be the same each time, or the platform would not know it for a repeat.
    """
    moment = microseconds(now)
    marks = ", ".join(["?"] * len(batches))
    claimed = await run_once(
        session,
        f"""UPDATE delivery SET status = '{DeliveryStatus.SENDING}', claimed_by = ?, claimed_until = ?,
            started_at = coalesce(started_at, ?) WHERE school_id = ? AND batch IN ({marks})
            AND (expires_at IS NULL OR expires_at > ?) AND {among(DeliveryMove.CLAIM, DeliveryStatus.SENDING)}
            RETURNING {CLAIMED}""",  # noqa: S608 -- states and columns of ours
        (worker, microseconds(now + LEASE), moment, session.school_id, *batches, moment),
    )
    return claimed.rows


def among(move: DeliveryMove, *to: DeliveryStatus) -> str:
    """Return, as SQL, the condition that a row is in a state from which this move leads to all of `to`."""
    sources = {state for target in to for state in _sources(move, target)}
    return f"status IN ({', '.join(repr(state.value) for state in sorted(sources))})"


async def renew(session: Session, worker: str, ids: Sequence[int], now: datetime) -> None:
    """Hold on to what this worker is still sending. No move: the state stays SENDING."""
    statement = update(Delivery).where(HELD, col(Delivery.claimed_by) == worker, col(Delivery.id).in_(ids))
    await session.execute(statement.values(claimed_until=now + LEASE).execution_options(synchronize_session=False))


async def put_back(session: Session, worker: str, later: Sequence[tuple[int, datetime, str]]) -> None:
    """Give claimed deliveries back untried, each with the instant before which it is not tried, and why.

    Also those that a sweeper thought lost meanwhile: this worker knows that nothing of them was sent.
    """
    if not later:
        return
    given_back = f""") UPDATE delivery SET status = '{DeliveryStatus.QUEUED}', claimed_by = NULL, claimed_until = NULL,
        not_before = later.not_before, code = later.code, finished_at = NULL FROM later WHERE delivery.id = later.id
        AND claimed_by = worker AND {among(DeliveryMove.GIVE_BACK, DeliveryStatus.QUEUED)}
        AND (status = '{DeliveryStatus.SENDING}' OR delivery.code = '{LOST}')"""  # noqa: S608 -- states of ours
    rows = [(delivery_id, worker, microseconds(instant), code) for delivery_id, instant, code in later]
    head = "WITH later (id, worker, not_before, code) AS (VALUES"
    await run_over(session, head, rows, given_back, "(CAST(? AS BIGINT), ?, CAST(? AS BIGINT), ?)")


async def give_back_strays(session: Session, worker: str, known: Sequence[int], now: datetime) -> int:
    """Give back what is claimed in this worker's name and it does not know of: a commit whose answer was lost."""
    statement = (
        moving(DeliveryMove.GIVE_BACK, DeliveryStatus.QUEUED)
        .where(HELD, col(Delivery.claimed_by) == worker, col(Delivery.id).not_in(known))
        .values(claimed_by=None, claimed_until=None, not_before=now)
    )
    return changed_rows(await session.execute(statement))


async def finish_untried(
    session: Session, worker: str, delivery_id: int, status: DeliveryStatus, code: str, now: datetime
) -> None:
    """End a claimed delivery without a try: there is nothing to send, or no way to."""
    statement = _held(worker, [delivery_id], DeliveryMove.FINISH, status)
    await session.execute(statement.values(claimed_by=None, claimed_until=None, code=code, finished_at=now))


async def lose(session: Session, now: datetime) -> int:
    """Call UNCONFIRMED whatever was held by claims that ran out; return how many that were.

    The worker's name stays, so that it can still say how its try ended.
    """
    statement = (
        moving(DeliveryMove.LOSE, DeliveryStatus.UNCONFIRMED)
        .where(HELD, col(Delivery.school_id) == session.school_id, ran_out(now))
        .values(
            claimed_until=None,
            attempts=Delivery.attempts + 1,
            unknowns=Delivery.unknowns + 1,
            code=LOST,
            finished_at=now,
        )
    )
    return changed_rows(await session.execute(statement))


async def send_again(session: Session, now: datetime) -> int:
    """Put lost deliveries that may be repeated back into the queue, unless their window is over."""
    lost = [col(Delivery.code) == LOST, col(Delivery.repeatable).is_(True)]
    remembered = col(Delivery.started_at) + col(Delivery.forgets_after) > microseconds(now)
    statement = (
        moving(DeliveryMove.SEND_AGAIN, DeliveryStatus.QUEUED)
        .where(col(Delivery.school_id) == session.school_id, *lost)
        .where(or_(col(Delivery.expires_at).is_(None), col(Delivery.expires_at) > now))
        .where(or_(col(Delivery.forgets_after).is_(None), remembered))
        .values(not_before=now, finished_at=None, claimed_by=None)
    )
    found = changed_rows(await session.execute(statement))
    if found:
        session.wake_outbox()
    return found


async def expire(session: Session, now: datetime) -> int:
    """Give up what could not leave inside its window; return how many that were."""
    statement = (
        moving(DeliveryMove.EXPIRE, DeliveryStatus.EXPIRED)
        .where(WAITING, col(Delivery.school_id) == session.school_id, col(Delivery.expires_at) <= now)
        .values(finished_at=now, code="window_over")
    )
    return changed_rows(await session.execute(statement))


async def call_back(session: Session, now: datetime, *, broadcast_id: int = 0, case_id: int = 0) -> int:
    """Call back what a broadcast or a case owes and has not left yet; return how many that were."""
    whose = col(Delivery.broadcast_id) == broadcast_id if broadcast_id else col(Delivery.case_id) == case_id
    statement = moving(DeliveryMove.CALL_BACK, DeliveryStatus.CANCELLED).where(whose).values(finished_at=now)
    return changed_rows(await session.execute(statement))


async def call_back_campaigns(session: Session, group_id: int, now: datetime) -> int:
    """Call back what campaigns owe a group and has not left yet; return how many that were."""
    made_by_campaigns = select(Broadcast.id).where(col(Broadcast.campaign).is_not(None))
    statement = (
        moving(DeliveryMove.CALL_BACK, DeliveryStatus.CANCELLED)
        .where(WAITING, col(Delivery.group_id) == group_id, col(Delivery.broadcast_id).in_(made_by_campaigns))
        .values(finished_at=now, code=MUTED)
    )
    return changed_rows(await session.execute(statement))


async def confirm(session: Session, delivery_id: int, now: datetime) -> bool:
    """Write down that a handed-over delivery is posted; False where that is known already, or it was called back."""
    statement = moving(DeliveryMove.CONFIRM, DeliveryStatus.RELAYED).where(col(Delivery.id) == delivery_id)
    done = {"finished_at": now, "claimed_by": None, "claimed_until": None, "code": "", "platform_words": ""}
    return bool(changed_rows(await session.execute(statement.values(**done))))


async def overstay(session: Session, handed_before: datetime, now: datetime) -> int:
    """Give up what was handed over before an instant and is still not posted; return how many that were."""
    statement = moving(DeliveryMove.OVERSTAY, DeliveryStatus.EXPIRED).where(
        TO_BE_POSTED, col(Delivery.school_id) == session.school_id, col(Delivery.finished_at) < handed_before
    )
    return changed_rows(await session.execute(statement.values(code="not_posted", finished_at=now)))


async def close_window(session: Session, broadcast_id: int, now: datetime) -> int:
    """Let what is being sent this moment not leave any more if it comes back untaken; return how many those are."""
    statement = update(Delivery).where(HELD, col(Delivery.broadcast_id) == broadcast_id).values(expires_at=now)
    return changed_rows(await session.execute(statement.execution_options(synchronize_session=False)))


async def supersede(session: Session, prefix: str, now: datetime) -> datetime:
    """Call back replies whose key begins so; return when the next may leave, after one that is being sent this moment."""
    ours = (col(Delivery.school_id) == session.school_id, col(Delivery.key).startswith(prefix))
    waiting = (WAITING, col(Delivery.priority) == Priority.REPLY)
    called_back = moving(DeliveryMove.CALL_BACK, DeliveryStatus.CANCELLED).where(*waiting, *ours)
    await session.execute(called_back.values(finished_at=now))
    last_try = update(Delivery).where(HELD, *ours).values(expires_at=now)
    held = changed_rows(await session.execute(last_try.execution_options(synchronize_session=False)))
    return now + LEASE if held else now


async def free_stragglers(session: Session) -> int:
    """Let one lead where others of a batch still wait and their leader is done: nobody would ever claim them.

    Return how many now lead. No move: they stay QUEUED.
    """
    freed = await run_once(
        session,
        f"""UPDATE delivery SET leads = true WHERE {WAITING} AND id IN (SELECT min(one.id) FROM delivery AS one
            WHERE one.{WAITING} AND one.school_id = ? AND NOT one.leads AND one.batch IS NOT NULL
            AND NOT EXISTS (SELECT 1 FROM delivery AS leader WHERE leader.{WAITING} AND leader.batch = one.batch
                AND leader.leads)
            AND NOT EXISTS (SELECT 1 FROM delivery AS mate WHERE mate.{HELD} AND mate.batch = one.batch)
            GROUP BY one.batch)""",  # noqa: S608 -- conditions of ours
        (session.school_id,),
    )
    if freed.changed:
        session.wake_outbox()
    return freed.changed


async def replay(session: Session, ids: Sequence[int], expires_at: datetime, now: datetime) -> int:
    """Owe stranded deliveries once more, under their old keys; return how many were taken."""
    statement = moving(DeliveryMove.REPLAY, DeliveryStatus.QUEUED).where(
        col(Delivery.school_id) == session.school_id, col(Delivery.id).in_(ids)
    )
    fresh = {
        "batch": None,
        "leads": True,
        "reminders": 0,
        "attempts": 0,
        "unknowns": 0,
        "throttles": 0,
        "code": "",
        "platform_words": "",
        "started_at": None,
        "finished_at": None,
        "claimed_by": None,
    }
    found = await session.execute(statement.values(not_before=now, expires_at=expires_at, **fresh))
    session.wake_outbox()
    return changed_rows(found)

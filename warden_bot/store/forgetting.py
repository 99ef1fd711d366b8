"""What is kept only for so many days: what it is, where it lies, and how it is erased, a few rows at a time."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, delete, func, or_, update
from sqlmodel import SQLModel, col, select

from warden_bot.domain.class_card import COUNTABLE
from warden_bot.states import STRANDED, UNFINISHED, Action, CaseStatus, DeliveryStatus
from warden_bot.store.audit import AuditEntry
from warden_bot.store.case_notes import CaseNote
from warden_bot.store.cases import TIP_REPORTER, TIP_TEXT, Case, Tip
from warden_bot.store.database import Session
from warden_bot.store.inbox import InboxMessage
from warden_bot.store.inline import HEAVY
from warden_bot.store.lesson_answers import LessonAnswer
from warden_bot.store.machine_alarms import MachineAlarm
from warden_bot.store.outbox import Delivery
from warden_bot.store.receipts import Receipt
from warden_bot.store.rows import changed_rows
from warden_bot.store.sealing import NOTHING_SEALED, Sealer
from warden_bot.store.tip_media import TipMedia

BATCH = 200  # rows to a transaction: everybody else's writing waits meanwhile
NOBODY = '{"id": "", "name": "", "role": "parent", "group": null, "reply_url": null}'  # in the place of a reporter
IN_HAND = (*UNFINISHED, DeliveryStatus.RELAY_PENDING)

Conditions = Callable[[int, datetime], Sequence[ColumnElement[bool]]]
Values = Callable[[Sealer], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Forgetting:
    """One sort of rows that are erased in time."""

    name: str
    kind: str  # whose days count; a field of Retention
    table: type[SQLModel]
    which: Conditions  # of a school, before a moment; never true of a row that is erased already
    values: Values | None = None  # what takes the place of what is erased; None: the row goes
    held_by: tuple[type[SQLModel], str] | None = None  # a column elsewhere that names the row, emptied first


def _closed(case_id: Any, school_id: int, before: datetime) -> ColumnElement[bool]:  # noqa: ANN401 -- a column of any table
    closed = select(Case.id).where(
        Case.school_id == school_id, Case.status == CaseStatus.CLOSED, col(Case.closed_at) < before
    )
    return col(case_id).in_(closed)


def _tips(school_id: int, before: datetime) -> Sequence[ColumnElement[bool]]:
    return [
        col(Tip.school_id) == school_id,
        func.length(Tip.sealed_text) > NOTHING_SEALED,
        _closed(Tip.case_id, school_id, before),
    ]


def _pictures(school_id: int, before: datetime) -> Sequence[ColumnElement[bool]]:
    return [col(TipMedia.school_id) == school_id, _closed(TipMedia.case_id, school_id, before)]


def _notes(school_id: int, before: datetime) -> Sequence[ColumnElement[bool]]:
    return [col(CaseNote.school_id) == school_id, _closed(CaseNote.case_id, school_id, before)]


def _reporters(school_id: int, before: datetime) -> Sequence[ColumnElement[bool]]:
    return [col(Tip.school_id) == school_id, col(Tip.reporter_hash) != "", _closed(Tip.case_id, school_id, before)]


def _contacts(school_id: int, before: datetime) -> Sequence[ColumnElement[bool]]:
    return [
        col(Receipt.school_id) == school_id,
        or_(col(Receipt.sealed_reply_to).is_not(None), col(Receipt.reporter_hash) != ""),
        _closed(Receipt.case_id, school_id, before),
    ]


def _receipts(school_id: int, before: datetime) -> Sequence[ColumnElement[bool]]:
    return [col(Receipt.school_id) == school_id, col(Receipt.created_at) < before]


def _talk(school_id: int, before: datetime) -> Sequence[ColumnElement[bool]]:
    """Name talk; of what was answered only the topic is left by then, and that is counted for the class's card first."""
    counted = or_(
        col(InboxMessage.action) != Action.ANSWER,
        col(InboxMessage.topic).is_(None),
        col(InboxMessage.received_at) < before - COUNTABLE,
    )
    return [
        col(InboxMessage.school_id) == school_id,
        col(InboxMessage.received_at) < before,
        ~col(InboxMessage.addressed),
        counted,
    ]


def _replies(school_id: int, before: datetime) -> Sequence[ColumnElement[bool]]:
    return [
        col(InboxMessage.school_id) == school_id,
        col(InboxMessage.received_at) < before,
        or_(col(InboxMessage.reply).is_not(None), col(InboxMessage.text_hash) != ""),
    ]


def _sent(school_id: int, before: datetime) -> Sequence[ColumnElement[bool]]:
    """Name replies and whatever else went to a private address. What a person may yet send into a group keeps its text."""
    return [
        col(Delivery.school_id) == school_id,
        col(Delivery.created_at) < before,
        or_(col(Delivery.inbox_id).is_not(None), col(Delivery.sealed_address).is_not(None)),
        or_(col(Delivery.text) != "", col(Delivery.sealed_address).is_not(None)),
        col(Delivery.status).not_in(IN_HAND),
        or_(col(Delivery.status).not_in(STRANDED), col(Delivery.group_id).is_(None)),
    ]


def _alarms(school_id: int, before: datetime) -> Sequence[ColumnElement[bool]]:
    return [col(MachineAlarm.school_id) == school_id, col(MachineAlarm.last_at) < before]


def _lessons(school_id: int, before: datetime) -> Sequence[ColumnElement[bool]]:
    return [col(LessonAnswer.school_id) == school_id, col(LessonAnswer.at) < before]


def _entries(school_id: int, before: datetime) -> Sequence[ColumnElement[bool]]:
    return [col(AuditEntry.school_id) == school_id, col(AuditEntry.at) < before]


FORGETTINGS = (
    Forgetting("tip_words", "tips", Tip, _tips, lambda sealer: {"sealed_text": sealer.seal("", TIP_TEXT)}),
    Forgetting("tip_pictures", "tips", TipMedia, _pictures),
    Forgetting("case_notes", "tips", CaseNote, _notes),
    Forgetting(
        "reporters",
        "reporters",
        Tip,
        _reporters,
        lambda sealer: {"sealed_reporter": sealer.seal(NOBODY, TIP_REPORTER), "reporter_hash": ""},
    ),
    Forgetting(
        "contacts", "reporters", Receipt, _contacts, lambda _sealer: {"sealed_reply_to": None, "reporter_hash": ""}
    ),
    Forgetting("receipts", "receipts", Receipt, _receipts, held_by=(CaseNote, "receipt_id")),
    Forgetting("replies_sent", "replies", Delivery, _sent, lambda _sealer: {"text": "", "sealed_address": None}),
    Forgetting("replies", "replies", InboxMessage, _replies, lambda _sealer: {"reply": None, "text_hash": ""}),
    # A database may give the number of a row that is gone to a new one: no delivery may still name it then.
    Forgetting("talk", "talk", InboxMessage, _talk, held_by=(Delivery, "inbox_id")),
    Forgetting("machine_alarms", "alarms", MachineAlarm, _alarms),
    Forgetting("lesson_answers", "lessons", LessonAnswer, _lessons),
    Forgetting("audit_entries", "audit", AuditEntry, _entries),
)


async def count_forgotten(session: Session, forgetting: Forgetting, before: datetime) -> int:
    """Return how many rows there are to erase."""
    which = forgetting.which(session.school_id, before)
    query = select(func.count()).select_from(forgetting.table).where(*which)
    return int((await session.execute(query.execution_options(**HEAVY))).scalar_one())


async def forget_some(session: Session, sealer: Sealer, forgetting: Forgetting, before: datetime) -> int:
    """Erase the next few rows; return how many. Each is looked at again by the statement that erases it."""
    table, which = forgetting.table, forgetting.which(session.school_id, before)
    number = col(table.id)  # type: ignore[attr-defined]
    found = select(number).where(*which).order_by(number).limit(BATCH)
    ids = [one for (one,) in (await session.execute(found.execution_options(**HEAVY))).all()]
    if not ids:
        return 0
    if forgetting.held_by is not None:
        holder, column = forgetting.held_by
        emptied = update(holder).where(col(getattr(holder, column)).in_(ids)).values({column: None})
        await session.execute(emptied.execution_options(synchronize_session=False))
    mine = (number.in_(ids), *which)
    change = (
        delete(table).where(*mine) if forgetting.values is None else _blanked(forgetting.values(sealer), table, mine)
    )
    return changed_rows(await session.execute(change.execution_options(synchronize_session=False)))


def _blanked(values: dict[str, Any], table: type[SQLModel], which: Sequence[ColumnElement[bool]]) -> Any:  # noqa: ANN401 -- a statement
    return update(table).where(*which).values(values)

"""Seal again with the newest key what an older one sealed: column by column, a few rows to a transaction."""

from dataclasses import dataclass

from sqlalchemy import LargeBinary, func, literal, update
from sqlmodel import SQLModel, col, select

from warden_bot.errors import SealBroken
from warden_bot.store import (
    case_notes,
    cases,
    groups,
    missed_questions,
    officers,
    opinions,
    outbox,
    receipts,
    rooms,
    tokens,
)
from warden_bot.store.case_notes import CaseNote
from warden_bot.store.cases import Tip
from warden_bot.store.database import Session
from warden_bot.store.groups import Group
from warden_bot.store.inline import HEAVY
from warden_bot.store.missed_questions import MissedQuestion
from warden_bot.store.officers import Officer
from warden_bot.store.opinions import Opinion
from warden_bot.store.outbox import Delivery
from warden_bot.store.receipts import Receipt
from warden_bot.store.rooms import RoomMessage
from warden_bot.store.rows import changed_rows
from warden_bot.store.sealing import KEY_ID_BYTES, VERSION, Sealer
from warden_bot.store.tip_media import PICTURE, TipMedia
from warden_bot.store.tokens import PlatformToken

BATCH = 40  # rows to a transaction: pictures are large, and everybody else's writing waits meanwhile
MARK_BYTES = len(VERSION) + KEY_ID_BYTES


@dataclass(frozen=True, slots=True)
class SealedColumn:
    """One column that holds sealed values, and the context that they are sealed for."""

    table: type[SQLModel]
    column: str
    context: str

    @property
    def name(self) -> str:
        """What a person calls it."""
        return f"{self.table.__tablename__}.{self.column.removeprefix('sealed_')}"


# Every sealed column of every table; a test holds it against the classes.
SEALED_COLUMNS = (
    SealedColumn(Tip, "sealed_text", cases.TIP_TEXT),
    SealedColumn(Tip, "sealed_reporter", cases.TIP_REPORTER),
    SealedColumn(TipMedia, "sealed_picture", PICTURE),
    SealedColumn(CaseNote, "sealed_text", case_notes.NOTE_TEXT),
    SealedColumn(Receipt, "sealed_reply_to", receipts.REPLY_TO),
    SealedColumn(MissedQuestion, "sealed_text", missed_questions.MISSED_TEXT),
    SealedColumn(Delivery, "sealed_address", outbox.REPLY_ADDRESS),
    SealedColumn(Group, "sealed_address", groups.ADDRESS),
    SealedColumn(Group, "sealed_secret", groups.SECRET),
    SealedColumn(Officer, "sealed_address", officers.ADDRESS),
    SealedColumn(RoomMessage, "sealed_words", rooms.WORDS),
    SealedColumn(Opinion, "sealed_text", opinions.OPINION_TEXT),
    SealedColumn(PlatformToken, "sealed_token", tokens.TOKEN),
)


@dataclass(frozen=True, slots=True)
class Resealed:
    """What became of a few rows of a column."""

    last_id: int  # the last one looked at
    looked: int
    resealed: int
    unreadable: int  # no key of ours opens them


async def reseal_some(
    session: Session, sealer: Sealer, sealed: SealedColumn, after: int, most: int = BATCH
) -> Resealed:
    """Seal again the next few values that another than the newest key sealed.

    A value is only replaced while it is still the one that was opened: whoever writes it meanwhile is never undone, and
    what a killed run left is found by its key's id.
    """
    value = col(getattr(sealed.table, sealed.column))
    number, school = col(sealed.table.id), col(sealed.table.school_id)  # type: ignore[attr-defined]
    query = select(number, value).where(
        school == session.school_id,
        number > after,
        func.length(value) > 0,
        func.substr(value, 1, MARK_BYTES) != literal(sealer.newest, LargeBinary),
    )
    rows = (await session.execute(query.order_by(number).limit(most).execution_options(**HEAVY))).all()
    done = unreadable = 0
    for row_id, old in rows:
        try:
            new = sealer.reseal(old, sealed.context)
        except SealBroken:
            unreadable += 1
            continue
        statement = update(sealed.table).where(number == row_id, value == old).values({sealed.column: new})
        done += changed_rows(await session.execute(statement.execution_options(synchronize_session=False)))
    return Resealed(rows[-1][0] if rows else after, len(rows), done, unreadable)


async def sealed_by_key(session: Session) -> dict[bytes, int]:
    """Return how many values each key has sealed, by the keys' ids."""
    found: dict[bytes, int] = {}
    for sealed in SEALED_COLUMNS:
        value, school = col(getattr(sealed.table, sealed.column)), col(sealed.table.school_id)  # type: ignore[attr-defined]
        mark = func.substr(value, len(VERSION) + 1, KEY_ID_BYTES)
        query = select(mark, func.count()).where(school == session.school_id, func.length(value) > 0).group_by(mark)
        for name, count in (await session.execute(query.execution_options(**HEAVY))).all():
            found[bytes(name)] = found.get(bytes(name), 0) + count
    return found

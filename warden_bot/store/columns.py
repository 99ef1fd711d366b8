"""Column types that mean the same on SQLite and PostgreSQL."""

from datetime import UTC, datetime, timedelta
from enum import IntEnum, StrEnum
from typing import Any, TypeVar

from sqlalchemy import BigInteger, Dialect, Integer, SmallInteger, String
from sqlalchemy.types import TypeDecorator
from sqlmodel import SQLModel

# Constraints have names of their own, so that a later migration can change them on SQLite too.
SQLModel.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

# SQLite counts up only a column that is exactly INTEGER; it holds 64 bits all the same.
Identity = BigInteger().with_variant(Integer(), "sqlite")

Word = TypeVar("Word", bound=StrEnum)
Number = TypeVar("Number", bound=IntEnum)


def microseconds(instant: datetime) -> int:
    """Return an aware instant as whole microseconds since 1970."""
    return (instant - EPOCH) // MICROSECOND


def iso(instant: datetime | None) -> str | None:
    """Write an instant as every JSON of ours does: ISO 8601 with microseconds, or null."""
    return instant.isoformat(timespec="microseconds") if instant else None


class Instant(TypeDecorator[datetime]):
    """An aware UTC instant, kept as microseconds since 1970, so that SQL can add to it alike on both databases."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:  # noqa: ARG002 -- SQLAlchemy's signature
        """Refuse naive times: a row must never depend on some machine's zone."""
        return None if value is None else microseconds(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 -- SQLAlchemy's signature
        """Return the instant in UTC."""
        return None if value is None else EPOCH + timedelta(microseconds=value)


class WordOf(TypeDecorator[Any]):
    """A member of a StrEnum, kept as its word, so that a row can be read without the program."""

    impl = String(32)
    cache_ok = True

    def __init__(self, states: type[Word]) -> None:
        super().__init__()
        self.states = states

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:  # noqa: ANN401, ARG002 -- SQLAlchemy's signature
        """Refuse a word that is not a member."""
        return None if value is None else self.states(value).value

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:  # noqa: ANN401, ARG002 -- SQLAlchemy's signature
        """Return the member."""
        return None if value is None else self.states(value)


class NumberOf(TypeDecorator[Any]):
    """A member of an IntEnum, kept as its number, so that SQL can order by it."""

    impl = SmallInteger
    cache_ok = True

    def __init__(self, states: type[Number]) -> None:
        super().__init__()
        self.states = states

    def process_bind_param(self, value: Any, dialect: Dialect) -> int | None:  # noqa: ANN401, ARG002 -- SQLAlchemy's signature
        """Refuse a number that is not a member."""
        return None if value is None else int(self.states(value))

    def process_result_value(self, value: int | None, dialect: Dialect) -> Any:  # noqa: ANN401, ARG002 -- SQLAlchemy's signature
        """Return the member."""
        return None if value is None else self.states(value)

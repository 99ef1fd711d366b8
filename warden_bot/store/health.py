"""How each group's route fares: when it last worked, what went wrong last, since when it is broken."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func
from sqlmodel import col, select

from warden_bot.domain.audience import Audience
from warden_bot.domain.trouble import in_words
from warden_bot.states import DeliveryStatus
from warden_bot.store.columns import iso
from warden_bot.store.database import Session
from warden_bot.store.groups import Group, groups_in_audience
from warden_bot.store.outbox import Delivery

WENT = (DeliveryStatus.SENT, DeliveryStatus.RELAY_PENDING, DeliveryStatus.RELAYED)


@dataclass(frozen=True, slots=True)
class Health:
    """One group's route. Holds no address."""

    group: Group
    last_success_at: datetime | None
    last_error_at: datetime | None
    last_error_code: str
    last_error_words: str  # the platform's own

    def as_json(self) -> dict[str, Any]:
        """Return the shape that `groups health --json` prints."""
        group = self.group
        return {
            "code": group.code,
            "name": group.name,
            "channel": group.channel.value,
            "last_success_at": iso(self.last_success_at),
            "last_error_at": iso(self.last_error_at),
            "last_error": in_words(self.last_error_code).what if self.last_error_code else None,
            "last_error_code": self.last_error_code or None,
            "platform_words": self.last_error_words or None,
            "broken_since": iso(group.route_broken_at),
            "checked_at": iso(group.checked_at),
            "remedy": in_words(group.route_broken_code).remedy if group.route_broken_at else None,
        }


async def health_of(session: Session, audience: Audience) -> list[Health]:
    """Return how the routes of an audience fare, by code."""
    groups = await groups_in_audience(session, audience)
    went = await _last_success(session)
    failed = await _last_error(session)
    found = []
    for group in groups:
        error = failed.get(group.id or 0)
        at = (error.finished_at or error.started_at or error.created_at) if error is not None else None
        code, words = (error.code, error.platform_words) if error is not None else ("", "")
        found.append(Health(group, went.get(group.id or 0), at, code, words))
    return found


async def _last_success(session: Session) -> dict[int, datetime]:
    query = (
        select(col(Delivery.group_id), func.max(col(Delivery.finished_at)))
        .where(Delivery.school_id == session.school_id, col(Delivery.status).in_(WENT))
        .group_by(col(Delivery.group_id))
    )
    return {group_id: at for group_id, at in (await session.exec(query)).all() if group_id and at}


async def _last_error(session: Session) -> dict[int, Delivery]:
    """Return each group's newest delivery that failed, or that was put off for a failure."""
    newest = (
        select(func.max(col(Delivery.id)))
        .where(Delivery.school_id == session.school_id, Delivery.code != "", col(Delivery.group_id).is_not(None))
        .group_by(col(Delivery.group_id))
    )
    query = select(Delivery).where(col(Delivery.id).in_(newest))
    return {one.group_id or 0: one for one in (await session.exec(query)).all()}

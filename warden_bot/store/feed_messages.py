"""Messages of trusted feeds: each is taken once, and what came of it is found again when a later one names it."""

from collections.abc import Sequence
from datetime import datetime

from sqlmodel import col, select

from warden_bot.store.alerts import FeedMessage
from warden_bot.store.database import Session


async def keep_message(session: Session, sender: str, identifier: str, now: datetime) -> FeedMessage | None:
    """Write down a message of a feed; None when it was taken before.

    Two processes that read it at once: the second one's transaction fails on the constraint, and finds it when run again.
    """
    if await _known(session, sender, identifier) is not None:
        return None
    message = FeedMessage(school_id=session.school_id, sender=sender, identifier=identifier, received_at=now)
    session.add(message)
    await session.flush()
    return message


async def alerts_named(session: Session, sender: str, identifiers: Sequence[str]) -> list[int]:
    """Return the alerts that came of a sender's messages, each once, in order."""
    found = [await _known(session, sender, identifier) for identifier in identifiers]
    return list(dict.fromkeys(one.alert_id for one in found if one is not None and one.alert_id is not None))


async def _known(session: Session, sender: str, identifier: str) -> FeedMessage | None:
    query = select(FeedMessage).where(
        FeedMessage.school_id == session.school_id,
        FeedMessage.sender == sender,
        FeedMessage.identifier == identifier,
    )
    return (await session.exec(query.order_by(col(FeedMessage.id)).limit(1))).first()

"""Owe something to somebody: when it is decided, and again by the auditor where it was left out."""

import secrets
from datetime import datetime, timedelta
from types import MappingProxyType

from warden_bot.channels.registry import Channels
from warden_bot.domain.trouble import UNWELCOME
from warden_bot.states import ChannelKind, Priority
from warden_bot.store.broadcasts import Broadcast
from warden_bot.store.budget import Spares
from warden_bot.store.complaints import forget_complaints, groups_spared_by
from warden_bot.store.database import Session
from warden_bot.store.officers import Officer
from warden_bot.store.outbox import Delivery, Fanning, Meant, enqueue, fan_out

NOBODY_SPARED: Spares = MappingProxyType({})
REPLY_WINDOW = timedelta(minutes=30)  # an answer that comes later than this only puzzles people


async def owe_to_groups(
    session: Session,
    broadcast: Broadcast,
    audience: Meant,
    channels: Channels,
    spread: timedelta,
    now: datetime,
    spares: Spares = NOBODY_SPARED,
    *,
    leaves_at: datetime | None = None,
) -> int:
    """Owe a stored broadcast to every group that is not owed it yet, now or from an instant on; return to how many.

    What is not sent to the groups that it `spares` counts as called back, with the reason.
    """
    able = {kind: channel.capabilities for kind, channel in channels.items()}
    fanning = Fanning(
        broadcast_id=broadcast.id or 0,
        key=broadcast.key,
        priority=broadcast.priority,
        repeatable=broadcast.priority is Priority.ALERT,
        together={kind: one.together for kind, one in able.items() if one.together > 1},
        key_lasts={kind: one.key_lasts for kind, one in able.items() if one.key_lasts is not None},
        leaves_at=leaves_at or now,
        spread=spread,
        expires_at=broadcast.expires_at,
        now=now,
        spares=spares,
    )
    owed = await fan_out(session, audience, fanning)
    if UNWELCOME in spares:
        await forget_complaints(session, await groups_spared_by(session, broadcast.id or 0))
    return owed


def owe_officer(
    session: Session,
    officer: Officer,
    text: str,
    now: datetime,
    until: datetime | None,
    *,
    priority: Priority,
    key: str = "",
    not_before: datetime | None = None,
) -> bool:
    """Owe an officer a message in private; False where there is no address of theirs.

    It belongs to no case for the outbox: what does is called back once somebody has the case.
    """
    if officer.channel is None or officer.sealed_address is None:
        return False
    message = Delivery(
        school_id=session.school_id,
        key=key or secrets.token_hex(12),
        officer_id=officer.id,
        channel=officer.channel,
        text=text,
        priority=priority,
        repeatable=True,
        not_before=not_before or now,
        expires_at=until,
        created_at=now,
    )
    enqueue(session, message)
    return True


def owe_reply(
    session: Session,
    channel: ChannelKind,
    text: str,
    inbox_id: int,
    now: datetime,
    *,
    group_id: int | None = None,
    sealed_address: bytes | None = None,
    asked_at: datetime | None = None,
) -> None:
    """Owe the answer to a stored message: to the group that asked, or to a person's sealed private address.

    Its time counts from when it was asked: now, unless it was left out then.
    """
    enqueue(
        session,
        Delivery(
            school_id=session.school_id,
            key=secrets.token_hex(12),
            group_id=group_id,
            inbox_id=inbox_id,
            channel=channel,
            sealed_address=sealed_address,
            text=text,
            priority=Priority.REPLY,
            repeatable=True,
            not_before=now,
            expires_at=(asked_at or now) + REPLY_WINDOW,
            created_at=now,
        ),
    )

"""Rows and values for tests, with nothing surprising inside."""

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

from warden_bot.domain.message import InboundMessage, Sender
from warden_bot.states import ChannelKind, DeliveryStatus, GroupKind, OfficerRole, Priority, SenderRole
from warden_bot.store.database import Database, Session
from warden_bot.store.groups import ADDRESS, Group, address_hash
from warden_bot.store.officers import ADDRESS as OFFICER_ADDRESS
from warden_bot.store.officers import DutyShift, Officer
from warden_bot.store.outbox import Delivery
from warden_bot.store.receipts import Receipt
from warden_bot.store.sealing import Sealer

TAKES_KEY = {ChannelKind.WEBHOOK, ChannelKind.RELAY}  # of those that tests make groups on

NOW = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)  # noon in Shanghai
_numbers = itertools.count(1)


def make_group(
    sealer: Sealer,
    code: str,
    kind: GroupKind = GroupKind.CLASS,
    grade: str = "高三",
    channel: ChannelKind = ChannelKind.SANDBOX,
    address: str = "",
) -> Group:
    return Group(
        school_id=1,
        code=code,
        name=f"{code}群",
        kind=kind,
        grade=grade,
        channel=channel,
        sealed_address=sealer.seal(address or code, ADDRESS),
        address_hash=address_hash(sealer, channel, address or code),
        takes_key=channel in TAKES_KEY,
        created_at=NOW,
        updated_at=NOW,
    )


async def add_groups(database: Database, *groups: Group) -> None:
    async def work(session: Session) -> None:
        session.add_all(groups)

    await database.write(work)


async def add_school(
    database: Database, sealer: Sealer, classes: int = 3, channel: ChannelKind = ChannelKind.SANDBOX
) -> None:
    """One campus group and some classes of grade 高三."""
    campus = make_group(sealer, "campus", GroupKind.CAMPUS, "", channel)
    numbers = range(1, classes + 1)
    await add_groups(database, campus, *(make_group(sealer, f"c{one:03}", channel=channel) for one in numbers))


async def add_officer_on_duty(
    database: Database,
    sealer: Sealer,
    name: str,
    step: int = 1,
    role: OfficerRole = OfficerRole.OFFICER,
    *,
    on_duty: bool = True,
    start: datetime = NOW,
) -> Officer:
    officer = Officer(
        school_id=1,
        name=name,
        role=role,
        channel=ChannelKind.SANDBOX,
        sealed_address=sealer.seal(f"private:{name}", OFFICER_ADDRESS),
        created_at=NOW,
    )

    async def work(session: Session) -> None:
        session.add(officer)
        await session.flush()
        if on_duty:
            session.add(
                DutyShift(
                    school_id=1,
                    officer_id=officer.id or 0,
                    starts_at=start - timedelta(hours=1),
                    ends_at=start + timedelta(hours=12),
                    step=step,
                )
            )

    await database.write(work)
    return officer


def make_delivery(**changes: Any) -> Delivery:
    number = next(_numbers)
    values: dict[str, Any] = {
        "school_id": 1,
        "key": f"key-{number}",
        "channel": ChannelKind.SANDBOX,
        "text": "96110来电请接",
        "priority": Priority.BROADCAST,
        "status": DeliveryStatus.QUEUED,
        "not_before": NOW,
        "created_at": NOW,
    }
    return Delivery(**(values | changes))


def make_receipt(case_id: int | None, code: str, reporter_hash: str, **changes: Any) -> Receipt:
    values: dict[str, Any] = {
        "school_id": 1,
        "code": code,
        "case_id": case_id,
        "reporter_hash": reporter_hash,
        "created_at": NOW,
        "expires_at": NOW + timedelta(days=180),
    }
    return Receipt(**(values | changes))


def make_message(text: str, **changes: Any) -> InboundMessage:
    values: dict[str, Any] = {
        "channel": ChannelKind.WEBHOOK,
        "message_id": f"m-{next(_numbers)}",
        "group": None,
        "sender": Sender("u1", "某家长", SenderRole.PARENT),
        "text": text,
        "addressed": True,
    }
    return InboundMessage(**(values | changes))

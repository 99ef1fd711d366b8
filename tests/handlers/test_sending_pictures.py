import base64
from dataclasses import dataclass
from io import BytesIO

import pytest
from PIL import Image
from sqlmodel import col, select

from tests.alerted import add_alert
from tests.conftest import Clock, Mailroom
from tests.factories import NOW, add_groups, make_delivery, make_group
from tests.fake_wecom import FakeWecom, accepted, refused
from tests.receiver import receiving
from warden_bot.alert_states import AlertPart
from warden_bot.domain.audience import parse_audience
from warden_bot.states import ChannelKind, DeliveryStatus, Priority
from warden_bot.store.broadcasts import Broadcast
from warden_bot.store.database import Database, Session
from warden_bot.store.groups import groups_in_audience
from warden_bot.store.outbox import Delivery
from warden_bot.store.pictures import Picture, erase_pictures
from warden_bot.store.rooms import WORDS, said_since
from warden_bot.store.sealing import Sealer

WECOM, TEXT = ChannelKind.WECOM_ROBOT, "电诈警情12起"
SENT, QUEUED = DeliveryStatus.SENT, DeliveryStatus.QUEUED


def png() -> bytes:
    written = BytesIO()
    Image.new("RGB", (4, 4)).save(written, "PNG")
    return written.getvalue()


PNG = png()


@dataclass
class Sender:
    """Owes one part of an alert that has a picture."""

    database: Database
    sealer: Sealer

    async def owe(
        self, kind: ChannelKind, address: str, part: AlertPart = AlertPart.ORIGINAL, content: bytes | None = PNG
    ) -> int:
        await add_groups(self.database, make_group(self.sealer, "c001", channel=kind, address=address))

        alert = await add_alert(self.database, "nobody", needs_ack=False)

        async def work(session: Session) -> None:
            (group,) = await groups_in_audience(session, parse_audience("classes"))
            if content is not None:
                session.add(
                    Picture(school_id=1, alert_id=alert, content=content, media_type="image/png", created_at=NOW)
                )
            broadcast = Broadcast(
                school_id=1,
                key="b1",
                audience="all",
                text=TEXT,
                priority=Priority.BROADCAST,
                created_by="test",
                created_at=NOW,
                alert_id=alert,
                part=part,
            )
            session.add(broadcast)
            await session.flush()
            session.add(make_delivery(key="b1-1", group_id=group.id, broadcast_id=broadcast.id, channel=kind))

        await self.database.write(work)
        return alert

    async def row(self) -> Delivery:
        async with self.database.read() as session:
            return (await session.exec(select(Delivery).order_by(col(Delivery.id)))).one()


@pytest.fixture
def sender(database: Database, sealer: Sealer) -> Sender:
    return Sender(database, sealer)


async def test_text_goes_first_and_the_picture_as_the_last_part(
    sender: Sender, mailroom: Mailroom, wecom: FakeWecom
) -> None:
    await sender.owe(WECOM, "key-1")

    await mailroom.send_due()

    row = await sender.row()
    assert (row.status, row.sent_parts) == (SENT, 2)
    assert (wecom.heard["key-1"], wecom.pictures["key-1"]) == ([TEXT], [PNG])


async def test_picture_that_did_not_come_through_is_sent_again_without_the_text(
    sender: Sender, mailroom: Mailroom, wecom: FakeWecom, clock: Clock
) -> None:
    await sender.owe(WECOM, "key-1")
    wecom.answers["key-1"] += [accepted(), refused(-1, "system busy")]
    await mailroom.send_due()
    first = await sender.row()
    clock.forward(minutes=5)
    await mailroom.send_due()

    row = await sender.row()
    assert (first.status, first.sent_parts) == (QUEUED, 1)
    assert (row.status, row.sent_parts, wecom.heard["key-1"], wecom.pictures["key-1"]) == (SENT, 2, [], [PNG])


async def test_picture_erased_before_its_turn_leaves_the_text_sent_and_nothing_is_repeated(
    sender: Sender, mailroom: Mailroom, wecom: FakeWecom, clock: Clock
) -> None:
    alert = await sender.owe(WECOM, "key-1")
    wecom.answers["key-1"] += [accepted(), refused(-1, "system busy")]
    await mailroom.send_due()
    await sender.database.write(lambda session: erase_pictures(session, alert))
    clock.forward(minutes=5)
    await mailroom.send_due()

    assert ((await sender.row()).status, wecom.requests) == (SENT, 2)


@pytest.mark.parametrize(("content", "requests"), [(b"no picture at all", 2), (PNG + b"\0" * 2 * 1024 * 1024, 1)])
async def test_group_whose_platform_wants_no_such_picture_has_been_reached_by_the_text(
    sender: Sender, mailroom: Mailroom, wecom: FakeWecom, content: bytes, requests: int
) -> None:
    await sender.owe(WECOM, "key-1", content=content)

    await mailroom.send_due()

    assert ((await sender.row()).status, wecom.heard["key-1"], wecom.requests) == (SENT, [TEXT], requests)


@pytest.mark.parametrize(
    ("part", "content"), [(AlertPart.UPDATE, PNG), (AlertPart.CLEAR, PNG), (AlertPart.ORIGINAL, None)]
)
async def test_what_follows_an_alert_and_alerts_without_a_picture_are_text_alone(
    sender: Sender, mailroom: Mailroom, wecom: FakeWecom, part: AlertPart, content: bytes | None
) -> None:
    await sender.owe(WECOM, "key-1", part, content)

    await mailroom.send_due()

    assert ((await sender.row()).status, wecom.requests) == (SENT, 1)


async def test_webhook_carries_it_in_the_same_request(sender: Sender, mailroom: Mailroom) -> None:
    async with receiving() as kept:
        await sender.owe(ChannelKind.WEBHOOK, kept.url)
        await mailroom.send_due()

    (body,) = kept.got
    assert body["text"] == TEXT
    assert body["picture"] == {"media_type": "image/png", "data": base64.b64encode(PNG).decode()}


async def test_sandbox_s_room_points_at_it(sender: Sender, mailroom: Mailroom, sealer: Sealer) -> None:
    await sender.owe(ChannelKind.SANDBOX, "c001")

    await mailroom.send_due()

    async with sender.database.read() as session:
        lines = [sealer.open(line.sealed_words, WORDS) for line in await said_since(session, 0)]
    assert lines == [TEXT, "[图片] b1-1"]


async def test_kind_that_shows_none_gets_the_text(sender: Sender, mailroom: Mailroom) -> None:
    await sender.owe(ChannelKind.RELAY, "link")

    await mailroom.send_due()

    assert (await sender.row()).status is DeliveryStatus.RELAY_PENDING

"""What a platform sends back is whatever it likes; it must stop nobody else's messages."""

import pytest
from aiohttp import web
from sqlmodel import select

from tests.conftest import Mailroom
from tests.factories import add_groups, make_delivery, make_group
from tests.outbox_rows import add
from tests.receiver import receiving
from warden_bot.states import ChannelKind, DeliveryStatus
from warden_bot.store.database import Database
from warden_bot.store.outbox import Delivery
from warden_bot.store.sealing import Sealer


@pytest.mark.parametrize(
    ("given", "kept"),
    [("m-17", "m-17"), ("\ud800", ""), ("a\x00b", ""), ("two words", ""), ("长", ""), ("x" * 201, ""), ("", "")],
    ids=["usual", "half a character", "NUL", "blank", "not ASCII", "too long", "none"],
)
async def test_only_a_usable_id_of_a_message_is_kept(
    database: Database, sealer: Sealer, mailroom: Mailroom, given: str, kept: str
) -> None:
    async with receiving() as receiver:
        receiver.answer = web.json_response({"ok": True, "id": given})
        group = make_group(sealer, "c001", channel=ChannelKind.WEBHOOK, address=receiver.url)
        await add_groups(database, group)
        await add(database, make_delivery(group_id=group.id, channel=ChannelKind.WEBHOOK))

        await mailroom.send_due()

    async with database.read() as session:
        (row,) = (await session.exec(select(Delivery))).all()
    assert (row.status, row.external_ids) == (DeliveryStatus.SENT, kept)

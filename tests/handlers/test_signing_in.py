from dataclasses import replace

from tests.conftest import Clock, Mailroom
from tests.desk import handle, rows, said
from tests.factories import add_officer_on_duty, make_message
from warden_bot.content.library import Library
from warden_bot.domain.message import Sender
from warden_bot.handlers.dispatch import Desk
from warden_bot.states import ChannelKind, SenderRole
from warden_bot.store.doors import Doors
from warden_bot.store.outbox import Delivery

PUBLIC = "https://warden.example"


async def test_where_a_channel_has_no_answers_the_address_is_added_when_it_is_sent(
    desk: Desk, mailroom: Mailroom, library: Library, clock: Clock
) -> None:
    officer = await add_officer_on_duty(desk.database, desk.sealer, "甲")
    doors = Doors(PUBLIC, desk.sealer)
    asked = make_message("后台", channel=ChannelKind.SANDBOX, sender=Sender("private:甲", "某人", SenderRole.PARENT))

    reply = await handle(replace(desk, public_url=PUBLIC), library, asked)
    await Mailroom(replace(mailroom.post, way_in=lambda who, _, now: doors.sign_in(who, now))).send_due()

    assert reply.text is None
    (line,) = await said(desk, "private:甲")
    assert line.splitlines()[-1] == doors.sign_in(officer.id or 0, clock())
    assert all("/console/" not in one.text for one in await rows(desk, Delivery) if isinstance(one, Delivery))


async def test_officer_is_told_when_there_is_no_address_yet_and_a_parent_is_not(desk: Desk, library: Library) -> None:
    await add_officer_on_duty(desk.database, desk.sealer, "甲")
    asked = make_message("登录", channel=ChannelKind.SANDBOX, sender=Sender("private:甲", "某人", SenderRole.PARENT))

    await handle(desk, library, asked)
    parent = await handle(desk, library, make_message("登录", addressed=True))

    owed = [one.text for one in await rows(desk, Delivery) if isinstance(one, Delivery)]
    assert ["WARDEN_PUBLIC_URL" in text for text in owed] == [True]
    assert "WARDEN_PUBLIC_URL" not in (parent.text or "")

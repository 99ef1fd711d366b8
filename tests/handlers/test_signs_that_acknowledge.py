"""A class teacher puts a sign under an alert in the class's room; it counts as 收到, and nobody answers it."""

import asyncio
from dataclasses import replace

from sqlmodel import col

from tests.alert_story import WANTED, Story
from tests.alerted import asked, heard
from tests.conftest import ZONE
from tests.desk import handle, rows
from tests.factories import make_message
from tests.handlers.test_manners import TEACHER, talk
from warden_bot.alert_states import AcknowledgedBy
from warden_bot.channels.base import Reply
from warden_bot.content.library import Library
from warden_bot.domain.message import InboundMessage
from warden_bot.handlers.alert_reminding import Insisting, insist
from warden_bot.handlers.dispatch import Desk
from warden_bot.states import Action
from warden_bot.store.alert_parts import parts_of
from warden_bot.store.cases import Tip
from warden_bot.store.groups import Group, group_by_code
from warden_bot.store.outbox import Delivery


async def posted(story: Story, alert: int, code: str, ids: str) -> None:
    """Let the platform have given the class's message of an alert these ids."""
    async with story.database.read() as session:
        (part,) = await parts_of(session, alert)
        group = await group_by_code(session, code)
        assert group is not None
    mine = (col(Delivery.broadcast_id) == part.id) & (col(Delivery.group_id) == group.id)
    await story.set(Delivery, mine, external_ids=ids)


def sign(about: str, code: str = "c001", **changes: object) -> InboundMessage:
    return replace(talk("收到", code, **({"sender": TEACHER} | changes)), reacts_to=about)


async def test_sign_under_an_alert_counts_for_that_one_when_the_class_teacher_put_it_there(
    story: Story, desk: Desk, library: Library
) -> None:
    wanted = replace(WANTED, needs_ack=True)
    old = await story.released(wanted)
    new = await story.released(replace(wanted, text="校门口有车祸，走南门"))
    await posted(story, old, "c001", "$part-1 $part-2")
    await posted(story, new, "c001", "$newer")
    await posted(story, old, "c002", "$elsewhere")
    by_a_parent = replace(talk("收到"), reacts_to="$part-2")
    of_another_class, of_a_part_of_an_id, of_nothing = sign("$elsewhere"), sign("$part"), sign("$chat")

    useless = [by_a_parent, of_another_class, of_a_part_of_an_id, of_nothing]
    replies = await asyncio.gather(*(handle(desk, library, one) for one in useless))
    before = [one.by for one in (await asked(story.database, old)).values()]
    counts = sign("$part-2")
    replies += [await handle(desk, library, one) for one in (counts, counts, sign("$part-1"))]

    assert replies == [Reply(Action.SILENT, None, None)] * 7
    assert set(before) == {None}
    found = {code: one.by for code, one in (await asked(story.database, old)).items() if one.by}
    assert found == {"c001": AcknowledgedBy.BUTTON}
    assert {one.by for one in (await asked(story.database, new)).values()} == {None}


async def test_teacher_is_known_by_the_address_in_the_groups_file_and_signs_and_words_come_together(
    story: Story, desk: Desk, library: Library
) -> None:
    alert = await story.released(replace(WANTED, needs_ack=True))
    await posted(story, alert, "c001", "$ours")
    await posted(story, alert, "c002", "$theirs")
    parent = make_message("收到", group="c001", addressed=False)
    await story.set(Group, col(Group.code) == "c001", teacher_address=f"{parent.channel}:{parent.sender.id}")

    together = [replace(parent, reacts_to="$ours"), talk("收到", "c002", sender=TEACHER)]
    await asyncio.gather(*(handle(desk, library, one) for one in together))

    found = {code: one.by for code, one in (await asked(story.database, alert)).items() if one.by}
    assert found == {"c001": AcknowledgedBy.BUTTON, "c002": AcknowledgedBy.MESSAGE}


async def test_sign_under_what_asks_again_counts_for_the_alert_it_asks_about_and_only_in_that_class(
    story: Story, desk: Desk, library: Library
) -> None:
    alert = await story.released(replace(WANTED, needs_ack=True))
    newer = await story.released(replace(WANTED, text="校门口有车祸，走南门", needs_ack=True))
    await story.mailroom.send_due()
    powers = Insisting(desk.channels, desk.sealer, library, ZONE, story.clock.forward(minutes=11))
    await story.database.write(lambda session: insist(session, powers))
    async with story.database.read() as session:
        group = await group_by_code(session, "c001")
        assert group is not None
    about = col(Delivery.key).startswith(f"asks-{alert}-")
    await story.set(Delivery, about & (col(Delivery.group_id) == group.id), external_ids="$again")

    for one in (sign("$again", "c002"), replace(talk("收到"), reacts_to="$again"), sign("$again")):
        await handle(desk, library, one)

    assert (await heard(story.database, alert), await heard(story.database, newer)) == (["c001"], [])


async def test_sign_in_a_private_chat_changes_nothing(desk: Desk, library: Library) -> None:
    await handle(desk, library, make_message("人工"))

    reply = await handle(desk, library, replace(make_message("收到"), reacts_to="$ours"))

    assert reply == Reply(Action.SILENT, None, None)
    assert len(await rows(desk, Tip)) == 1

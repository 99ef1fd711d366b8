from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from tests.classroom import ORDER, TOLD, add_classes, hand_over, key_of, make_class, move
from tests.conftest import Mailroom
from tests.factories import NOW, add_groups, make_delivery, make_group
from tests.outbox_rows import add, reload
from warden_bot.domain.audience import parse_audience
from warden_bot.domain.relay import Patience
from warden_bot.handlers.dispatch import Desk
from warden_bot.states import ChannelKind, DeliveryStatus, GroupStatus, Priority
from warden_bot.store.database import Database, Session
from warden_bot.store.groups import Group
from warden_bot.store.posts import (
    Waiting,
    book_reminder,
    groups_with_pages,
    overdue_by_broadcast,
    post_by_key,
    posts_waiting_for,
    to_be_reminded,
)
from warden_bot.store.sealing import Sealer

PENDING = DeliveryStatus.RELAY_PENDING
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
PATIENCE = Patience(HOUR, 2, 48 * HOUR)
LONG_AGO = {"status": PENDING, "finished_at": NOW - HOUR, "not_before": NOW - HOUR, "group_id": 1}


async def due(database: Database, *, urgent_only: bool = False, most: int = 9) -> Sequence[Waiting]:
    async with database.read() as session:
        return await to_be_reminded(session, PATIENCE, NOW, most, urgent_only=urgent_only)


async def test_post_is_found_by_its_key_and_shows_the_text_and_whose_group_it_is_for(
    desk: Desk, mailroom: Mailroom
) -> None:
    await add_classes(desk.database, desk.sealer, "link", "link")
    await hand_over(mailroom)
    key = await key_of(desk.database, "c002")
    await move(mailroom, "c001", ChannelKind.WECOM_ROBOT, "key-1")
    other = Database(desk.database.url, school_id=2)

    async with desk.database.read() as session, other.read() as elsewhere:
        post = await post_by_key(session, key)
        moved = await post_by_key(session, await key_of(desk.database, "c001"))
        nothing = [await post_by_key(session, name) for name in ("", "-", key[:-1], key + "0", "nobody-1")]
        nothing.append(await post_by_key(elsewhere, key))
    await other.close()

    assert post is not None
    assert moved is not None
    assert (post.group, post.title, post.text, post.status) == ("c002群", ORDER.title, ORDER.text, PENDING)
    assert ORDER.text not in repr(post)
    assert (moved.group, nothing) == ("c001群", [None] * 6)


async def test_each_class_sees_its_own_in_the_order_in_which_they_came(desk: Desk, mailroom: Mailroom) -> None:
    await add_classes(desk.database, desk.sealer, "link", TOLD)
    for _ in range(2):
        await hand_over(mailroom)

    async with desk.database.read() as session:
        first, nobody = await posts_waiting_for(session, 1), await posts_waiting_for(session, 99)
        overdue = await overdue_by_broadcast(session, NOW), await overdue_by_broadcast(session, NOW - MINUTE)

    keys = [await key_of(desk.database, "c001", number) for number in (1, 2)]
    assert ([one.key for one in first], nobody) == (keys, [])
    assert overdue == ({1: 2, 2: 2}, {})


async def test_due_is_what_waits_and_was_not_reminded_of_as_often_as_it_may_be(
    database: Database, sealer: Sealer
) -> None:
    await add_groups(database, make_class(sealer, "c001", TOLD), make_group(sealer, "c002"))
    rows: dict[str, dict[str, Any]] = {
        "an hour ago": {},
        "reminded an hour ago": {"not_before": NOW, "reminders": 1},
        "urgent": {"priority": Priority.ALERT},
        "less than an hour ago": {"finished_at": NOW - HOUR + MINUTE},
        "reminded lately": {"not_before": NOW + MINUTE, "reminders": 1},
        "reminded often": {"reminders": 2},
        "posted": {"status": DeliveryStatus.RELAYED},
        "given up": {"status": DeliveryStatus.EXPIRED},
        "no teacher posts into it any more": {"group_id": 2},
    }
    ids = await add(database, *(make_delivery(**(LONG_AGO | changes)) for changes in rows.values()))

    found = [
        [name for name, one in zip(rows, ids, strict=True) if one in {due.delivery_id for due in waiting}]
        for waiting in (await due(database), await due(database, urgent_only=True))
    ]

    assert found == [["an hour ago", "reminded an hour ago", "urgent"], ["urgent"]]


async def test_oldest_are_reminded_first_and_each_turn_is_taken_once(database: Database, sealer: Sealer) -> None:
    await add_groups(database, make_class(sealer, "c001", TOLD))
    rows = [make_delivery(**(LONG_AGO | {"finished_at": NOW - hours * HOUR})) for hours in (1, 3, 2)]
    ids = await add(database, *rows)
    waiting = await due(database, most=2)

    async def book(session: Session) -> list[bool]:
        turns = (False, True, True)
        return [await book_reminder(session, waiting[0], NOW + HOUR, told=told) for told in turns]

    booked = await database.write(book)

    row = await reload(database, ids[1])
    assert [one.delivery_id for one in waiting] == [ids[1], ids[2]]
    assert (booked, row.reminders, row.not_before) == ([True, True, False], 1, NOW + HOUR)


async def test_pages_are_of_the_active_classes_of_an_audience_into_which_a_teacher_posts(
    database: Database, sealer: Sealer
) -> None:
    retired: Group = make_class(sealer, "c003", "link")
    retired.status = GroupStatus.RETIRED
    await add_classes(database, sealer, "link", TOLD)
    await add_groups(database, retired, make_group(sealer, "c004"))

    async with database.read() as session:
        found = [
            [group.code for group in await groups_with_pages(session, parse_audience(rule))]
            for rule in ("all", "group:c002", "campus")
        ]

    assert found == [["c001", "c002"], ["c002"], []]

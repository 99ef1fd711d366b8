from datetime import timedelta
from typing import Any

from tests.conftest import Mailroom
from tests.factories import NOW, add_groups, make_delivery, make_group
from tests.outbox_rows import add
from warden_bot.domain.audience import parse_audience
from warden_bot.states import UNFINISHED, ChannelKind, DeliveryStatus, GroupKind
from warden_bot.store.database import Database
from warden_bot.store.health import health_of
from warden_bot.store.sealing import Sealer

MINUTE = timedelta(minutes=1)
FAILED, SENT = DeliveryStatus.FAILED, DeliveryStatus.SENT
STAMP = "2026-11-23T04:0{}:00.000000+00:00"


async def health(database: Database, rule: str = "all") -> dict[str, dict[str, Any]]:
    async with database.read() as session:
        return {one.group.code: one.as_json() for one in await health_of(session, parse_audience(rule))}


async def test_group_that_was_never_written_to_has_no_history(database: Database, sealer: Sealer) -> None:
    await add_groups(database, make_group(sealer, "c001"))

    assert await health(database) == {
        "c001": {
            "code": "c001",
            "name": "c001群",
            "channel": "sandbox",
            "last_success_at": None,
            "last_error_at": None,
            "last_error": None,
            "last_error_code": None,
            "platform_words": None,
            "broken_since": None,
            "checked_at": None,
            "remedy": None,
        }
    }


async def test_last_success_and_last_error_stand_beside_each_other(database: Database, sealer: Sealer) -> None:
    broken = make_group(sealer, "c001", address="the-whole-address")
    broken.route_broken_at, broken.route_broken_code, broken.checked_at = NOW, "route_broken", NOW + MINUTE
    await add_groups(database, broken, make_group(sealer, "c002"))
    went = {"status": SENT, "finished_at": NOW + MINUTE}
    await add(
        database,
        make_delivery(group_id=1, **went),
        make_delivery(group_id=1, status=FAILED, code="busy", platform_words="later", finished_at=NOW + 2 * MINUTE),
        make_delivery(group_id=1, status=FAILED, code="route_broken", platform_words="gone", finished_at=NOW),
        make_delivery(group_id=1, **went | {"finished_at": NOW + 3 * MINUTE}),
        make_delivery(group_id=2, code="throttled", started_at=NOW + MINUTE),  # put off, and not at its end
        make_delivery(status=FAILED, code="busy", finished_at=NOW),  # somebody's private chat
    )

    found = await health(database)

    assert found["c001"] | {"code": "", "name": "", "channel": ""} == {
        "code": "",
        "name": "",
        "channel": "",
        "last_success_at": STAMP.format(3),
        "last_error_at": STAMP.format(0),
        "last_error": "这个群的路断了：地址不对、机器人被移出或停用",
        "last_error_code": "route_broken",
        "platform_words": "gone",
        "broken_since": STAMP.format(0),
        "checked_at": STAMP.format(1),
        "remedy": "重新把机器人加进群，用 groups bind 或 groups import 换地址",
    }
    assert (found["c002"]["last_error"], found["c002"]["last_error_at"]) == ("平台嫌发得太快", STAMP.format(1))
    assert found["c002"]["last_success_at"] is None
    assert "the-whole-address" not in str(found)


async def test_what_was_handed_over_has_arrived(database: Database, sealer: Sealer) -> None:
    ends = [status for status in DeliveryStatus if status not in UNFINISHED]
    await add_groups(database, *(make_group(sealer, status.value) for status in ends))
    rows = (make_delivery(group_id=number, status=one, finished_at=NOW) for number, one in enumerate(ends, start=1))
    await add(database, *rows)

    arrived = {code for code, one in (await health(database)).items() if one["last_success_at"]}

    assert arrived == {"sent", "relay_pending", "relayed"}


async def test_error_that_was_got_over_is_no_error(database: Database, sealer: Sealer, mailroom: Mailroom) -> None:
    await add_groups(database, make_group(sealer, "c001"))
    await add(database, make_delivery(group_id=1, code="busy", attempts=1))

    await mailroom.send_due()

    assert (await health(database))["c001"]["last_error"] is None


async def test_only_groups_of_the_audience_are_looked_at_by_code(database: Database, sealer: Sealer) -> None:
    await add_groups(
        database,
        make_group(sealer, "c002"),
        make_group(sealer, "c001", channel=ChannelKind.RELAY, address="link"),
        make_group(sealer, "tenants", GroupKind.COMMUNITY, ""),
    )

    assert [list(await health(database, rule)) for rule in ("all", "all+community", "group:c002", "campus")] == [
        ["c001", "c002"],
        ["c001", "c002", "tenants"],
        ["c002"],
        [],
    ]

import re

from tests.alerted import add_alert, asked, end
from tests.factories import NOW, add_groups, make_group
from tests.station import LIST, ONE_KIND, Station
from warden_bot.alert_states import AcknowledgedBy, AlertStatus
from warden_bot.store.acknowledgements import acknowledge, hand_on, recipient_of
from warden_bot.store.database import Database, Session


async def test_classes_are_called_from_the_table_silent_ones_first(station: Station) -> None:
    database = station.desk.database
    number = await add_alert(database, "c001", "c002", "c003")
    path = f"{LIST}/{number}/classes"

    async def prepare(session: Session) -> None:
        first, third = await recipient_of(session, number, "c001"), await recipient_of(session, number, "c003")
        assert first is not None
        assert third is not None
        await acknowledge(session, [first.id or 0], AcknowledgedBy.MESSAGE, NOW)
        await hand_on(session, [third.id or 0], NOW)

    await database.write(prepare)
    page = (await station["甲"].get(path))[1]
    assert [page.index(f"</strong> {code}") for code in ("c003", "c002", "c001")] == sorted(
        page.index(f"</strong> {code}") for code in ("c001", "c002", "c003")
    )
    assert (page.count("已电话确认"), "群里回的" in page, "已告诉年级" in page) == (2, True, True)
    assert '<meta http-equiv="refresh" content="10;' in page

    assert (await station["甲"].post(path, code="c003")).status == 303
    again = await station["乙"].post(path, code="c003")
    assert (again.status, "已经收到了" in await again.text()) == (409, True)
    assert (await station["乙"].post(path, code="c999")).status == 409
    assert (await asked(database, number))["c003"].by is AcknowledgedBy.CALL
    await end(database, number, AlertStatus.CLEARED)
    over = (await station["甲"].get(path))[1]
    assert ("已电话确认" in over, 'http-equiv="refresh"' in over) == (False, False)
    assert (await station["甲"].post(path, code="c002")).status == 409


@ONE_KIND
async def test_teacher_s_number_can_be_touched_to_call(station: Station) -> None:
    sealer = station.desk.sealer
    written = {"t1": "李老师 138 0013-8000", "t2": "010-12345678 <b>王", "t3": "班号 20261124001", "t4": ""}
    for code, teacher in written.items():
        group = make_group(sealer, code)
        group.teacher = teacher
        await add_groups(station.desk.database, group)
    number = await add_alert(station.desk.database, *written)

    page = (await station["甲"].get(f"{LIST}/{number}/classes"))[1]

    assert re.findall(r'href="tel:(\d+)">([^<]+)<', page) == [
        ("13800138000", "李老师 138 0013-8000"),
        ("01012345678", "010-12345678 &lt;b&gt;王"),
    ]


@ONE_KIND
async def test_table_shows_a_whole_school(station: Station) -> None:
    database: Database = station.desk.database
    await add_groups(database, *(make_group(station.desk.sealer, f"x{one:03}") for one in range(368)))
    number = await add_alert(database, *(f"x{one:03}" for one in range(368)))

    page = (await station["甲"].get(f"{LIST}/{number}/classes"))[1]

    assert (page.count("已电话确认"), page.count("<tr")) == (368, 369)

import asyncio

import pytest

from tests.conftest import ZONE
from tests.desk import rows
from tests.factories import add_officer_on_duty
from tests.station import Station
from warden_bot.audit_actions import AuditAction
from warden_bot.errors import LinkRefused, Refused
from warden_bot.handlers.roster import add_officer
from warden_bot.handlers.roster_week import put_on
from warden_bot.handlers.signing_in import begin_session
from warden_bot.states import ChannelKind, OfficerRole
from warden_bot.store.audit import AuditEntry
from warden_bot.store.database import Database, Session
from warden_bot.store.doors import Doors
from warden_bot.store.officers import DutyShift, officer_by_name


async def test_way_in_is_good_once(station: Station) -> None:
    officer = await add_officer_on_duty(station.desk.database, station.desk.sealer, "丙", on_duty=False)
    doors, clock, who = Doors("", station.desk.sealer), station.clock, station["保卫"]
    older = doors.sign_in(officer.id or 0, clock())
    address = doors.sign_in(officer.id or 0, clock.forward(minutes=1))
    clock.forward(minutes=1)

    assert [(await who.post(one)).status for one in (address, address, older)] == [303, 410, 410]
    status, page = await who.get(address)
    assert (status, "用过了" in page, "<button>登录" in page) == (410, True, False)
    assert (await who.post(doors.sign_in(officer.id or 0, clock.forward(minutes=1)))).status == 303


async def test_two_who_do_the_same_at_the_same_moment_do_it_once(station: Station, database_url: str) -> None:
    other = Database(database_url)
    doors, now = Doors("", station.desk.sealer), station.clock()
    officer = await add_officer_on_duty(station.desk.database, station.desk.sealer, "丙", on_duty=False)
    held = doors.read_sign_in(doors.sign_in(officer.id or 0, now).rpartition("/")[2], now)

    async def add(session: Session) -> str:
        by = await officer_by_name(session, "甲")
        assert by is not None
        await put_on(session, "乙", ("2026-11-24T08:00", "2026-11-24T20:00"), "1", ZONE, by, now)
        return "added"

    async def enter(session: Session) -> str:
        return await begin_session(session, held, doors, now)

    for work, refusal in ((add, Refused), (enter, LinkRefused)):
        done = await asyncio.gather(
            *(one.write(work) for one in (station.desk.database, other) for _ in range(3)), return_exceptions=True
        )
        assert sum(isinstance(one, str) for one in done) == 1
        assert sum(isinstance(one, refusal) for one in done) == 5
    await other.close()
    assert len(await rows(station.desk, DutyShift)) == 1
    entries = [one for one in await rows(station.desk, AuditEntry) if isinstance(one, AuditEntry)]
    assert sum(one.action is AuditAction.SIGNED_IN and one.actor == "丙" for one in entries) == 1


@pytest.mark.parametrize(
    ("channel", "address", "status"),
    [(ChannelKind.SANDBOX, "private:甲", 200), (ChannelKind.SANDBOX, "private:甲的新手机", 401), (None, "", 200)],
)
async def test_who_gets_another_address_is_signed_out_of_the_lost_telephone(
    station: Station, channel: ChannelKind | None, address: str, status: int
) -> None:
    sealer, now = station.desk.sealer, station.clock.forward(minutes=1)

    await station.desk.database.write(
        lambda session: add_officer(session, "甲", OfficerRole.OFFICER, channel, address, sealer, "运维", now)
    )

    assert [(await station[name].get("/console"))[0] for name in ("甲", "乙")] == [status, 200]

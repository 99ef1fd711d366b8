from datetime import datetime, timedelta

import pytest
from sqlalchemy import text

from tests.conftest import Clock
from tests.desk import TIP, cases, handle, rows
from tests.factories import make_message
from tests.station import Station
from tests.web.test_console import WORDS, audited
from warden_bot.audit_actions import AuditAction
from warden_bot.domain.message import Sender
from warden_bot.handlers.tipform import Filled, add_words, take_form
from warden_bot.states import SenderRole
from warden_bot.store.cases import Case, tips_of
from warden_bot.store.database import Session
from warden_bot.store.doors import Doors
from warden_bot.store.officers import officer_by_name
from warden_bot.store.tip_media import add_pictures, seal_picture

TELLER = Sender("openid-十里桃花", "卖豆腐的二婶", SenderRole.PARENT)
CONTACT = "豆腐坊傍晚有人"
REASON = "孩子有危险，要找到家长"
ADDRESS = "data:image/jpeg;base64,YSBwaWN0dXJl"


@pytest.fixture
async def case(station: Station) -> Case:
    """One thing that a parent told in a chat, with a picture."""
    await handle(station.desk, station.library, make_message(TIP, sender=TELLER))
    (found,) = await cases(station.desk)
    sealed = seal_picture(station.desk.sealer, b"a picture")

    async def add(session: Session) -> None:
        (told,) = await tips_of(session, found)
        add_pictures(session, told, [sealed], "image/jpeg", station.clock())

    await station.desk.database.write(add)
    return found


async def test_words_and_pictures_are_read_side_by_side(station: Station, case: Case) -> None:
    path, officer = f"/console/cases/{case.code}", station["甲"]

    pages = [
        await (await officer.post(path, **asked)).text()
        for asked in (
            {"do": "words"},
            {"do": "pictures"},
            {"do": "pictures", "with": "words"},
            {"do": "words", "with": "pictures"},
        )
    ]

    shown = [(WORDS in page, ADDRESS in page) for page in pages]
    assert shown == [(True, False), (False, True), (True, True), (True, True)]
    assert ['name="with" value="words"' in pages[0], 'name="with" value="pictures"' in pages[1]] == [True, True]
    seen = [one for one in await audited(station.desk) if one is not AuditAction.SIGNED_IN]
    assert seen.count(AuditAction.TIP_WORDS_READ) == seen.count(AuditAction.PICTURES_SEEN) == 3


async def test_who_gave_a_case_away_finds_back_to_the_others(station: Station, case: Case) -> None:
    answer = await station["甲"].post(f"/console/cases/{case.code}", do="transfer", desk="fire")

    assert (answer.status, 'href="/console"' in await answer.text()) == (200, True)


async def test_what_was_added_stands_once_with_its_time(station: Station) -> None:
    desk, library, now, added = station.desk, station.library, station.clock(), "南门也在卖"
    filled = Filled("0b" * 12, "东门有人收保护费", CONTACT)
    taken = await desk.database.write(lambda session: take_form(session, desk, filled, "", library, now))
    await desk.database.write(lambda session: add_words(session, desk, taken.code, added, "", library, now))

    page = await (await station["甲"].post(f"/console/cases/{taken.case}", do="words")).text()

    assert (page.count(filled.text), page.count(added), "举报人说" in page) == (1, 1, True)


async def test_closed_case_is_found_by_its_code(station: Station, case: Case) -> None:
    officer, path = station["甲"], f"/console/cases/{case.code}"
    await officer.post(path, do="take")
    await officer.post(path, do="close", words="核实过")
    assert case.code not in (await officer.get("/console"))[1]

    typed = case.code.replace("-", " ").lower()
    status, page = await officer.get(f"/console/cases?code={typed}")

    assert (status, "已结束，甲 办的" in page, "重开" in page) == (200, True, True)
    for wrong, line in (("?code=7", "没有这个编号的线索"), ("/7K4Q-M2XD", "没有编号 7K4Q-M2XD 的线索")):
        status, page = await officer.get(f"/console/cases{wrong}")
        assert (status, line in page, 'href="/console"' in page) == (409, True, True)  # not back to the same page
    assert (await station["运维"].get(f"/console/cases?code={typed}"))[0] == 403


async def test_hand_over_leads_to_each_case_and_names_the_year_of_a_long_shift(station: Station, case: Case) -> None:
    await station["甲"].post(
        "/console/roster",
        **{"do": "add", "officer": "乙", "step": "1", "from": "2026-11-23T08:00", "until": "2027-01-02T08:00"},
    )

    page = (await station["甲"].get("/console/handover"))[1]

    assert f'<a href="/console/cases/{case.code}">' in page
    assert "11-23 08:00—2027-01-02 08:00" in page


@pytest.mark.parametrize(
    ("name", "reason", "status"),
    [("甲", REASON, 200), ("所长", REASON, 200), ("甲", "  ", 409), ("保卫", REASON, 403), ("编辑", REASON, 403)],
)
async def test_who_reported_is_shown_by_role_and_reason_and_written_down(
    station: Station, case: Case, name: str, reason: str, status: int
) -> None:
    await _tell_by_the_page(station)
    path, person = f"/console/cases/{(await cases(station.desk))[0].code}", station[name]
    before = (await person.get(path))[1]

    answers = [await person.post(one, do="reporter", words=reason) for one in (path, f"/console/cases/{case.code}")]

    pages = [await one.text() for one in answers]
    assert [one.status for one in answers] == [status] * 2
    told = [[words in page for words in (TELLER.id, TELLER.name, CONTACT)] for page in pages]
    assert (any(any(one) for one in told)) == (status == 200)
    assert not any(words in before for words in (TELLER.id, TELLER.name, CONTACT))
    assert (await audited(station.desk)).count(AuditAction.REPORTER_OPENED) == (2 if status == 200 else 0)


async def _tell_by_the_page(station: Station) -> None:
    filled, desk = Filled("0a" * 12, "东门有人收保护费", CONTACT), station.desk
    await desk.database.write(lambda session: take_form(session, desk, filled, "", station.library, station.clock()))


async def test_a_link_never_says_who_reported(station: Station, case: Case, clock: Clock) -> None:
    async with station.desk.database.read() as session:
        officer = await officer_by_name(session, "甲")
    assert officer is not None
    path = Doors("", station.desk.sealer).case(officer.id or 0, case.code, clock())

    answer = await station["甲"].post(path, do="reporter", words=REASON)

    assert (answer.status, TELLER.id in await answer.text()) == (409, False)
    assert "看是谁举报的" not in (await station["甲"].get(path))[1]
    assert AuditAction.REPORTER_OPENED not in await audited(station.desk)
    assert len(await rows(station.desk, Case)) == 1


async def test_what_fails_is_one_line_that_says_what_to_do(
    station: Station, case: Case, caplog: pytest.LogCaptureFixture
) -> None:
    path, note, officer = f"/console/cases/{case.code}", "锅炉房后墙有个洞", station["甲"]
    await station.desk.database.write(lambda session: session.execute(text("ALTER TABLE case_note RENAME TO gone")))
    try:
        answer = await officer.post(path, do="note", words=note)
    finally:
        await station.desk.database.write(lambda session: session.execute(text("ALTER TABLE gone RENAME TO case_note")))

    page = await answer.text()
    assert (answer.status, "可能没存上" in page, f'href="{path}"' in page) == (503, True, True)
    assert (note in page + caplog.text, "a page of the console failed" in caplog.text) == (False, True)


async def test_list_says_which_dates_are_over(station: Station, case: Case) -> None:
    found = []
    for due_at in (station.clock() + timedelta(minutes=1), station.clock()):

        async def move(session: Session, due_at: datetime = due_at) -> None:
            case.due_at = due_at
            session.add(case)

        await station.desk.database.write(move)
        found.append((await station["甲"].get("/console"))[1])

    assert [("期限 11-23" in page, "已过期" in page) for page in found] == [(True, False), (True, True)]

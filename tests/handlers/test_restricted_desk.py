"""A case of a restricted desk, tried by everybody who does not belong there, in every way there is."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from tests.conftest import ZONE
from tests.desk import TIP, cases, events, handle, rows
from tests.factories import NOW, add_officer_on_duty, make_message
from warden_bot.content.library import Library
from warden_bot.domain.message import Sender
from warden_bot.domain.receipt import read_code
from warden_bot.errors import AccessDenied
from warden_bot.handlers.changeover import hand_over
from warden_bot.handlers.chat_pictures import open_pictures
from warden_bot.handlers.console import Deed, do, open_cases, open_words, sight_of
from warden_bot.handlers.desk_work import Bench, transfer
from warden_bot.handlers.dispatch import Desk
from warden_bot.handlers.reporter import open_reporter
from warden_bot.states import ChannelKind, OfficerRole, SenderRole
from warden_bot.store.audit import AuditEntry
from warden_bot.store.case_notes import CaseNote
from warden_bot.store.database import Session
from warden_bot.store.officers import Officer

Way = Callable[[Session, Bench, str, Officer], Awaitable[Any]]
NAME = "丙"
FIELDS = {"words": "看看", "desk": "duty", "day": "2026-12-01"}
WAYS: dict[str, Way] = {
    "page": lambda session, bench, code, who: sight_of(session, code, who, bench.library),
    "words": lambda session, bench, code, who: open_words(session, code, who, bench),
    "pictures": lambda session, bench, code, who: open_pictures(
        session, code, who, bench.sealer, NOW, bench.library.desks
    ),
    "reporter": lambda session, bench, code, who: open_reporter(
        session, code, who, "看看", bench.sealer, NOW, bench.library.desks
    ),
    "pictures, no desks named": lambda session, bench, code, who: open_pictures(session, code, who, bench.sealer, NOW),
    "reporter, no desks named": lambda session, bench, code, who: open_reporter(
        session, code, who, "看看", bench.sealer, NOW
    ),
    **{
        deed.value: lambda session, bench, code, who, deed=deed: do(  # type: ignore[misc]
            session, bench, code, who, deed, FIELDS, ZONE
        )
        for deed in Deed
    },
}
ORDERS = ("接 {}", "误报 {}", "转 值班 {}", "结 {} 好了", "回 {} 请问", "记 {} 看看", "限 {} 12月1日")


async def kept_apart(desk: Desk, library: Library, role: OfficerRole) -> tuple[str, Officer]:
    """A tip that the duty officer gave to the restricted desk, and somebody who does not belong there."""
    officer = await add_officer_on_duty(desk.database, desk.sealer, "甲")
    await add_officer_on_duty(desk.database, desk.sealer, "所长", role=OfficerRole.CHIEF, on_duty=False)
    other = await add_officer_on_duty(desk.database, desk.sealer, NAME, role=role, on_duty=False)
    code = read_code((await handle(desk, library, make_message(TIP))).text or "") or ""
    bench = Bench(desk.sealer, desk.channels, library, NOW)
    await desk.database.write(lambda session: transfer(session, bench, code, "care", officer))
    return code, other


async def traces(desk: Desk) -> Any:
    (case,) = await cases(desk)
    return case.model_dump(), await events(desk, case), await rows(desk, CaseNote), len(await rows(desk, AuditEntry))


OTHERS = [role for role in OfficerRole if role is not OfficerRole.CHIEF]


@pytest.mark.parametrize("role", OTHERS)
async def test_no_way_leads_somebody_else_to_it_and_nothing_of_the_try_is_left(
    desk: Desk, library: Library, role: OfficerRole
) -> None:
    code, other = await kept_apart(desk, library, role)
    before = await traces(desk)
    later = Bench(desk.sealer, desk.channels, library, NOW + timedelta(minutes=1))

    for way in WAYS.values():
        with pytest.raises(AccessDenied):
            await desk.database.write(lambda session, way=way: way(session, later, code, other))  # type: ignore[misc]
    said = [await order(desk, library, one.format(code)) for one in ORDERS]

    assert await traces(desk) == before
    assert not [text for text in said if "电子烟" in text or "minors" in text]
    async with desk.database.read() as session:
        assert await open_cases(session, other, library) == []
        (row,) = (await hand_over(session, library, NOW))["cases"]
    assert (row["code"], row["category"]) == (code, None)


async def test_chief_belongs_to_it(desk: Desk, library: Library) -> None:
    code, chief = await kept_apart(desk, library, OfficerRole.CHIEF)
    bench = Bench(desk.sealer, desk.channels, library, NOW)

    opened = await desk.database.write(lambda session: open_words(session, code, chief, bench))

    assert opened.tips == [TIP]
    async with desk.database.read() as session:
        assert [one.code for one in await open_cases(session, chief, library)] == [code]


async def order(desk: Desk, library: Library, text: str) -> str:
    sender = Sender(f"private:{NAME}", NAME, SenderRole.OFFICER)
    return (await handle(desk, library, make_message(text, channel=ChannelKind.SANDBOX, sender=sender))).text or ""

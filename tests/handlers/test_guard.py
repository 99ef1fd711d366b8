import json
import logging
from dataclasses import replace

import pytest

from tests.alarms import FEE, LINE, STRANGER, WARNINGS, WORDS, alarms, evidence, guard, talk
from tests.conftest import CONTENT, Mailroom
from tests.desk import cases, events, rows, said
from tests.factories import NOW, add_officer_on_duty, add_school, make_message
from warden_bot.channels.base import Reply
from warden_bot.content.guarding import FIXED_WARNING, Warnings
from warden_bot.content.library import Library
from warden_bot.domain.categories import category_words
from warden_bot.domain.message import Sender
from warden_bot.handlers.case import acknowledge, close
from warden_bot.handlers.dispatch import Desk
from warden_bot.handlers.guard import MOST_AN_HOUR, MOST_EVIDENCE, MOST_OF_A_KIND, SILENCE
from warden_bot.states import Action, CaseEventKind, CaseStatus, SenderRole
from warden_bot.store.cases import all_cases
from warden_bot.store.database import Session
from warden_bot.store.outbox import Delivery
from warden_bot.store.tables import TABLES


async def test_scam_is_warned_of_in_one_line_and_the_officer_has_the_evidence(
    desk: Desk, library: Library, mailroom: Mailroom, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    await add_school(desk.database, desk.sealer)
    await add_officer_on_duty(desk.database, desk.sealer, "甲")

    reply = await guard(desk, library, talk())
    stored = [one for one in await rows(desk, Delivery) if isinstance(one, Delivery)]
    await mailroom.send_due()

    (case,) = await cases(desk)
    assert reply == LINE
    assert (case.category, case.danger) == ("guard:fake-teacher-fee", False)
    assert await said(desk, "private:甲") == [
        f"防骗预警：冒充老师收钱，新线索 {case.code}。\n回“接 {case.code}”表示由你负责。\n原话：【c001群】{WORDS}"
    ]
    dump = json.dumps([[row.model_dump() for row in await rows(desk, table)] for table in TABLES], default=repr)
    dump = dump.encode().decode("unicode_escape")
    everywhere = "\n".join([dump, str(reply), caplog.text, *(one.text for one in stored)])
    for secret in (WORDS, STRANGER.name, STRANGER.id):
        assert not [start for start in range(len(secret) - 3) if secret[start : start + 4] in everywhere]


async def test_same_words_add_to_the_case_and_are_warned_of_elsewhere_or_after_a_while(
    desk: Desk, library: Library
) -> None:
    await add_school(desk.database, desk.sealer)
    replies = [
        await guard(desk, library, talk(text, group), minutes=minutes)
        for text, group, minutes in [
            (WORDS, "c001", 0),
            (WORDS.replace("，", "  "), "c001", 29),  # written differently
            (WORDS, "c002", 29),
            (WORDS, "c001", 31),
        ]
    ]

    (case,) = await cases(desk)
    assert replies == [LINE, SILENCE, LINE, LINE]
    assert (await events(desk, case)).count(CaseEventKind.TIP_ADDED) == 3
    assert await evidence(desk, case) == [
        f"【c001群】{WORDS}",
        f"【c001群】{WORDS.replace('，', '  ')}",
        f"【c002群】{WORDS}",
        f"【c001群】{WORDS}",
    ]
    assert await guard(desk, library, talk(), minutes=25 * 60) == LINE
    assert len(await cases(desk)) == 2


async def test_case_that_is_closed_takes_no_more_evidence(desk: Desk, library: Library) -> None:
    officer = await add_officer_on_duty(desk.database, desk.sealer, "甲")
    await guard(desk, library, talk())
    (case,) = await cases(desk)
    await desk.database.write(lambda session: close(session, case.code, officer, "已移出群", NOW))

    assert await guard(desk, library, talk(), minutes=40) == LINE
    assert [one.status for one in await cases(desk)] == [CaseStatus.OPEN, CaseStatus.CLOSED]


async def test_flood_of_one_kind_is_warned_of_a_few_times_and_all_of_it_is_kept(desk: Desk, library: Library) -> None:
    said_of = [await guard(desk, library, talk(f"{WORDS}{number}"), minutes=number) for number in range(7)]

    found = await cases(desk)
    assert said_of == [LINE] * MOST_OF_A_KIND + [SILENCE] * 3
    assert [len(await evidence(desk, case)) for case in found] == [4, 1, 1, 1]  # nor are the officers called more often
    assert [one.warned for one in reversed(await alarms(desk))] == [True] * MOST_OF_A_KIND + [False] * 3
    assert {(*one.why,) for one in await alarms(desk)} == {FEE.reasons}
    assert await guard(desk, library, talk(f"{WORDS}6", "c002")) == LINE
    assert await guard(desk, library, talk(f"{WORDS}9"), minutes=64) == LINE  # the silent ones did not prolong it


async def test_flood_hides_no_other_scam_and_nothing_from_an_officer_who_took_the_case(
    desk: Desk, library: Library
) -> None:
    officer = await add_officer_on_duty(desk.database, desk.sealer, "甲")

    async def opens(text: str, kind: str = FEE.kind) -> tuple[bool, bool]:
        """Say whether it is warned of, and whether an officer is called for it."""
        before = len(await cases(desk))
        reply = await guard(desk, library, talk(text), replace(FEE, kind=kind), minutes=30)
        newest, *others = await cases(desk)
        called = len(others) == before and CaseEventKind.NOTIFIED in await events(desk, newest)
        return bool(reply and reply.text), called

    async def take_all() -> None:
        async def work(session: Session) -> None:
            for case in await all_cases(session):
                if case.status is CaseStatus.OPEN:
                    await acknowledge(session, case.code, officer, NOW)

        await desk.database.write(work)

    for kind in ("fake-teacher-fee", "subsidy", "qr-gift"):
        assert [await opens(f"{kind}{number}", kind) for number in range(5)] == [(True, True)] * 4 + [(False, False)]
    assert await opens("fake-police", "fake-police") == (
        False,
        True,
    )  # twelve lines are enough, and yet it is a new kind
    await take_all()
    assert [await opens(f"又一条{number}") for number in range(2)] == [(False, True), (False, False)]
    assert await opens("又一条0") == (False, False)
    assert len([one for one in await alarms(desk) if one.warned]) == MOST_AN_HOUR


async def test_same_words_call_an_officer_anew_a_while_after_one_took_the_case(desk: Desk, library: Library) -> None:
    officer = await add_officer_on_duty(desk.database, desk.sealer, "甲")
    await guard(desk, library, talk())
    (case,) = await cases(desk)
    await desk.database.write(lambda session: acknowledge(session, case.code, officer, NOW))

    for number, minutes in enumerate((59, 60, 61)):
        assert await guard(desk, library, talk(group=f"c00{number}"), minutes=minutes) == LINE
    assert [len(await evidence(desk, one)) for one in await cases(desk)] == [2, 2]


async def test_case_does_not_grow_without_end(desk: Desk, library: Library) -> None:
    for _ in range(MOST_EVIDENCE + 2):
        await guard(desk, library, talk())

    (case,) = await cases(desk)
    assert len(await evidence(desk, case)) == MOST_EVIDENCE
    assert [one.warned for one in reversed(await alarms(desk))] == [True] + [False] * (MOST_EVIDENCE + 1)


async def test_teacher_s_account_is_warned_of_and_an_officer_s_is_not(desk: Desk, library: Library) -> None:
    spared = [
        talk(sender=Sender("u1", "民警", SenderRole.OFFICER)),
        make_message(WORDS),  # in private: a question about it
        make_message(WORDS, group="c001"),
    ]

    assert [await guard(desk, library, message) for message in spared] == [None] * 3
    assert await cases(desk) == []
    assert await guard(desk, library, talk()) == LINE


async def test_kind_that_no_editor_wrote_about_is_warned_of_all_the_same(desk: Desk, library: Library) -> None:
    kind = replace(FEE, kind="brand-new")

    assert await guard(desk, library, talk(), kind) == Reply(
        Action.ANSWER, WARNINGS.topic("other"), WARNINGS.line("other")
    )
    unreadable = await guard(desk, library, talk("另一段"), kind, Warnings())
    assert (unreadable or SILENCE).text == FIXED_WARNING
    assert category_words("guard:brand-new") == "防骗预警"


def test_shipped_warnings_are_there_for_every_kind_of_scam_that_is_collected() -> None:
    kinds = {path.stem for path in (CONTENT / "speech" / "scams").glob("*.txt")}

    assert kinds <= set(WARNINGS.kinds)
    assert [kind for kind in WARNINGS.kinds if kind != "other" and "：" not in category_words(f"guard:{kind}")] == []

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
from warden_bot.domain.message import Sender
from warden_bot.handlers.case import category_words, close
from warden_bot.handlers.dispatch import Desk
from warden_bot.handlers.guard import MOST_AN_HOUR, MOST_EVIDENCE, SILENCE
from warden_bot.states import Action, CaseEventKind, CaseStatus, SenderRole
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


async def test_flood_of_scams_is_warned_of_six_times_and_all_of_it_is_kept(desk: Desk, library: Library) -> None:
    said_of = [await guard(desk, library, talk(f"{WORDS}{number}"), minutes=number) for number in range(9)]

    found = await cases(desk)
    assert said_of == [LINE] * MOST_AN_HOUR + [SILENCE] * 3
    assert len(found) == MOST_AN_HOUR  # nor are the officers called more often
    assert [len(await evidence(desk, case)) for case in found] == [4, 1, 1, 1, 1, 1]
    assert await guard(desk, library, talk(f"{WORDS}8", "c002")) == LINE
    assert await guard(desk, library, talk(f"{WORDS}9"), minutes=61) == LINE


async def test_case_does_not_grow_without_end(desk: Desk, library: Library) -> None:
    for _ in range(MOST_EVIDENCE + 2):
        await guard(desk, library, talk())

    (case,) = await cases(desk)
    assert len(await evidence(desk, case)) == MOST_EVIDENCE
    assert len(await alarms(desk)) == 1


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

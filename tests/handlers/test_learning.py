from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import select

from tests.factories import NOW, add_officer_on_duty
from tests.words import small_content
from warden_bot.audit_actions import AuditAction
from warden_bot.content.growing import Growth, grow
from warden_bot.errors import AccessDenied, Refused
from warden_bot.handlers.learning import Attachment, attach, dismiss, list_questions, missed, note_all
from warden_bot.states import OfficerRole, QuestionStatus
from warden_bot.store import missed_questions
from warden_bot.store.audit import AuditEntry
from warden_bot.store.database import Database, Session
from warden_bot.store.missed_questions import FORGOTTEN_AFTER, MissedQuestion, forget_missed
from warden_bot.store.sealing import Sealer


async def ask(database: Database, sealer: Sealer, *texts: str, days: float = 0) -> None:
    async def work(session: Session) -> None:
        for text in texts:
            question = missed(sealer, text, "lost.id-card", 0.25, NOW + timedelta(days=days))
            await note_all(session, [question] if question else [])

    await database.write(work)


async def stored(database: Database) -> list[MissedQuestion]:
    async with database.read() as session:
        return list((await session.exec(select(MissedQuestion).order_by(MissedQuestion.id))).all())  # type: ignore[arg-type]


async def test_question_is_counted_without_anybody_in_it_and_shown_to_an_editor(
    database: Database, sealer: Sealer
) -> None:
    for name, role in (("编辑甲", OfficerRole.EDITOR), ("运维乙", OfficerRole.OPERATOR)):
        await add_officer_on_duty(database, sealer, name, role=role, on_duty=False)
    await ask(database, sealer, "我叫张伟，电话13812345678，紫色信箱在哪")
    await ask(database, sealer, "我叫李雷！电话13900001111，紫色信箱在哪？？", days=1)
    await ask(database, sealer, "紫色信箱在哪里", "校门口有没有充电宝", "嗯", "13812345678")

    async with database.read() as session:
        rows = await list_questions(session, sealer, "编辑甲", every=False)
        blind = await list_questions(session, sealer, None, every=False)
        with pytest.raises(AccessDenied, match="运维乙 不是编辑"):
            await list_questions(session, sealer, "运维乙", every=False)

    assert [(row["text"], row["times"], row["group"]) for row in rows] == [
        ("我叫（名字），电话（数字），紫色信箱在哪", 2, 1),
        ("紫色信箱在哪里", 1, 1),
        ("校门口有没有充电宝", 1, 2),
    ]
    assert rows[0]["last_at"] == "2026-11-24T04:00:00.000000+00:00"
    assert {row["text"] for row in blind} == {None}
    assert all(b"\xe7\xb4\xab" not in one.sealed_text for one in await stored(database))


async def test_only_the_most_frequent_and_the_newest_are_kept(
    database: Database, sealer: Sealer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(missed_questions, "MOST_OPEN", 2)
    await ask(database, sealer, "第一个问题啊", "第一个问题啊", "第二个问题啊")
    await ask(database, sealer, "第三个问题啊", days=1)
    texts = [one.text_hash for one in await stored(database)]

    await database.write(lambda session: forget_missed(session, NOW + timedelta(days=1)))
    kept = [one.text_hash for one in await stored(database)]
    await database.write(lambda session: forget_missed(session, NOW + FORGOTTEN_AFTER + timedelta(hours=1)))

    assert len(texts) == 3  # counting drops nothing
    assert kept == [texts[0], texts[2]]
    assert [one.text_hash for one in await stored(database)] == [texts[2]]


async def test_question_is_set_aside_once(database: Database, sealer: Sealer) -> None:
    await add_officer_on_duty(database, sealer, "编辑甲", role=OfficerRole.EDITOR, on_duty=False)
    await ask(database, sealer, "紫色信箱在哪")

    await database.write(lambda session: dismiss(session, 1, "编辑甲", NOW))
    await ask(database, sealer, "紫色信箱在哪")  # asked again: counted, not opened again
    with pytest.raises(Refused, match="问题 1 已经处理过：编辑甲 标了不用答"):
        await database.write(lambda session: dismiss(session, 1, "编辑甲", NOW))

    (one,) = await stored(database)
    assert (one.status, one.times, one.decided_by) == (QuestionStatus.DISMISSED, 2, "编辑甲")
    async with database.read() as session:
        entries = (await session.exec(select(AuditEntry))).all()
    assert [(one.action, one.actor, one.subject) for one in entries] == [
        (AuditAction.QUESTION_DISMISSED, "编辑甲", "1")
    ]


def contents(folder: Path) -> dict[str, bytes]:
    return {str(one): one.read_bytes() for one in folder.rglob("*") if one.is_file()}


async def test_question_becomes_a_sample_and_a_labelled_line_unless_answers_get_worse(
    database: Database, sealer: Sealer, tmp_path: Path
) -> None:
    folder = small_content(tmp_path / "words")
    page, labelled = folder / "answers" / "lost.items.md", folder / "tests" / "questions.jsonl"
    before = page.read_text(encoding="utf-8")
    for name, role in (("编辑甲", OfficerRole.EDITOR), ("运维乙", OfficerRole.OPERATOR)):
        await add_officer_on_duty(database, sealer, name, role=role, on_duty=False)
    await ask(database, sealer, "我叫张伟，捡到一把紫色雨伞该交到哪里", "张伟老师13812345678", "捡到紫伞交哪")

    async def try_it(number: int, topic: str = "lost.items", editor: str = "编辑甲", words: str = "") -> str:
        wanted = Attachment(number, topic, editor, words)
        return await attach(database, sealer, folder, wanted, NOW, NOW.date(), lambda _library: [])

    untouched = contents(folder)
    for refused, reason in (
        ({"number": 1, "editor": "运维乙"}, "运维乙 不是编辑或所长"),
        ({"number": 1, "topic": "../local"}, "没有主题"),
        ({"number": 2}, "用 --text 写一句"),
        ({"number": 1, "words": "打13812345678问问雨伞"}, "不能有电话"),
        ({"number": 1, "words": "张三家的雨伞交到迎宾路吗"}, "--text 里不能有名字、地点，去掉再写"),
        ({"number": 9}, "没有编号 9"),
    ):
        with pytest.raises((Refused, AccessDenied), match=reason):
            await try_it(**refused)
    assert contents(folder) == untouched

    assert await try_it(1) == "捡到一把紫色雨伞该交到哪里"
    assert page.read_text(encoding="utf-8") == before.rstrip("\n") + "\n- 捡到一把紫色雨伞该交到哪里\n"
    label = '{"text": "捡到一把紫色雨伞该交到哪里", "expect": "answer", "topic": "lost.items"}\n'
    assert labelled.read_text(encoding="utf-8") == label
    for number, topic, reason in ((1, "lost.items", "已经处理过"), (3, "lost.id-card", "已经在 lost.items")):
        with pytest.raises(Refused, match=reason):
            await try_it(number, topic, words="捡到一把紫色雨伞，该交到哪里？")

    labelled.write_text(label + '{"text": "今天吃什么", "expect": "emergency"}\n', encoding="utf-8")
    (folder / "tests" / "least.yml").write_text("ambient:\n  emergency_recall: 0.5\n", encoding="utf-8")
    untouched = contents(folder)
    with pytest.raises(Refused, match=r"words/tests/least\.yml:2: ambient emergency_recall 0（至少 0.5）"):
        await try_it(3)

    assert contents(folder) == untouched
    states = [one.status for one in await stored(database)]
    assert states == [QuestionStatus.ATTACHED, QuestionStatus.OPEN, QuestionStatus.OPEN]


async def test_attaching_that_was_stopped_on_the_way_is_finished_by_doing_it_again(
    database: Database, sealer: Sealer, tmp_path: Path
) -> None:
    folder = small_content(tmp_path / "words")
    await add_officer_on_duty(database, sealer, "编辑甲", role=OfficerRole.EDITOR, on_duty=False)
    await ask(database, sealer, "16岁捡到一把紫色雨伞该交到哪里")
    grow(folder, Growth("lost.items", "16岁捡到一把紫色雨伞该交到哪里"))
    grown = contents(folder)
    (folder / "answers" / ".lost.items.md.growing").write_text("half of", encoding="utf-8")

    wanted = Attachment(1, "lost.items", "编辑甲", "16岁，捡到一把紫色雨伞该交到哪里？")
    await attach(database, sealer, folder, wanted, NOW, NOW.date(), lambda _library: [])

    assert contents(folder) == grown
    assert [one.status for one in await stored(database)] == [QuestionStatus.ATTACHED]

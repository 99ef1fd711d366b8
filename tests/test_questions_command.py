import shutil
from pathlib import Path

import pytest

from tests.command_line import CommandLine
from tests.factories import NOW, add_officer_on_duty
from tests.words import small_content
from warden_bot.handlers.learning import missed, note_all
from warden_bot.states import OfficerRole
from warden_bot.store.database import Database, Session
from warden_bot.store.sealing import Sealer


@pytest.fixture
async def command_line(tmp_path: Path, _sqlite_template: Path, sealer: Sealer) -> CommandLine:
    """An editor and a question that was not answered."""
    url = f"sqlite:///{shutil.copy(_sqlite_template, tmp_path / 'warden.db')}"
    database = Database(url)
    await add_officer_on_duty(database, sealer, "编辑甲", role=OfficerRole.EDITOR, on_duty=False)

    async def work(session: Session) -> None:
        question = missed(sealer, "我叫张伟，捡到一把紫色雨伞该交到哪里", "lost.items", 0.21, NOW)
        assert question is not None
        await note_all(session, [question])

    await database.write(work)
    await database.close()
    content = str(small_content(tmp_path / "words"))
    return CommandLine(tmp_path, {"DATABASE_URL": url, "SECRET_KEYS": bytes(range(32)).hex(), "CONTENT_DIR": content})


async def test_editor_gives_a_question_to_a_topic_in_two_steps_and_the_scores_are_shown(
    command_line: CommandLine,
) -> None:
    listed = await command_line.run("questions", "list", "--as", "编辑甲")
    done = await command_line.run("questions", "attach", "1", "lost.items", "--as", "编辑甲")
    check = await command_line.run("content", "check", "--json")
    beyond = await command_line.run("questions", "dismiss", "9" * 20, "--as", "编辑甲")

    assert listed.out == "【1】共问 1 次\n  1\t1 次\t我叫（名字），捡到一把紫色雨伞该交到哪里\t像 lost.items（0.21）\n"
    assert (done.code, check.code) == (0, 0), done.err
    assert (beyond.code, "Traceback" in beyond.err) == (2, False)
    scores = [row["reason"] for row in check.json if row["id"] == "score"]
    assert scores[:2] == ["ambient answer_recall 1（至少 0.5）", "ambient answer_precision 1"]

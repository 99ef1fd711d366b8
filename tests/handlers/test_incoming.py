"""What is made of a message before the database is asked: nothing that goes wrong there hides who is in danger."""

from dataclasses import replace
from typing import Any

import pytest

from tests.desk import handle
from tests.factories import make_message
from warden_bot.content.library import Library
from warden_bot.domain.understanding.guard import WARNED, Guard
from warden_bot.domain.understanding.judge import judge
from warden_bot.domain.understanding.retrieve import SampleIndex
from warden_bot.handlers.dispatch import Desk
from warden_bot.states import Action


class Broken:
    """Stands for an index or a guard that fails in a way nobody thought of."""

    def __getattr__(self, name: str) -> Any:
        raise ZeroDivisionError(name)


async def test_danger_is_heard_when_judging_fails(desk: Desk, library: Library) -> None:
    broken = replace(library)
    broken.__dict__["index"] = broken.__dict__["guard"] = Broken()

    danger = await handle(desk, broken, make_message("着火了，快来人"))
    talk = await handle(desk, broken, make_message("今天作业第几页", group="c001", addressed=False))

    assert (danger.action, (danger.text or "").splitlines()[0]) == (Action.EMERGENCY, "现在就打119。")
    assert (talk.action, talk.text) == (Action.SILENT, None)


@pytest.mark.parametrize("text", ["1" * 100_000, "前" + "9" * 50_000, "\ufdfa" * 2_000, "an" * 50_000, "😀" * 20_000])
def test_no_text_keeps_the_bot_for_ever(library: Library, text: str) -> None:
    """A pattern that goes back over everything would not come to an end here."""
    found = library.guard.suspicion(text)

    assert found is None or found.score < WARNED
    assert judge(text, library.index, addressed=False).action is Action.SILENT


@pytest.mark.parametrize(
    "text",
    ["123456", "13800001111", "hahahaha", "Happy Birthday", "95、87、92", "https://v.douyin.com/abc", "wo dao jia le"],
)
def test_text_without_a_word_that_is_known_is_no_scam(library: Library, text: str) -> None:
    assert library.guard.suspicion(text) is None


def test_nothing_learnt_is_nothing_suspected() -> None:
    assert Guard({}, {}).suspicion("扫码付86元，今晚截止") is None
    assert SampleIndex([]).rank("扫码付86元").topics == ()

"""Pictures without a word: a person in fear may send no more, and a class sends them all day."""

import pytest

from tests.desk import cases, handle
from tests.factories import make_message
from tests.handlers.test_manners import talk
from warden_bot.content.library import Library
from warden_bot.handlers.dispatch import Desk
from warden_bot.states import Action


@pytest.mark.parametrize(
    ("text", "in_private", "in_group"),
    [
        ("😭😭", "表情我看不懂。有危险请打110。\n有什么事，打字发一句就行；想先找人聊聊，打12355。", None),
        ("[流泪][发抖]", "表情我看不懂。有危险请打110。\n有什么事，打字发一句就行；想先找人聊聊，打12355。", None),
        ("👍🏻🙏", None, None),
        ("[抱拳]", None, None),
    ],
)
async def test_bare_signs_are_answered_in_private_only_and_nobody_is_called(
    desk: Desk, library: Library, text: str, in_private: str | None, in_group: str | None
) -> None:
    private, group = await handle(desk, library, make_message(text)), await handle(desk, library, talk(text))

    assert (private.text, group.text, await cases(desk)) == (in_private, in_group, [])


async def test_sos_sign_alone_calls_somebody_in_private_and_in_a_group_only_with_words(
    desk: Desk, library: Library
) -> None:
    alone = await handle(desk, library, talk("😭🆘🆘"))
    before = await cases(desk)
    with_words = await handle(desk, library, talk("🆘被困在卫生间", "c002"))
    private = await handle(desk, library, make_message("😭🆘"))

    assert (alone.text, before) == (None, [])
    assert [with_words.action, private.action] == [Action.EMERGENCY] * 2
    assert "110" in (private.text or "")

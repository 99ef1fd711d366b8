from tests.conftest import Clock, Mailroom
from tests.handlers.test_desk_work import WORDS, crew, do, tipped
from warden_bot.content.library import Library
from warden_bot.errors import SendError
from warden_bot.handlers.delivery import take_turn
from warden_bot.handlers.desk_work import answer_reporter, finish, take_on, transfer
from warden_bot.handlers.dispatch import Desk
from warden_bot.handlers.settling import Ended
from warden_bot.states import AttemptOutcome


async def test_words_of_an_earlier_step_never_arrive_after_those_of_a_later(
    desk: Desk, library: Library, mailroom: Mailroom, clock: Clock
) -> None:
    officer, _, _ = await crew(desk)
    code = await tipped(desk, library)
    await do(desk, library, transfer, code, "fire", officer)
    first = (await take_turn(mailroom.post, busy={})).errands
    (moved,) = [one for one in first if one.claimed.officer_id is None]
    await do(desk, library, answer_reporter, code, officer, WORDS)
    await do(desk, library, take_on, code, officer)

    await do(desk, library, finish, code, officer, "已处理")
    meanwhile = (await take_turn(mailroom.post, busy={})).errands
    lost = Ended(moved, clock.now, clock.now, 0, SendError("unreachable", AttemptOutcome.RETRYABLE))
    clock.forward(seconds=1)
    again = (await take_turn(mailroom.post, [lost], busy={})).errands
    clock.forward(seconds=60)
    later = (await take_turn(mailroom.post, busy={})).errands

    def said_of(step: str) -> list[str]:
        return [library.replies.say(step, library.values(code=code))]

    assert [one.message.text for one in meanwhile if one.claimed.officer_id is None] == said_of("officer_answered")
    assert again == []
    assert [one.message.text for one in later if one.claimed.officer_id is None] == said_of("case_over")

"""What members of a real homeserver say to the bot, and what it says to them: each answer exactly once."""

import asyncio
import json
import signal
from collections.abc import Iterator

import pytest

from tests.matrix_server.homeserver import AS_TOKEN, BOT, HS_TOKEN, fetch, quoted
from tests.matrix_server.school import Member, School
from warden_bot.channels.base import Surroundings
from warden_bot.channels.http import Http
from warden_bot.channels.matrix.channel import NO_ENCRYPTION, Matrix
from warden_bot.domain.message import OutboundMessage, Recipient
from warden_bot.environment import utc_now

QUESTION, ANOTHER, TALK = "反诈热线是多少", "电动车怎么上牌", "今天作业是第几页"
TRY_AGAIN = 'channel="matrix",result="try_again"'


@pytest.fixture(scope="module")
def school(tmp_path_factory: pytest.TempPathFactory) -> Iterator[School]:
    with School(tmp_path_factory.mktemp("talk"), groups=8) as opened:
        opened.serve()
        yield opened


@pytest.fixture(scope="module")
def parent(school: School) -> Member:
    return school.member("parent")


@pytest.fixture(scope="module")
def teacher(school: School) -> Member:
    return school.member("teacher")


def test_question_in_a_class_s_room_is_answered_there_and_talk_is_not(
    school: School, parent: Member, teacher: Member
) -> None:
    room = school.rooms[0]
    parent.join(room)
    teacher.join(room)

    parent.say(room, QUESTION, to_bot=True)
    (first,) = parent.wait_for_answers(room, 1)
    teacher.say(room, TALK)
    parent.say(room, ANOTHER, to_bot=True)

    assert "96110" in first
    assert len(parent.wait_for_answers(room, 2)) == 2
    said = [one.sender for one in school.homeserver.said() if one.room == room]
    assert said == [parent.user, BOT, teacher.user, parent.user, BOT]


def test_bot_joins_a_room_that_it_is_invited_to_and_answers_though_no_group_is_there(
    school: School, parent: Member, teacher: Member
) -> None:
    room = teacher.open_room(name="家委会", invite=[BOT, parent.user])
    parent.ask("POST", f"/join/{quoted(room)}", {})
    school.wait_until(lambda: BOT in joined(teacher, room), "the bot to join")

    teacher.say(room, TALK)
    parent.say(room, QUESTION, to_bot=True)

    (answer,) = parent.wait_for_answers(room, 1)
    assert "96110" in answer


def joined(member: Member, room: str) -> list[str]:
    return list(member.ask("GET", f"/rooms/{quoted(room)}/joined_members")["joined"])


def test_tip_in_a_private_chat_needs_no_mention_and_opens_a_case(school: School, parent: Member) -> None:
    room = parent.open_room(is_direct=True, preset="trusted_private_chat")
    (menu,) = parent.wait_for_answers(room, 1)

    parent.say(room, "举报：北门小店卖电子烟给学生")

    answers = parent.wait_for_answers(room, 2)
    (case,) = json.loads(school.run("cases", "list", "--json"))
    assert answers == [menu, answers[1]]
    assert case["code"] in answers[1]


def test_private_chat_that_somebody_joins_is_a_group(parent: Member, teacher: Member) -> None:
    room = parent.open_room(is_direct=True, preset="trusted_private_chat", invite=[BOT, teacher.user])
    parent.wait_for_answers(room, 1)
    teacher.ask("POST", f"/join/{quoted(room)}", {})

    parent.say(room, TALK)
    parent.say(room, QUESTION, to_bot=True)

    assert len(parent.wait_for_answers(room, 2)) == 2


def test_bot_declines_a_room_that_it_could_not_read(school: School, parent: Member) -> None:
    encryption = {"type": "m.room.encryption", "state_key": "", "content": {"algorithm": "m.megolm.v1.aes-sha2"}}
    room = parent.open_room(is_direct=True, initial_state=[encryption])

    def membership() -> dict[str, str]:
        found: dict[str, str] = parent.ask("GET", f"/rooms/{quoted(room)}/state/m.room.member/{quoted(BOT)}")
        return found

    school.wait_until(lambda: membership()["membership"] == "leave", "the bot to decline")
    assert membership()["reason"] == NO_ENCRYPTION


def test_homeserver_s_ping_is_answered(school: School) -> None:
    assert school.ping()["duration_ms"] >= 0


def test_question_that_was_asked_while_the_program_was_down_is_answered_once(school: School, parent: Member) -> None:
    room = school.rooms[1]
    parent.join(room)
    school.stop_serving(signal.SIGKILL)

    parent.say(room, QUESTION, to_bot=True)
    school.serve()
    school.hand_over()
    parent.wait_for_answers(room, 1)
    parent.say(room, ANOTHER, to_bot=True)

    assert len(parent.wait_for_answers(room, 2)) == 2


def test_question_that_could_not_be_stored_comes_again_and_is_answered_once(school: School, parent: Member) -> None:
    room = school.rooms[2]
    parent.join(room)
    parent.say(room, TALK, to_bot=True)
    parent.wait_for_answers(room, 1)

    with school.busy_database():
        parent.say(room, QUESTION, to_bot=True)
        school.wait_until(lambda: TRY_AGAIN in school.metrics(), "the program to ask for it again")
    parent.wait_for_answers(room, 2)
    parent.say(room, ANOTHER, to_bot=True)

    assert len(parent.wait_for_answers(room, 3)) == 3


def test_transaction_that_was_answered_and_comes_again_has_no_effect(school: School, parent: Member) -> None:
    """As when the program was killed, or the network broke, between its answer and the homeserver's ear."""
    room = school.rooms[3]
    parent.join(room)
    parent.say(room, QUESTION, to_bot=True)
    parent.wait_for_answers(room, 1)
    messages = parent.ask("GET", f"/rooms/{quoted(room)}/messages")["chunk"]
    events = [one for one in messages if one["sender"] == parent.user and one["type"] == "m.room.message"]

    for _ in range(3):
        put_transaction(school, events)
    parent.say(room, ANOTHER, to_bot=True)

    assert len(events) == 1
    assert len(parent.wait_for_answers(room, 2)) == 2


def put_transaction(school: School, events: list[dict[str, object]]) -> None:
    """Do as the homeserver does."""
    url = f"{school.site}/callbacks/matrix/_matrix/app/v1/transactions/9999"
    assert fetch(url, "PUT", {"events": events}, HS_TOKEN) == b"{}"


def test_key_is_known_to_a_homeserver_that_was_killed_and_started_again(school: School) -> None:
    room = school.rooms[4]
    message = OutboundMessage("one-key", Recipient("c4", room), "只说一次")

    async def send() -> str:
        http = Http()
        values = {"api_base": school.homeserver.base, "as_token": AS_TOKEN, "bot_user": BOT}
        try:
            return (await Matrix(values, Surroundings(http, utc_now)).send(message, message.text, 0)).external_id
        finally:
            await http.close()

    first = asyncio.run(send())
    school.homeserver.stop(signal.SIGKILL)
    school.homeserver.start()
    second = asyncio.run(send())

    assert first == second
    assert [one.room for one in school.homeserver.said("只说一次")] == [room]

"""Invitations, and which rooms are private chats."""

import json
from dataclasses import replace

import pytest
from aiohttp import web

from tests.factories import NOW
from tests.platforms.matrix import (
    BOT,
    MEMBER,
    PRIVATE_ROOM,
    ROOM,
    FakeHomeserver,
    in_group,
    invite,
    own_join,
    paths,
    refused,
    transaction,
)
from warden_bot.channels.matrix.channel import NO_ENCRYPTION, Matrix
from warden_bot.domain.message import InboundMessage, Sender
from warden_bot.errors import SendError
from warden_bot.states import AttemptOutcome, ChannelKind, SenderRole

ROOM_DATA = f"{PRIVATE_ROOM} warden_bot.room"


async def follow(matrix: Matrix, *events: object) -> None:
    received = matrix.parse_callback(transaction(NOW, *events))
    assert received.afterwards is not None
    await received.afterwards()


async def test_invitation_is_followed(matrix: Matrix, server: FakeHomeserver) -> None:
    server.invited.add("!new")

    await follow(matrix, invite("!new", "m.room.create", "m.room.name"))

    assert server.joined["!new"] == [BOT]
    assert paths(server)[0] == "POST /v3/join/!new"


async def test_invitation_that_comes_again_is_followed_again(matrix: Matrix, server: FakeHomeserver) -> None:
    server.invited.add("!new")

    for _ in range(2):
        await follow(matrix, invite("!new"))

    assert server.joined["!new"] == [BOT]


async def test_invitation_into_an_encrypted_room_is_declined_with_the_reason(
    matrix: Matrix, server: FakeHomeserver
) -> None:
    server.invited.add("!new")

    await follow(matrix, invite("!new", "m.room.create", "m.room.encryption", direct=True))

    assert "!new" not in server.joined
    assert paths(server) == ["POST /v3/rooms/!new/leave"]
    assert json.loads(server.requests[0][2]) == {"reason": NO_ENCRYPTION}


async def test_invitation_that_was_taken_back_holds_nothing_up(matrix: Matrix, server: FakeHomeserver) -> None:
    server.invited.add("!new")

    await follow(matrix, invite("!taken-back"), invite("!new"))

    assert server.joined["!new"] == [BOT]


async def test_invitation_is_followed_when_the_homeserver_is_well_again(matrix: Matrix, server: FakeHomeserver) -> None:
    server.invited.add("!new")
    server.answers.append(refused(502, "M_UNKNOWN", "no answer"))

    with pytest.raises(SendError):
        await follow(matrix, invite("!new"))
    await follow(matrix, invite("!new"))

    assert server.joined["!new"] == [BOT]


async def test_invitation_that_fails_again_and_again_is_let_go(matrix: Matrix, server: FakeHomeserver) -> None:
    """Else one room on a server that is gone would hold up every message of the school for ever."""
    server.answers += [refused(502, "M_UNKNOWN", "no answer") for _ in range(5)]

    for _ in range(4):
        with pytest.raises(SendError):
            await follow(matrix, invite("!dead"))
    await follow(matrix, invite("!dead"))

    assert paths(server) == ["POST /v3/join/!dead"] * 5


def private_message() -> InboundMessage:
    return replace(in_group("有人卖电子烟", addressed=False), chat=PRIVATE_ROOM)


async def test_private_chat_is_one_that_was_opened_so_and_has_only_the_two(
    matrix: Matrix, server: FakeHomeserver
) -> None:
    server.invited.add(PRIVATE_ROOM)
    server.joined[PRIVATE_ROOM] = [MEMBER]
    await follow(matrix, invite(PRIVATE_ROOM, direct=True))

    heard = await matrix.complete(private_message())

    assert server.room_data == {ROOM_DATA: {"direct": True}}
    sender = Sender(PRIVATE_ROOM, MEMBER, SenderRole.PARENT)
    assert heard == replace(private_message(), chat="", addressed=True, sender=sender)
    assert heard.private
    assert matrix.address_fault(heard.sender.id) is None


async def test_private_chat_that_somebody_joins_is_one_no_more(matrix: Matrix, server: FakeHomeserver) -> None:
    server.room_data[ROOM_DATA] = {"direct": True}
    server.joined[PRIVATE_ROOM] = [MEMBER, BOT]
    before = await matrix.complete(private_message())
    server.joined[PRIVATE_ROOM].append("@curious:school.example")

    after = await matrix.complete(private_message())
    server.joined[PRIVATE_ROOM].pop()
    again = await matrix.complete(private_message())

    assert [before.private, after.private, again.private] == [True, False, True]
    assert after == private_message()


@pytest.mark.parametrize(
    "members", [[BOT], [MEMBER, "@another:school.example"], [BOT, *(f"@p{n}:school.example" for n in range(900))]]
)
async def test_room_that_holds_others_is_no_private_chat(
    matrix: Matrix, server: FakeHomeserver, members: list[str]
) -> None:
    server.room_data[ROOM_DATA] = {"direct": True}
    server.joined[PRIVATE_ROOM] = members

    assert not (await matrix.complete(private_message())).private


async def test_room_with_two_that_was_not_opened_as_a_private_chat_is_a_group(
    matrix: Matrix, server: FakeHomeserver
) -> None:
    """A class's room in which so far only the teacher is."""
    server.invited.add(PRIVATE_ROOM)
    server.joined[PRIVATE_ROOM] = [MEMBER]
    await follow(matrix, invite(PRIVATE_ROOM))

    assert await matrix.complete(private_message()) == private_message()


async def test_group_is_asked_about_once(matrix: Matrix, server: FakeHomeserver) -> None:
    for _ in range(3):
        await matrix.complete(in_group("反诈", addressed=True))

    assert paths(server) == [f"GET /v3/user/{BOT}/rooms/{ROOM}/account_data/warden_bot.room"]


async def test_group_that_is_opened_anew_as_a_private_chat_is_one(matrix: Matrix, server: FakeHomeserver) -> None:
    await matrix.complete(private_message())
    server.invited.add(PRIVATE_ROOM)
    server.joined[PRIVATE_ROOM] = [MEMBER]

    await follow(matrix, invite(PRIVATE_ROOM, direct=True))

    assert (await matrix.complete(private_message())).private


async def test_only_so_many_rooms_are_remembered(
    matrix: Matrix, server: FakeHomeserver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("warden_bot.channels.matrix.channel.MOST_ROOMS", 2)
    for room in ("!one", "!two", "!three", "!two", "!one"):
        await matrix.complete(replace(private_message(), chat=room))

    assert [path.split("/")[5] for path in paths(server)] == ["!one", "!two", "!three", "!one"]


@pytest.mark.parametrize("answer", [refused(500, "M_UNKNOWN", "ill"), web.Response(status=429)])
async def test_message_comes_again_when_nobody_can_say_who_reads_along(
    matrix: Matrix, server: FakeHomeserver, answer: web.Response
) -> None:
    """Taken for a group's, a tip in a private chat would be passed over in silence."""
    server.answers.append(answer)

    with pytest.raises(SendError) as caught:
        await matrix.complete(private_message())

    assert caught.value.outcome in (AttemptOutcome.RETRYABLE, AttemptOutcome.THROTTLED)


async def test_whoever_opens_a_private_chat_gets_the_menu(matrix: Matrix, server: FakeHomeserver) -> None:
    server.room_data[ROOM_DATA] = {"direct": True}
    server.joined[PRIVATE_ROOM] = [MEMBER, BOT]

    (message,) = matrix.parse_callback(transaction(NOW, own_join(direct=True))).messages
    message = await matrix.complete(message)

    sender = Sender(PRIVATE_ROOM, MEMBER, SenderRole.PARENT)
    assert message == InboundMessage(ChannelKind.MATRIX, "$join", None, sender, "菜单", addressed=True)

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

KIND = ChannelKind.MATRIX
ROOM_DATA = f"{PRIVATE_ROOM} warden_bot.room"


async def follow(channel: Matrix, *events: object) -> None:
    received = channel.parse_callback(transaction(NOW, *events))
    assert received.afterwards is not None
    await received.afterwards()


async def test_invitation_is_followed(channel: Matrix, fake: FakeHomeserver) -> None:
    fake.invited.add("!new")

    await follow(channel, invite("!new", "m.room.create", "m.room.name"))

    assert fake.joined["!new"] == [BOT]
    assert paths(fake)[0] == "POST /v3/join/!new"


async def test_invitation_that_comes_again_is_followed_again(channel: Matrix, fake: FakeHomeserver) -> None:
    fake.invited.add("!new")

    for _ in range(2):
        await follow(channel, invite("!new"))

    assert fake.joined["!new"] == [BOT]


async def test_invitation_into_an_encrypted_room_is_declined_with_the_reason(
    channel: Matrix, fake: FakeHomeserver
) -> None:
    fake.invited.add("!new")

    await follow(channel, invite("!new", "m.room.create", "m.room.encryption", direct=True))

    assert "!new" not in fake.joined
    assert paths(fake) == ["POST /v3/rooms/!new/leave"]
    assert json.loads(fake.requests[0][2]) == {"reason": NO_ENCRYPTION}


async def test_invitation_that_was_taken_back_holds_nothing_up(channel: Matrix, fake: FakeHomeserver) -> None:
    fake.invited.add("!new")

    await follow(channel, invite("!taken-back"), invite("!new"))

    assert fake.joined["!new"] == [BOT]


async def test_invitation_is_followed_when_the_homeserver_is_well_again(channel: Matrix, fake: FakeHomeserver) -> None:
    fake.invited.add("!new")
    fake.answers.append(refused(502, "M_UNKNOWN", "no answer"))

    with pytest.raises(SendError):
        await follow(channel, invite("!new"))
    await follow(channel, invite("!new"))

    assert fake.joined["!new"] == [BOT]


async def test_invitation_that_fails_again_and_again_is_let_go(channel: Matrix, fake: FakeHomeserver) -> None:
    """Else one room on a server that is gone would hold up every message of the school for ever."""
    fake.answers += [refused(502, "M_UNKNOWN", "no answer") for _ in range(5)]

    for _ in range(4):
        with pytest.raises(SendError):
            await follow(channel, invite("!dead"))
    await follow(channel, invite("!dead"))

    assert paths(fake) == ["POST /v3/join/!dead"] * 5


def private_message() -> InboundMessage:
    return replace(in_group("有人卖电子烟", addressed=False), chat=PRIVATE_ROOM)


async def test_private_chat_is_one_that_was_opened_so_and_has_only_the_two(
    channel: Matrix, fake: FakeHomeserver
) -> None:
    fake.invited.add(PRIVATE_ROOM)
    fake.joined[PRIVATE_ROOM] = [MEMBER]
    await follow(channel, invite(PRIVATE_ROOM, direct=True))

    heard = await channel.complete(private_message())

    assert fake.room_data == {ROOM_DATA: {"direct": True}}
    sender = Sender(PRIVATE_ROOM, MEMBER, SenderRole.PARENT)
    assert heard == replace(private_message(), chat="", addressed=True, sender=sender)
    assert heard.private
    assert channel.address_fault(heard.sender.id) is None


async def test_private_chat_that_somebody_joins_is_one_no_more(channel: Matrix, fake: FakeHomeserver) -> None:
    fake.room_data[ROOM_DATA] = {"direct": True}
    fake.joined[PRIVATE_ROOM] = [MEMBER, BOT]
    before = await channel.complete(private_message())
    fake.joined[PRIVATE_ROOM].append("@curious:school.example")

    after = await channel.complete(private_message())
    fake.joined[PRIVATE_ROOM].pop()
    again = await channel.complete(private_message())

    assert [before.private, after.private, again.private] == [True, False, True]
    assert after == private_message()


@pytest.mark.parametrize(
    "members", [[BOT], [MEMBER, "@another:school.example"], [BOT, *(f"@p{n}:school.example" for n in range(900))]]
)
async def test_room_that_holds_others_is_no_private_chat(
    channel: Matrix, fake: FakeHomeserver, members: list[str]
) -> None:
    fake.room_data[ROOM_DATA] = {"direct": True}
    fake.joined[PRIVATE_ROOM] = members

    assert not (await channel.complete(private_message())).private


async def test_room_with_two_that_was_not_opened_as_a_private_chat_is_a_group(
    channel: Matrix, fake: FakeHomeserver
) -> None:
    """A class's room in which so far only the teacher is."""
    fake.invited.add(PRIVATE_ROOM)
    fake.joined[PRIVATE_ROOM] = [MEMBER]
    await follow(channel, invite(PRIVATE_ROOM))

    assert await channel.complete(private_message()) == private_message()


async def test_group_is_asked_about_once(channel: Matrix, fake: FakeHomeserver) -> None:
    for _ in range(3):
        await channel.complete(in_group("反诈", addressed=True))

    assert paths(fake) == [f"GET /v3/user/{BOT}/rooms/{ROOM}/account_data/warden_bot.room"]


async def test_group_that_is_opened_anew_as_a_private_chat_is_one(channel: Matrix, fake: FakeHomeserver) -> None:
    await channel.complete(private_message())
    fake.invited.add(PRIVATE_ROOM)
    fake.joined[PRIVATE_ROOM] = [MEMBER]

    await follow(channel, invite(PRIVATE_ROOM, direct=True))

    assert (await channel.complete(private_message())).private


async def test_only_so_many_rooms_are_remembered(
    channel: Matrix, fake: FakeHomeserver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("warden_bot.channels.matrix.channel.MOST_ROOMS", 2)
    for room in ("!one", "!two", "!three", "!two", "!one"):
        await channel.complete(replace(private_message(), chat=room))

    assert [path.split("/")[5] for path in paths(fake)] == ["!one", "!two", "!three", "!one"]


@pytest.mark.parametrize("answer", [refused(500, "M_UNKNOWN", "ill"), web.Response(status=429)])
async def test_message_comes_again_when_nobody_can_say_who_reads_along(
    channel: Matrix, fake: FakeHomeserver, answer: web.Response
) -> None:
    """Taken for a group's, a tip in a private chat would be passed over in silence."""
    fake.answers.append(answer)

    with pytest.raises(SendError) as caught:
        await channel.complete(private_message())

    assert caught.value.outcome in (AttemptOutcome.RETRYABLE, AttemptOutcome.THROTTLED)


async def test_whoever_opens_a_private_chat_gets_the_menu(channel: Matrix, fake: FakeHomeserver) -> None:
    fake.room_data[ROOM_DATA] = {"direct": True}
    fake.joined[PRIVATE_ROOM] = [MEMBER, BOT]

    (message,) = channel.parse_callback(transaction(NOW, own_join(direct=True))).messages
    message = await channel.complete(message)

    sender = Sender(PRIVATE_ROOM, MEMBER, SenderRole.PARENT)
    assert message == InboundMessage(ChannelKind.MATRIX, "$join", None, sender, "菜单", addressed=True)

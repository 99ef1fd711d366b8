"""What else a homeserver is asked: to take a message back, whether a room still is one, who we are, for a picture."""

import pytest
from aiohttp import web

from tests.channel_cases import idle, make_outbound
from tests.platforms.matrix import AS_TOKEN, BOT, MEMBER, OLD_ROOM, ROOM, FakeHomeserver, paths, refused
from warden_bot.channels.matrix.channel import Matrix
from warden_bot.domain.message import Media
from warden_bot.errors import OutcomeUnknown, SendError, SettingsError
from warden_bot.states import AttemptOutcome, ChannelKind

KIND = ChannelKind.MATRIX
DENIED, REJECTED = AttemptOutcome.DENIED, AttemptOutcome.REJECTED
REDACTING = (
    "/_matrix/client/v3/rooms/%21TuP0ngoE-dYOE9cmv5EVPziBT_Nt7RlkHGrKZK9AlM8/redact/%24event-0_1/recall.event-0_1"
)


async def test_recall_redacts(channel: Matrix, fake: FakeHomeserver) -> None:
    receipt = await channel.send(make_outbound(ROOM), "一", 0)

    await channel.recall(ROOM, receipt.external_id)

    assert fake.redacted == [receipt.external_id]
    assert fake.requests[-1] == (
        "PUT",
        f"{REDACTING}?user_id=%40warden%3Aschool.example",
        "{}",
    )


async def test_recall_of_what_is_not_the_bot_s_is_refused(channel: Matrix, fake: FakeHomeserver) -> None:
    fake.joined[ROOM].remove(BOT)

    with pytest.raises(SendError) as caught:
        await channel.recall(ROOM, "$another")

    assert caught.value.outcome is REJECTED


async def test_probe_of_a_room_that_the_bot_is_in(channel: Matrix, fake: FakeHomeserver) -> None:
    await channel.probe(ROOM, "")

    assert paths(fake) == [f"GET /v3/rooms/{ROOM}/state/m.room.member/{BOT}"]


@pytest.mark.parametrize("room", [ROOM, "!nobody"])
async def test_probe_of_a_room_that_the_bot_is_not_in(channel: Matrix, fake: FakeHomeserver, room: str) -> None:
    fake.joined[ROOM].remove(BOT)

    with pytest.raises(SendError) as caught:
        await channel.probe(room, "")

    assert (caught.value.code, caught.value.outcome) == ("route_broken", REJECTED)


async def test_check_asks_who_we_are(channel: Matrix) -> None:
    assert await channel.check() == BOT


@pytest.mark.parametrize(
    "answer", [web.json_response({"user_id": "@another:school.example"}), refused(401, "M_UNKNOWN_TOKEN", "wrong")]
)
async def test_check_finds_wrong_credentials(channel: Matrix, fake: FakeHomeserver, answer: web.Response) -> None:
    fake.answers.append(answer)

    with pytest.raises(SendError) as caught:
        await channel.check()

    assert (caught.value.code, caught.value.outcome) == ("bad_credentials", DENIED)


async def test_media_is_fetched_from_the_homeserver_alone(channel: Matrix, fake: FakeHomeserver) -> None:
    fake.media["mxc://school.example/AbC-1"] = b"\x89PNG"

    assert await channel.fetch_media(Media("image", "mxc://school.example/AbC-1")) == b"\x89PNG"
    assert paths(fake) == ["GET /v1/media/download/school.example/AbC-1"]


@pytest.mark.parametrize(
    ("place", "code"),
    [
        ("mxc://school.example/nothing", "no_media"),
        ("https://elsewhere.example/AbC-1", "foreign_address"),
        ("mxc://school.example/../../AbC-1", "foreign_address"),
        ("", "foreign_address"),
    ],
)
async def test_media_that_is_not_there(channel: Matrix, place: str, code: str) -> None:
    with pytest.raises(SendError) as caught:
        await channel.fetch_media(Media("image", place))

    assert (caught.value.code, caught.value.outcome) == (code, REJECTED)


async def test_media_without_end_is_not_kept(
    channel: Matrix, fake: FakeHomeserver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("warden_bot.channels.matrix.channel.LARGEST_MEDIA", 1000)
    fake.media["mxc://school.example/film"] = b"x" * 2000

    with pytest.raises(SendError) as caught:
        await channel.fetch_media(Media("video", "mxc://school.example/film"))

    assert (caught.value.code, caught.value.outcome) == ("too_large", REJECTED)


@pytest.mark.parametrize(
    ("address", "fine"),
    [
        (ROOM, True),
        (OLD_ROOM, True),
        ("#class-211:school.example", False),
        (MEMBER, False),
        ("!", False),
        ("!with blank", False),
        ("!" + "x" * 200, False),
        ("", False),
    ],
)
def test_address_is_a_room_s_id(address: str, fine: bool) -> None:
    assert (idle(Matrix).address_fault(address) is None) is fine


@pytest.mark.parametrize("user", ["warden", "@warden", "@:school.example", "@war den:school.example", "warden:school"])
def test_bot_s_user_must_be_a_user_id(user: str) -> None:
    with pytest.raises(SettingsError, match="WARDEN_MATRIX_BOT_USER"):
        idle(Matrix, bot_user=user)


def test_what_it_lacks() -> None:
    assert idle(Matrix).lacks() == ["API_BASE", "AS_TOKEN", "BOT_USER"]
    assert idle(Matrix, api_base="http://127.0.0.1:9", as_token=AS_TOKEN, bot_user=BOT).lacks() == []


async def test_unknown_outcome_is_one_for_a_recall_too(channel: Matrix, fake: FakeHomeserver) -> None:
    fake.answers += ["hang up"] * 2  # the HTTP client asks once more when a PUT got no answer

    with pytest.raises(OutcomeUnknown):
        await channel.recall(ROOM, "$event")

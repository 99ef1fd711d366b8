"""What goes out to a homeserver, and what is asked of it. What comes in: test_matrix_events.py."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from aiohttp import web

from tests.answers import portal
from tests.channel_cases import SendCase, idle, make_outbound, run_send_case
from tests.platforms.matrix import BOT, OLD_ROOM, ROOM, FakeHomeserver, paths, refused
from warden_bot.channels.matrix.channel import LONGEST_TEXT, Matrix
from warden_bot.domain.message import Attached
from warden_bot.errors import SendError
from warden_bot.states import AttemptOutcome, ChannelKind

KIND = ChannelKind.MATRIX
DENIED, REJECTED, THROTTLED = AttemptOutcome.DENIED, AttemptOutcome.REJECTED, AttemptOutcome.THROTTLED
RETRYABLE, UNKNOWN = AttemptOutcome.RETRYABLE, AttemptOutcome.UNKNOWN
AS_BOT = "?user_id=%40warden%3Aschool.example"
SENDING = "/_matrix/client/v3/rooms/%21TuP0ngoE-dYOE9cmv5EVPziBT_Nt7RlkHGrKZK9AlM8/send/m.room.message/key-1"

TRIES = {"hang up": 2}  # the HTTP client asks once more when a PUT got no answer; the key makes that harmless

SENDS = [
    SendCase("plain send", None),
    SendCase("token is wrong", refused(401, "M_UNKNOWN_TOKEN", "Invalid access token"), "bad_credentials", DENIED),
    SendCase("no token", refused(401, "M_MISSING_TOKEN", "Missing access token"), "bad_credentials", DENIED),
    SendCase("another service's user", refused(403, "M_EXCLUSIVE", "reserved"), "bad_credentials", DENIED),
    SendCase("bot is switched off", refused(403, "M_USER_DEACTIVATED", "no"), "bad_credentials", DENIED),
    SendCase(
        "not in the room", refused(403, "M_FORBIDDEN", f"User {BOT} not in room {ROOM}"), "route_broken", REJECTED
    ),
    SendCase("no such room", refused(404, "M_NOT_FOUND", f"Unknown room {ROOM}"), "route_broken", REJECTED),
    SendCase("too large", refused(413, "M_TOO_LARGE", "event too large"), "text_too_long", REJECTED),
    SendCase("wrong JSON", refused(400, "M_BAD_JSON", "no"), "bad_request", REJECTED),
    SendCase("wrong parameter", refused(400, "M_INVALID_PARAM", "no"), "bad_request", REJECTED),
    SendCase("homeserver is full", refused(403, "M_RESOURCE_LIMIT_EXCEEDED", "full"), "busy", RETRYABLE),
    SendCase("code nobody knows", refused(400, "M_NEW_RULE", "no"), "unexpected_answer", REJECTED),
    SendCase("too fast", refused(429, "M_LIMIT_EXCEEDED", "Too Many Requests"), "throttled", THROTTLED),
    SendCase("a proxy finds it too fast", web.Response(status=429, text="slow down"), "throttled", THROTTLED),
    SendCase("homeserver is ill", refused(500, "M_UNKNOWN", "Internal server error"), "busy", RETRYABLE),
    SendCase("a proxy without a homeserver", web.Response(status=502, text="<html>"), "busy", RETRYABLE),
    SendCase("a proxy knows no such page", web.Response(status=404, text="<html>"), "unexpected_answer", UNKNOWN),
    SendCase("redirect", web.Response(status=302, headers={"Location": "/x"}), "unexpected_answer", UNKNOWN),
    SendCase("refusal without a code", web.json_response({"error": "no"}, status=400), "unexpected_answer", UNKNOWN),
    SendCase("answer is no object", web.json_response([0]), "unexpected_answer", UNKNOWN),
    SendCase("answer without an event", web.json_response({}), "unexpected_answer", UNKNOWN),
    SendCase("answer is huge", web.json_response({"event_id": "x" * 100_000}), "unexpected_answer", UNKNOWN),
    SendCase("hung up", "hang up", "no_answer", UNKNOWN),
]


@pytest.mark.parametrize("case", SENDS, ids=lambda case: case.label)
async def test_send(channel: Matrix, fake: FakeHomeserver, case: SendCase) -> None:
    if case.answer is not None:
        fake.answers += [case.answer] * TRIES.get(str(case.answer), 1)

    await run_send_case(channel, make_outbound(ROOM), case)


async def test_exact_request(channel: Matrix, fake: FakeHomeserver) -> None:
    fake.devices.add("WARDEN")

    receipt = await channel.send(make_outbound(ROOM), '防骗 "第一"\n@room', 0)

    (request,) = fake.requests
    assert request[:2] == ("PUT", f"{SENDING}{AS_BOT}&device_id=WARDEN")
    assert json.loads(request[2]) == {"msgtype": "m.text", "body": '防骗 "第一"\n@room', "m.mentions": {}}
    assert receipt.external_id == "$event-0_1"


async def test_every_part_has_a_key_of_its_own(channel: Matrix, fake: FakeHomeserver) -> None:
    message = replace(make_outbound(OLD_ROOM), key="b 1/Ü")

    for number, part in enumerate(["一", "二", "三"]):
        await channel.send(message, part, number)

    keys = [path.partition("?")[0].rpartition("/")[2] for _, path, _ in fake.requests if "/send/" in path][1:]
    assert keys == ["b%201%2F%C3%9C", "b%201%2F%C3%9C.1", "b%201%2F%C3%9C.2"]
    assert fake.heard[OLD_ROOM] == ["一", "二", "三"]


async def test_device_is_made_by_the_first_message_and_then_keys_outlast_a_restart(
    channel: Matrix, fake: FakeHomeserver
) -> None:
    first = await channel.send(make_outbound(ROOM), "一", 0)
    fake.start_again()
    again = await channel.send(make_outbound(ROOM), "一", 0)

    assert first == again
    assert fake.heard[ROOM] == ["一"]
    send = f"PUT /v3/rooms/{ROOM}/send/m.room.message/key-1"
    assert paths(fake) == [send, "PUT /v3/devices/WARDEN", send, send]


async def test_homeserver_that_makes_no_devices_is_written_to_without_one(
    channel: Matrix, fake: FakeHomeserver
) -> None:
    missing = refused(400, "M_UNKNOWN_DEVICE", "no such device")
    fake.answers += [missing, refused(404, "M_NOT_FOUND", "no such device")]

    await channel.send(make_outbound(ROOM), "一", 0)
    await channel.send(replace(make_outbound(ROOM), key="key-2"), "二", 0)

    assert fake.heard[ROOM] == ["一", "二"]
    assert ["device_id" in path for _, path, _ in fake.requests] == [True, False, False, False]


@pytest.mark.parametrize(
    ("answer", "code", "outcome"),
    [
        ("hang up", "unreachable", RETRYABLE),
        (refused(500, "M_UNKNOWN", "ill"), "busy", RETRYABLE),
        (refused(401, "M_UNKNOWN_TOKEN", "wrong"), "bad_credentials", DENIED),
    ],
)
async def test_trouble_while_the_device_is_made_means_that_nothing_was_sent(
    channel: Matrix, fake: FakeHomeserver, answer: web.Response | str, code: str, outcome: AttemptOutcome
) -> None:
    fake.answers += [refused(400, "M_UNKNOWN_DEVICE", "no such device"), *[answer] * TRIES.get(str(answer), 1)]

    with pytest.raises(SendError) as caught:
        await channel.send(make_outbound(ROOM), "一", 0)

    assert (caught.value.code, caught.value.outcome) == (code, outcome)
    await channel.send(make_outbound(ROOM), "一", 0)
    assert fake.heard[ROOM] == ["一"]


async def test_device_that_is_gone_at_once_is_tried_again_later(channel: Matrix, fake: FakeHomeserver) -> None:
    missing = [refused(400, "M_UNKNOWN_DEVICE", "no such device") for _ in range(2)]
    fake.answers += [missing[0], web.json_response({}, status=201), missing[1]]

    with pytest.raises(SendError) as caught:
        await channel.send(make_outbound(ROOM), "一", 0)

    assert caught.value.outcome is RETRYABLE


@pytest.mark.parametrize(
    ("answer", "seconds"),
    [
        (web.Response(status=429, headers={"Retry-After": "7"}), 7),
        (refused(429, "M_LIMIT_EXCEEDED", "Too Many Requests", retry_after_ms=2500), 2.5),
        (refused(429, "M_LIMIT_EXCEEDED", "Too Many Requests", retry_after_ms=10**12), 3600),
        (refused(429, "M_LIMIT_EXCEEDED", "Too Many Requests", retry_after_ms="soon"), None),
    ],
)
async def test_throttled_waits_what_the_homeserver_asks(
    channel: Matrix, fake: FakeHomeserver, answer: web.Response, seconds: float | None
) -> None:
    fake.answers.append(answer)

    with pytest.raises(SendError) as caught:
        await channel.send(make_outbound(ROOM), "x", 0)

    assert caught.value.retry_after == (None if seconds is None else timedelta(seconds=seconds))


async def test_words_of_a_refusal_hold_no_ids(channel: Matrix, fake: FakeHomeserver) -> None:
    fake.joined[ROOM].remove(BOT)

    with pytest.raises(SendError) as caught:
        await channel.send(make_outbound(ROOM), "x", 0)

    assert str(caught.value) == "route_broken M_FORBIDDEN User … not in room …"


async def test_nothing_is_asked_without_the_token() -> None:
    with pytest.raises(SendError) as caught:
        await idle(Matrix, api_base="http://127.0.0.1:9", bot_user=BOT).send(make_outbound(ROOM), "x", 0)

    assert (caught.value.code, caught.value.outcome, caught.value.asked) == ("bad_credentials", DENIED, False)


@pytest.mark.parametrize("awkward", ["防", "\n", '"', "\\", "x"])
async def test_text_at_the_limit_fits_however_json_writes_it(
    channel: Matrix, fake: FakeHomeserver, awkward: str
) -> None:
    text = "防" + awkward * ((LONGEST_TEXT - 6) // len(awkward.encode())) + "防"

    (part,) = channel.parts(make_outbound(ROOM, text))
    await channel.send(make_outbound(ROOM), part, 0)

    assert fake.heard[ROOM] == [text]


async def test_picture_is_uploaded_and_then_sent_under_the_key_of_its_part(
    channel: Matrix, fake: FakeHomeserver
) -> None:
    fake.devices.add("WARDEN")
    message = replace(make_outbound(ROOM), picture=Attached(b"png", "image/png"))

    first = await channel.send_picture(message, 1)
    again = await channel.send_picture(message, 1)

    assert first == again
    assert fake.pictures[ROOM] == [b"png"]
    assert [request[1] for request in fake.requests if request[0] == "PUT"] == [
        f"{SENDING}.1{AS_BOT}&device_id=WARDEN",
        f"{SENDING}.1{AS_BOT}&device_id=WARDEN",
    ]


async def test_upload_of_which_nobody_knows_whether_it_came_is_only_tried_again(
    channel: Matrix, fake: FakeHomeserver
) -> None:
    fake.answers.append(portal())

    with pytest.raises(SendError) as caught:
        await channel.send_picture(replace(make_outbound(ROOM), picture=Attached(b"png", "image/png")), 1)

    assert caught.value.outcome is AttemptOutcome.RETRYABLE

"""What we send to Feishu, and what it says to that. Tokens, recalls and more: test_feishu_app; what comes in: test_feishu_events."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import web

from tests.answers import portal
from tests.channel_cases import SendCase, make_outbound, run_send_case
from tests.conftest import ROOT, Clock
from tests.platforms.feishu import (
    CHAT,
    HOOK,
    PERSON,
    SIGN_SECRET,
    SIGNED_HOOK,
    FakeFeishu,
    FeishuStage,
    refused,
)
from warden_bot.channels.base import Surroundings
from warden_bot.channels.feishu.channel import LONGEST_TEXT, Feishu
from warden_bot.channels.http import Http
from warden_bot.channels.signing import sign_base64
from warden_bot.errors import SendError
from warden_bot.states import AttemptOutcome, ChannelKind

KIND = ChannelKind.FEISHU
DENIED, HELD, REJECTED = AttemptOutcome.DENIED, AttemptOutcome.HELD, AttemptOutcome.REJECTED
RETRYABLE, THROTTLED, UNKNOWN = AttemptOutcome.RETRYABLE, AttemptOutcome.THROTTLED, AttemptOutcome.UNKNOWN
VECTORS = ROOT / "tests" / "vectors"


def hook_answer(code: int, words: str) -> web.Response:
    return web.json_response({"code": code, "data": {}, "msg": words})


HOOK_SENDS = [
    SendCase("plain send", None),
    SendCase("answer of older custom bots", web.json_response({"StatusCode": 0, "StatusMessage": "success"})),
    SendCase("no such token", hook_answer(19001, "access token invalid"), "route_broken", REJECTED),
    SendCase("wrong signature", hook_answer(19021, "sign match fail"), "bad_credentials", DENIED),
    SendCase("IP not allowed", hook_answer(19022, "Ip Not Allowed"), "bad_credentials", DENIED),
    SendCase("keyword missing", hook_answer(19024, "Key Words Not Found"), "route_broken", REJECTED),
    SendCase("platform is busy", hook_answer(11232, "frequency limited psm[x]"), "throttled", THROTTLED),
    SendCase("wrong body", hook_answer(9499, "Bad Request"), "bad_request", REJECTED),
    SendCase("too many requests", hook_answer(9499, "too many request"), "throttled", THROTTLED),
    SendCase("code nobody knows", hook_answer(987654, "new rule"), "unexpected_answer", REJECTED),
]
APP_SENDS = [
    SendCase("plain send", None),
    SendCase("wrong parameter", refused(230001, "x"), "bad_request", REJECTED),
    SendCase("not in the group", refused(230002, "x"), "route_broken", REJECTED),
    SendCase("no bot any more", refused(230006, "x"), "route_broken", REJECTED),
    SendCase("person out of range", refused(230013, "x"), "route_broken", REJECTED),
    SendCase("not its owner", refused(230017, "x"), "route_broken", REJECTED),
    SendCase("may not speak", refused(230018, "x"), "route_broken", REJECTED),
    SendCase("frequency", refused(230020, "x"), "throttled", THROTTLED),
    SendCase("sensitive words", refused(230022, "sensitive information"), "content_refused", HELD),
    SendCase("too long", refused(230025, "x"), "text_too_long", REJECTED),
    SendCase("permission missing", refused(230027, "x"), "bad_credentials", DENIED),
    SendCase("audit failed", refused(230028, "do NOT pass the audit"), "content_refused", HELD),
    SendCase("no such receiver", refused(230034, "x"), "route_broken", REJECTED),
    SendCase("sending denied", refused(230035, "x"), "route_broken", REJECTED),
    SendCase("the same key is in flight", refused(230049, "being sent"), "busy", RETRYABLE),
    SendCase("person stopped the bot", refused(230053, "x"), "route_broken", REJECTED),
    SendCase("card failed", refused(230099, "x"), "bad_request", REJECTED),
    SendCase("chat dissolved", refused(232009, "x"), "route_broken", REJECTED),
    SendCase("app's frequency", refused(99991400, "x"), "throttled", THROTTLED),
    SendCase("app's frequency, other status", refused(99991400, "x", 429), "throttled", THROTTLED),
    SendCase("IP denied", refused(99991401, "ip 203.0.113.7 is denied", 401), "bad_credentials", DENIED),
    SendCase("no calls left", refused(99991403, "API call quota has been exceeded", 429), "bad_credentials", DENIED),
    SendCase("scope missing", refused(99991672, "x"), "bad_credentials", DENIED),
    SendCase("code nobody knows", refused(987654, f"new rule of {CHAT}"), "unexpected_answer", REJECTED),
    SendCase("code nobody knows, status 503", refused(987654, "x", 503), "busy", RETRYABLE),
    SendCase("HTTP 429", web.Response(status=429, headers={"Retry-After": "7"}), "throttled", THROTTLED),
    SendCase("HTTP 500", web.Response(status=500), "busy", RETRYABLE),
    SendCase("HTTP 404", web.Response(status=404), "unreachable", RETRYABLE),
    SendCase("HTTP 404 of their own", refused(987654, "x", 404), "unexpected_answer", REJECTED),
    SendCase("redirect", web.Response(status=302, headers={"Location": "/elsewhere"}), "bad_request", REJECTED),
    SendCase("answer is no JSON", portal(), "unexpected_answer", UNKNOWN),
    SendCase("code is a text", web.json_response({"code": "0"}), "unexpected_answer", UNKNOWN),
    SendCase("code is a truth value", web.json_response({"code": False}), "unexpected_answer", UNKNOWN),
    SendCase("success with an error's status", web.json_response({"code": 0}, status=500), "busy", RETRYABLE),
    SendCase("hung up", "hang up", "no_answer", UNKNOWN),
]


@pytest.mark.parametrize("case", HOOK_SENDS, ids=lambda case: case.label)
async def test_send_by_custom_bot(channel: Feishu, fake: FakeFeishu, case: SendCase) -> None:
    fake.answers += [case.answer] if case.answer is not None else []

    await run_send_case(channel, make_outbound(HOOK), case)


@pytest.mark.parametrize("case", APP_SENDS, ids=lambda case: case.label)
async def test_send_by_app(channel: Feishu, fake: FakeFeishu, case: SendCase) -> None:
    fake.answers += [case.answer] if case.answer is not None else []

    await run_send_case(channel, make_outbound(CHAT), case)


async def test_throttled_waits_what_the_platform_asks(channel: Feishu, fake: FakeFeishu) -> None:
    asked = refused(99991400, "x", 429)
    asked.headers["x-ogw-ratelimit-reset"] = "9"
    fake.answers += [refused(230020, "x"), asked, hook_answer(11232, "x"), hook_answer(9499, "too many request")]

    waits = []
    for address in (CHAT, CHAT, HOOK, HOOK):
        with pytest.raises(SendError) as caught:
            await channel.send(make_outbound(address), "x", 0)
        waits.append(caught.value.retry_after)

    assert waits == [timedelta(seconds=seconds) for seconds in (2, 9, 60, 60)]


async def test_requests_are_those_of_the_official_sdk(stage: FeishuStage, clock: Clock) -> None:
    log = json.loads((VECTORS / "feishu_sdk_capture.json").read_text(encoding="utf-8"))["log"]
    stage.fake.app, stage.fake.chats = {"app_id": "cli_a", "app_secret": "s"}, {"oc_x": "normal"}
    http = Http()
    channel = Feishu(stage.values() | {"app_id": "cli_a", "app_secret": "s"}, Surroundings(http, clock))

    message = replace(make_outbound("oc_x"), key="job-1-class-001")
    await channel.send(message, "hi 反诈", 0)
    stage.fake.answers.append(refused(230020, "This operation triggers the frequency limit."))
    with pytest.raises(SendError):
        await channel.send(message, "RATE", 0)
    await http.close()

    theirs = [
        (row["method"], row["path"], row["headers"].get("Authorization", ""), row["body"])
        for row in log
        if "method" in row
    ]
    assert stage.fake.requests == theirs


async def test_custom_bot_s_request(channel: Feishu, fake: FakeFeishu, clock: Clock) -> None:
    clock.now = datetime.fromtimestamp(1767225600, UTC)
    fake._now = clock
    plain, signed = make_outbound(HOOK), make_outbound(SIGNED_HOOK)
    signed = replace(signed, recipient=replace(signed.recipient, secret=SIGN_SECRET))

    assert (await channel.send(plain, "96110", 0)).external_id == ""
    await channel.send(signed, "96110", 0)

    assert [row[:3] for row in fake.requests] == [
        ("POST", f"/open-apis/bot/v2/hook/{HOOK}", ""),
        ("POST", f"/open-apis/bot/v2/hook/{SIGNED_HOOK}", ""),
    ]
    usual = {"msg_type": "text", "content": {"text": "96110"}}
    proof = {"timestamp": "1767225600", "sign": "54wxm2thEEFk8mSZCxIGtjxjLKA6KEk0e4w0EUbOeSc="}
    assert [json.loads(row[3]) for row in fake.requests] == [usual, usual | proof]


def test_signatures_of_custom_bots_are_those_of_the_documents() -> None:
    cases = json.loads((VECTORS / "feishu.json").read_text(encoding="utf-8"))["custom_bot_sign"]["cases"]

    assert [sign_base64(f"{one['timestamp']}\n{one['secret']}", "") for one in cases] == [one["sign"] for one in cases]
    assert len(cases) == 3


async def test_custom_bot_refuses_a_signature_of_another_secret(channel: Feishu) -> None:
    message = make_outbound(SIGNED_HOOK)
    message = replace(message, recipient=replace(message.recipient, secret="another"))

    await run_send_case(channel, message, SendCase("", None, "bad_credentials", DENIED))


@pytest.mark.parametrize("text", ["防" * 6000, "防骗\n" * 2000, '说"是"' * 1500], ids=["words", "lines", "quotes"])
async def test_custom_bot_takes_a_text_at_the_limit(channel: Feishu, fake: FakeFeishu, text: str) -> None:
    parts = channel.parts(make_outbound(HOOK, text))
    for number, part in enumerate(parts):
        await channel.send(make_outbound(HOOK), part, number)

    assert fake.heard[HOOK] == parts
    assert all(len(part.encode()) <= LONGEST_TEXT for part in parts)


async def test_part_that_is_too_long_is_never_sent(channel: Feishu, fake: FakeFeishu) -> None:
    with pytest.raises(SendError) as caught:
        await channel.send(make_outbound(HOOK), "x" * (LONGEST_TEXT + 1), 0)

    assert (caught.value.code, caught.value.outcome, caught.value.asked) == ("text_too_long", REJECTED, False)
    assert fake.requests == []


async def test_person_is_written_to_by_open_id(channel: Feishu, fake: FakeFeishu) -> None:
    receipt = await channel.send(make_outbound(PERSON), "已收到", 0)

    assert fake.heard[PERSON] == ["已收到"]
    assert fake.requests[-1][1].endswith("?receive_id_type=open_id")
    assert receipt.external_id == fake.ids["key-1"]


async def test_nobody_s_words_call_everybody(channel: Feishu, fake: FakeFeishu) -> None:
    message = make_outbound(CHAT, '原话：<at user_id="all"></at> 1<2 <AT id=x>')
    for number, part in enumerate(channel.parts(message)):
        await channel.send(message, part, number)

    assert fake.heard[CHAT] == ['原话：＜at user_id="all">＜/at> 1<2 ＜AT id=x>']


async def test_every_part_has_its_own_key_of_at_most_fifty_characters(channel: Feishu, fake: FakeFeishu) -> None:
    short, long = make_outbound(CHAT), replace(make_outbound(CHAT), key="k" * 60)
    for message in (short, long):
        for number in (0, 1):
            await channel.send(message, f"{number}", number)
    await channel.send(long, "1", 1)

    keys = list(fake.ids)
    assert keys[:2] == ["key-1", "key-1.1"]
    assert len(set(keys)) == 4
    assert {len(key) for key in keys[2:]} == {50}
    assert fake.heard[CHAT] == ["0", "1", "0", "1"]


async def test_accepted_without_an_id_is_accepted(channel: Feishu, fake: FakeFeishu) -> None:
    fake.answers += [web.json_response({"code": 0, "data": None}), web.json_response({"code": 0, "data": {}})]

    assert [(await channel.send(make_outbound(CHAT), "x", 0)).external_id for _ in range(2)] == ["", ""]

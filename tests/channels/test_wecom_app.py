import json
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web

from tests.answers import portal
from tests.channel_cases import SendCase, make_outbound, run_send_case
from tests.conftest import Clock
from tests.fake_wecom import refused
from tests.platforms.wecom_app import AGENT, CORP, SECRET, AppStage, FakeWecomApp
from warden_bot.channels.base import Surroundings
from warden_bot.channels.http import Http
from warden_bot.channels.marks import mark
from warden_bot.channels.places import LARGEST_MEDIA
from warden_bot.channels.wecom_app.channel import ERRORS, LONGEST_TEXT, MARK, WecomApp
from warden_bot.domain.message import Media
from warden_bot.errors import SendError
from warden_bot.states import AttemptOutcome, ChannelKind

KIND = ChannelKind.WECOM_APP
DENIED, REJECTED, THROTTLED = AttemptOutcome.DENIED, AttemptOutcome.REJECTED, AttemptOutcome.THROTTLED
RETRYABLE, UNKNOWN = AttemptOutcome.RETRYABLE, AttemptOutcome.UNKNOWN
RESULT = {"errcode": 0, "errmsg": "ok", "msgid": "MSG1"}

SENDS = [
    SendCase("plain send", None),
    SendCase("system busy", refused(-1, "system busy"), "busy", RETRYABLE),
    SendCase("wrong company", refused(40013, "invalid corpid"), "bad_credentials", DENIED),
    SendCase("wrong app", refused(40056, "invalid agentid"), "bad_credentials", DENIED),
    SendCase("bad parameter", refused(40058, "invalid Request Parameter"), "bad_request", REJECTED),
    SendCase("token left out", refused(41001, "access_token missing"), "bad_request", REJECTED),
    SendCase("empty", refused(44004, "empty content"), "bad_request", REJECTED),
    SendCase("too long", refused(45002, "content size out of limit"), "text_too_long", REJECTED),
    SendCase("throttled", refused(45009, "api freq out of limit"), "throttled", THROTTLED),
    SendCase("too many at once", refused(45033, "concurrency over limit"), "throttled", THROTTLED),
    SendCase("API not permitted", refused(48002, "api forbidden"), "bad_credentials", DENIED),
    SendCase("member not visible", refused(60011, "no privilege to access"), "route_broken", REJECTED),
    SendCase("our server may not call", refused(60020, "not allow to access"), "bad_credentials", DENIED),
    SendCase("no such member", refused(60111, "userid not found"), "route_broken", REJECTED),
    SendCase("nobody of those", refused(81013, "user & party & tag all invalid"), "route_broken", REJECTED),
    SendCase("nobody named", refused(82001, "all tousers empty"), "route_broken", REJECTED),
    SendCase("app and secret differ", refused(301002, "agent not allowed"), "bad_credentials", DENIED),
    SendCase("code nobody knows", refused(987654, "new rule"), "unexpected_answer", REJECTED),
    SendCase(
        "taken, but not for this member",
        web.json_response({**RESULT, "invaliduser": "zhangsan"}),
        "route_broken",
        REJECTED,
    ),
    SendCase("no licence", web.json_response({**RESULT, "unlicenseduser": "zhangsan"}), "route_broken", REJECTED),
    SendCase("taken without an id", web.json_response({"errcode": 0, "errmsg": "ok", "invaliduser": ""})),
    SendCase("HTTP 429", web.Response(status=429, headers={"Retry-After": "7"}), "throttled", THROTTLED),
    SendCase("HTTP 502", web.Response(status=502), "busy", RETRYABLE),
    SendCase("redirect", web.Response(status=302, headers={"Location": "/elsewhere"}), "bad_request", REJECTED),
    SendCase("answer is no JSON", portal(), "unexpected_answer", UNKNOWN),
    SendCase("answer without errcode", web.json_response({"msgid": "1"}), "unexpected_answer", UNKNOWN),
]


async def send(channel: WecomApp, text: str = "96110来电请接", address: str = "zhangsan") -> str:
    message = make_outbound(address, text)
    (part,) = channel.parts(message)
    return (await channel.send(message, part, 0)).external_id


async def fault_of(asked: Any) -> SendError:
    with pytest.raises(SendError) as caught:
        await asked
    return caught.value


@pytest.mark.parametrize("case", SENDS, ids=lambda case: case.label)
async def test_send(channel: WecomApp, fake: FakeWecomApp, case: SendCase) -> None:
    if case.answer is not None:
        fake.answers["message/send"].append(case.answer)

    await run_send_case(channel, make_outbound("zhangsan"), case)


def test_every_code_of_the_table_is_tried() -> None:
    answers = [case.answer.text or "" for case in SENDS if isinstance(case.answer, web.Response)]
    tried = {json.loads(answer).get("errcode") for answer in answers if answer.startswith("{")}

    assert set(ERRORS) - tried == {40001, 40007, 40014, 42001}  # below: token and media


async def test_request_is_the_documented_one(channel: WecomApp, fake: FakeWecomApp) -> None:
    assert await send(channel, "别扫码") == "MSG0"

    assert fake.requests == [
        ("gettoken", {"corpid": CORP, "corpsecret": SECRET}),
        (
            "message/send",
            {
                "touser": "zhangsan",
                "msgtype": "text",
                "agentid": AGENT,
                "text": {"content": "别扫码" + mark(MARK, "key-1")},
                "enable_duplicate_check": 1,
                "duplicate_check_interval": 14_400,
            },
        ),
    ]


async def test_throttled_waits_as_long_as_the_limit_is_counted(channel: WecomApp, fake: FakeWecomApp) -> None:
    fake.answers["message/send"] += [refused(45009, "x"), refused(45033, "x"), web.Response(status=429)]

    waits = [(await fault_of(send(channel))).retry_after for _ in range(3)]

    assert waits == [timedelta(seconds=60), timedelta(seconds=2), None]


async def test_mark_is_the_part_s_own_in_letters(channel: WecomApp, fake: FakeWecomApp) -> None:
    message = make_outbound("zhangsan", "骗" * 1000)
    parts = channel.parts(message)
    for _ in range(2):
        for number, part in enumerate(parts):
            await channel.send(message, part, number)

    heard = [text for _, text in fake.messages.values()]
    assert [text.rpartition("\n")[2] for text in heard] == [mark(MARK, "key-1").strip(), mark(MARK, "key-1.1").strip()]
    assert mark(MARK, "key-1") == "\n〔消息 bejsqm〕"
    assert len({mark(MARK, str(number)) for number in range(1000)}) == 1000


async def test_longest_text_with_its_mark_fills_the_limit(channel: WecomApp, fake: FakeWecomApp) -> None:
    await send(channel, "a" * LONGEST_TEXT)

    ((_, text),) = fake.messages.values()
    assert len(text.encode()) == 2048


@pytest.mark.parametrize("code", [40001, 40014, 42001])
async def test_refused_token_is_renewed_once(channel: WecomApp, fake: FakeWecomApp, code: int) -> None:
    await send(channel)
    fake.answers["message/send"].append(refused(code, "access_token expired"))

    await send(channel, "第二条")

    asked = [path for path, _ in fake.requests]
    assert asked == ["gettoken", "message/send", "message/send", "gettoken", "message/send"]
    assert len(fake.messages) == 2


async def test_token_that_ended_early_is_renewed(channel: WecomApp, fake: FakeWecomApp) -> None:
    await send(channel)
    fake.forget_tokens()

    assert await send(channel, "第二条") == "MSG1"


async def test_token_that_is_refused_twice_is_a_person_s_business(channel: WecomApp, fake: FakeWecomApp) -> None:
    fake.answers["message/send"] += [refused(42001, "access_token expired") for _ in range(2)]

    error = await fault_of(send(channel))

    assert (error.code, error.outcome, error.platform_code) == ("bad_credentials", DENIED, "42001")
    assert fake.messages == {}


TOKENS = [
    SendCase("wrong secret", refused(40001, "invalid credential"), "bad_credentials", DENIED),
    SendCase("wrong company", refused(40013, "invalid corpid"), "bad_credentials", DENIED),
    SendCase("our server may not call", refused(60020, "not allow to access"), "bad_credentials", DENIED),
    SendCase("a token that nobody asked with", refused(42001, "expired"), "bad_credentials", DENIED),
    SendCase("busy", refused(-1, "system busy"), "busy", RETRYABLE),
    SendCase("asked too often", refused(45009, "api freq out of limit"), "throttled", THROTTLED),
    SendCase("no token in the answer", web.json_response({"errcode": 0}), "busy", RETRYABLE),
    SendCase("token is a number", web.json_response({"access_token": 1, "expires_in": 2}), "busy", RETRYABLE),
    SendCase("answer is no JSON", web.Response(text="<html>"), "unreachable", RETRYABLE),
    SendCase("HTTP 500", web.Response(status=500), "busy", RETRYABLE),
]


@pytest.mark.parametrize("case", TOKENS, ids=lambda case: case.label)
async def test_no_token_means_that_nothing_was_sent(channel: WecomApp, fake: FakeWecomApp, case: SendCase) -> None:
    fake.answers["gettoken"].append(case.answer)

    await run_send_case(channel, make_outbound("zhangsan"), case)

    assert [path for path, _ in fake.requests] == ["gettoken"]


async def test_reason_says_what_a_person_has_to_mend(channel: WecomApp, fake: FakeWecomApp) -> None:
    fake.answers["message/send"].append(refused(60020, "not allow to access from your ip"))

    assert "可信 IP" in (await fault_of(send(channel))).platform_words
    assert "可见范围" in (await fault_of(send(channel, address="nobody"))).platform_words
    fake.unlicensed.add("zhangsan")
    assert "许可" in (await fault_of(send(channel))).platform_words


@pytest.mark.parametrize("address", ["@all", "@ALL", "zhangsan|li.si", "", "张三"])
async def test_notice_for_one_never_goes_to_several(channel: WecomApp, fake: FakeWecomApp, address: str) -> None:
    error = await fault_of(channel.send(make_outbound(address), "x", 0))

    assert (error.code, error.asked) == ("route_broken", False)
    assert fake.requests == []


@pytest.mark.parametrize("missing", ["corp_id", "agent_id", "secret"])
async def test_nothing_is_sent_while_a_setting_is_missing(stage: AppStage, clock: Clock, missing: str) -> None:
    channel = WecomApp({**stage.values(), missing: ""}, Surroundings(Http(), clock))

    error = await fault_of(send(channel))

    assert channel.lacks() == [missing.upper()]
    assert (error.code, error.outcome, error.asked) == ("bad_credentials", DENIED, False)
    assert f"WARDEN_WECOM_APP_{missing.upper()}" in error.platform_words


async def test_sent_message_is_taken_back(channel: WecomApp, fake: FakeWecomApp) -> None:
    message_id = await send(channel)

    await channel.recall("zhangsan", message_id)

    assert fake.requests[-1] == ("message/recall", {"msgid": "MSG0"})
    assert fake.messages == {}
    assert (await fault_of(channel.recall("zhangsan", message_id))).outcome is REJECTED
    assert (await fault_of(channel.recall("zhangsan", ""))).asked is False


@pytest.mark.parametrize(
    ("member", "code"), [("li.si@2_x", ""), ("nobody", "route_broken"), ("left", "route_broken"), ("new", "")]
)
async def test_probe_looks_the_member_up(channel: WecomApp, fake: FakeWecomApp, member: str, code: str) -> None:
    fake.members |= {"left": 5, "new": 4}

    if code:
        assert (await fault_of(channel.probe(member, ""))).code == code
    else:
        await channel.probe(member, "")

    assert fake.requests[-1] == ("user/get", {"userid": member})


async def test_check_says_the_app_s_name_or_what_is_wrong(stage: AppStage, channel: WecomApp, clock: Clock) -> None:
    http = Http()
    other = WecomApp({**stage.values(), "agent_id": "1000009"}, Surroundings(http, clock))

    assert await channel.check() == "平安校园"
    assert (await fault_of(other.check())).code == "bad_credentials"
    await http.close()


@pytest.mark.parametrize("body", [b"\xff\xd8\xff\xe0 picture", b'{"errcode": 42001}', b"[]"])
async def test_media_comes_as_it_is(channel: WecomApp, fake: FakeWecomApp, body: bytes) -> None:
    fake.files["media-1"] = (body, True)

    assert await channel.fetch_media(Media("file", "media-1")) == body
    assert fake.requests[-1] == ("media/get", {"media_id": "media-1"})


async def test_media_that_is_refused(channel: WecomApp, fake: FakeWecomApp) -> None:
    fake.files |= {"huge": (bytes(LARGEST_MEDIA + 1), True), "nameless": (b"picture", False)}
    fake.answers["media/get"].append(refused(42001, "access_token expired"))  # renewed

    assert (await fault_of(channel.fetch_media(Media("image", "nobody's")))).code == "no_media"
    assert (await fault_of(channel.fetch_media(Media("image", "huge")))).code == "too_large"
    assert await channel.fetch_media(Media("image", "nameless")) == b"picture"

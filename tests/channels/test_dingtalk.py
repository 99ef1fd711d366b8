import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from aiohttp import web

from tests.channel_cases import SendCase, failure_of, idle, make_outbound, run_send_case
from tests.conftest import ROOT, Clock
from tests.factories import NOW
from tests.platforms.dingtalk import (
    APP_SECRET,
    CHAT,
    KEYWORD,
    PLAIN,
    SESSION,
    SIGN_SECRET,
    SIGNED,
    STAFF,
    DingtalkStage,
    FakeDingtalk,
    said,
)
from warden_bot.channels.dingtalk.answers import ROBOT_ERRORS
from warden_bot.channels.dingtalk.channel import LONGEST_ROBOT_TEXT, LONGEST_TEXT, Dingtalk
from warden_bot.channels.signing import sign_base64
from warden_bot.domain.message import OutboundMessage
from warden_bot.errors import SettingsError
from warden_bot.states import AttemptOutcome, ChannelKind

KIND = ChannelKind.DINGTALK
REJECTED, THROTTLED, DENIED = AttemptOutcome.REJECTED, AttemptOutcome.THROTTLED, AttemptOutcome.DENIED
RETRYABLE, UNKNOWN = AttemptOutcome.RETRYABLE, AttemptOutcome.UNKNOWN
VECTOR = json.loads((ROOT / "tests" / "vectors" / "dingtalk.json").read_text(encoding="utf-8"))
PERSON = f"staff:{STAFF}"
PUNISHED = {"status": 1111, "wait": 5, "source": "x5", "punish": "deny", "uuid": "xxx"}


def signed(text: str = "96110来电请接") -> OutboundMessage:
    message = make_outbound(SIGNED, text)
    return replace(message, recipient=replace(message.recipient, secret=SIGN_SECRET))


ROBOT_SENDS = [
    *(SendCase(f"errcode {code}", (code, "words"), *row[:2]) for code, row in ROBOT_ERRORS.items()),
    SendCase("keyword", (310000, "description:关键词不匹配;solution:请联系群管理员"), "bad_request", REJECTED),
    SendCase("keyword in English", (310000, "keywords not in content"), "bad_request", REJECTED),
    SendCase("signature", (310000, "sign not match"), "bad_credentials", DENIED),
    SendCase("IP", (310000, "ip 203.0.113.7 not in whitelist"), "bad_credentials", DENIED),
    SendCase("too long", (460101, "message too long, exceed 20000 bytes"), "text_too_long", REJECTED),
    SendCase("code nobody knows", (987654, "new rule"), "unexpected_answer", REJECTED),
    SendCase("no errcode", {"ok": 1}, "unexpected_answer", UNKNOWN),
    SendCase("no JSON", "<html>portal</html>", "unexpected_answer", UNKNOWN),
    SendCase("shut out", PUNISHED, "throttled", THROTTLED),
    SendCase("shut out, on a page", f"<html>{json.dumps(PUNISHED)}</html>", "throttled", THROTTLED),
    SendCase("HTTP 500", 500, "busy", RETRYABLE),
    SendCase("HTTP 429", 429, "throttled", THROTTLED),
]


def answer_of(case: SendCase) -> web.Response:
    if isinstance(case.answer, tuple):
        return said(*case.answer)
    if isinstance(case.answer, int):
        return web.Response(status=case.answer)
    return web.Response(text=case.answer) if isinstance(case.answer, str) else web.json_response(case.answer)


@pytest.mark.parametrize("case", ROBOT_SENDS, ids=lambda case: case.label)
async def test_send_by_a_custom_robot(channel: Dingtalk, fake: FakeDingtalk, case: SendCase) -> None:
    fake.answers.append(answer_of(case))

    await run_send_case(channel, make_outbound(PLAIN), case)


@pytest.mark.parametrize(
    ("answer", "wait"),
    [
        (said(130101, "send too fast, exceed 20 times per minute"), timedelta(seconds=60)),
        (said(410100, "send too fast"), timedelta(minutes=10)),
        (web.json_response(PUNISHED), timedelta(minutes=5)),
        (web.json_response(PUNISHED | {"wait": 9999}), timedelta(hours=1)),
        (web.json_response({"status": 1111}, status=403), None),
    ],
)
async def test_throttled_robot_waits(
    channel: Dingtalk, fake: FakeDingtalk, answer: web.Response, wait: timedelta | None
) -> None:
    fake.answers.append(answer)

    assert (await failure_of(channel, PLAIN)).retry_after == wait


async def test_robot_is_sent_plain_text_and_no_signature_without_a_secret(
    channel: Dingtalk, fake: FakeDingtalk
) -> None:
    receipt = await channel.send(make_outbound(PLAIN), '提醒："96110"', 0)

    assert receipt.external_id == ""
    path, body = fake.requests[0]
    assert path == f"/robot/send?access_token={PLAIN}"
    assert body == {"msgtype": "text", "text": {"content": '提醒："96110"'}}


async def test_signature_is_quoted_exactly_once(channel: Dingtalk, fake: FakeDingtalk, clock: Clock) -> None:
    for _ in range(20):  # until there were some with + and /
        clock.forward(milliseconds=1)
        await channel.send(signed(), "x", 0)

    paths = [path for path, _ in fake.requests]
    assert len(fake.heard[SIGNED]) == 20
    assert all(path.endswith("%3D") and "%25" not in path for path in paths)
    assert any("%2B" in path for path in paths)
    assert any("%2F" in path for path in paths)


@pytest.mark.parametrize("case", VECTOR["cases"], ids=lambda case: case["timestamp_ms"])
async def test_vector_of_a_signature(
    build: Callable[..., Dingtalk], stage: DingtalkStage, case: dict[str, str], clock: Clock
) -> None:
    clock.now = NOW.fromtimestamp(0, NOW.tzinfo) + timedelta(milliseconds=int(case["timestamp_ms"]))
    message = make_outbound(SIGNED)
    stage.fake.answers.append(said(0, "ok"))

    await build().send(replace(message, recipient=replace(message.recipient, secret=case["secret"])), "x", 0)

    query = f"timestamp={case['timestamp_ms']}&sign={case['sign_query_encoded']}"
    assert stage.fake.requests[0][0] == f"/robot/send?access_token={SIGNED}&{query}"
    assert sign_base64(case["secret"], f"{case['timestamp_ms']}\n{case['secret']}") == case["sign_base64"]


async def test_robot_that_wants_a_signature_or_a_keyword(channel: Dingtalk, fake: FakeDingtalk) -> None:
    unsigned, without_keyword = await failure_of(channel, SIGNED), await failure_of(channel, KEYWORD)
    await channel.send(make_outbound(KEYWORD), "防骗提醒", 0)

    assert (unsigned.code, unsigned.platform_words) == ("bad_credentials", "description:机器人发送签名不匹配")
    assert without_keyword.code == "bad_request"
    assert "关键词" in without_keyword.platform_words
    assert fake.heard[KEYWORD] == ["防骗提醒"]


async def test_twenty_in_a_minute_go_and_no_more(channel: Dingtalk) -> None:
    for _ in range(20):
        await channel.send(make_outbound(PLAIN), "x", 0)

    assert (await failure_of(channel, PLAIN)).code == "throttled"
    (rule,) = channel.abilities(PLAIN).pace
    assert rule.burst + timedelta(minutes=1) / rule.interval <= 18


async def test_reply_address_takes_messages_while_it_lives(stage: DingtalkStage, channel: Dingtalk) -> None:
    await channel.send(make_outbound(stage.base + SESSION), "96110", 0)
    error = await failure_of(channel, stage.base + "/robot/sendBySession?session=old")

    assert stage.fake.requests[0] == (SESSION, {"msgtype": "text", "text": {"content": "96110"}})
    assert (error.code, error.outcome) == ("outside_window", REJECTED)


@pytest.mark.parametrize(
    ("address", "code"),
    [("https://evil.example/robot/sendBySession", "foreign_address"), ("stranger:1", "cannot_push")],
)
async def test_address_that_is_never_asked(channel: Dingtalk, fake: FakeDingtalk, address: str, code: str) -> None:
    error = await failure_of(channel, address)

    assert (error.code, error.outcome, error.asked, fake.requests) == (code, REJECTED, False, [])


@pytest.mark.parametrize(
    ("values", "missing", "listens"),
    [
        ({}, [], False),
        ({"app_key": "k"}, ["APP_SECRET"], False),
        ({"app_secret": "s"}, ["APP_KEY"], False),
        ({"stream": "1"}, ["APP_KEY", "APP_SECRET"], False),
        ({"app_key": "k", "app_secret": "s", "stream": "0"}, [], False),
        ({"app_key": "k", "app_secret": "s", "stream": "1"}, [], True),
    ],
)
def test_settings_that_go_together(values: dict[str, str], missing: list[str], listens: bool) -> None:
    channel = idle(Dingtalk, **values)

    assert (channel.lacks(), channel.listens()) == (missing, listens)


def test_settings_that_cannot_be_used_are_named() -> None:
    with pytest.raises(SettingsError) as caught:
        idle(Dingtalk, callback_seconds="0", robot_api_base="ftp://x", stream="yes")

    assert [fault.split()[0] for fault in caught.value.faults] == [
        "WARDEN_DINGTALK_ROBOT_API_BASE",
        "WARDEN_DINGTALK_CALLBACK_SECONDS",
        "WARDEN_DINGTALK_STREAM",
    ]


@pytest.mark.parametrize(
    ("values", "base"),
    [
        ({}, "https://oapi.dingtalk.com"),
        ({"api_base": "https://api.dingtalk.com/"}, "https://oapi.dingtalk.com"),
        ({"api_base": "http://127.0.0.1:9"}, "http://127.0.0.1:9"),
        ({"api_base": "http://127.0.0.1:9", "robot_api_base": "http://127.0.0.1:8/"}, "http://127.0.0.1:8"),
    ],
)
def test_one_setting_is_enough_for_a_proxy(values: dict[str, str], base: str) -> None:
    assert str(idle(Dingtalk, **values)._robot_url("t", "")) == f"{base}/robot/send?access_token=t"


@pytest.mark.parametrize(
    ("address", "fine"),
    [
        (PLAIN, True),
        (CHAT, True),
        (PERSON, True),
        ("staff:a.b@c-1_2", True),
        ("staff:", False),
        ("staff:张三", False),
        ("staff:" + "x" * 65, False),
        (f"https://oapi.dingtalk.com/robot/send?access_token={PLAIN}", False),
        (f"access_token={PLAIN}", False),
        ("cid 1", False),
        ("short", False),
        ("stranger:1", False),
        ("", False),
    ],
)
def test_address(address: str, fine: bool) -> None:
    assert (idle(Dingtalk).address_fault(address) is None) is fine


def test_robots_and_the_app_fail_apart() -> None:
    channel = idle(Dingtalk)

    assert [channel.platform(one) for one in (PLAIN, CHAT, PERSON, "https://oapi.dingtalk.com" + SESSION)] == [
        "dingtalk:robot",
        "dingtalk:app",
        "dingtalk:app",
        "dingtalk:robot",
    ]


async def test_longest_texts(channel: Dingtalk, fake: FakeDingtalk) -> None:
    """What is cut to our limits is within the platform's, however much of it takes two bytes in JSON."""
    for address, longest in ((PLAIN, LONGEST_ROBOT_TEXT), (CHAT, LONGEST_TEXT), (PERSON, LONGEST_TEXT)):
        message = make_outbound(address, "防骗“提醒”\n" * (longest // 19))
        (part,) = channel.parts(message)
        await channel.send(message, part, 0)
        assert len(channel.parts(make_outbound(address, "防" * (longest // 3 + 1)))) == 2
    assert {len(heard) for heard in fake.heard.values()} == {1}
    assert APP_SECRET not in repr(channel)

"""What we send as a WeChat Official Account, and what it says to that. What comes in: test_wechat_official_callback."""

import json
from datetime import timedelta

import pytest
from aiohttp import web

from tests.answers import portal
from tests.channel_cases import SendCase, idle, make_outbound, run_send_case
from tests.conftest import Clock
from tests.platforms.wechat_official import (
    AES_KEY,
    FOLLOWER,
    LEFT,
    SILENT,
    WRONG_IP,
    FakeWechat,
    OfficialStage,
    refused,
)
from warden_bot.channels.base import Surroundings
from warden_bot.channels.http import Http
from warden_bot.channels.wechat_official.channel import LONGEST_TEXT, WechatOfficial
from warden_bot.errors import CallbackRejected, SendError, SettingsError
from warden_bot.states import AttemptOutcome, ChannelKind

KIND = ChannelKind.WECHAT_OFFICIAL
DENIED, HELD, REJECTED = AttemptOutcome.DENIED, AttemptOutcome.HELD, AttemptOutcome.REJECTED
RETRYABLE, THROTTLED, UNKNOWN = AttemptOutcome.RETRYABLE, AttemptOutcome.THROTTLED, AttemptOutcome.UNKNOWN
SEND = "message/custom/send"

SENDS = [
    SendCase("plain send", None),
    SendCase("system busy", refused(-1, "system error"), "busy", RETRYABLE),
    SendCase("no such openid", refused(40003, "invalid openid"), "route_broken", REJECTED),
    SendCase("wrong type", refused(40008, "invalid message type"), "bad_request", REJECTED),
    SendCase("wrong APP_ID", refused(40013, "invalid appid"), "bad_credentials", DENIED),
    SendCase("wrong APP_SECRET", refused(40125, "invalid appsecret"), "bad_credentials", DENIED),
    SendCase("IP not in the list", refused(40164, WRONG_IP), "bad_credentials", DENIED),
    SendCase("no token", refused(41001, "access_token missing"), "bad_request", REJECTED),
    SendCase("does not follow", refused(43004, "require subscribe"), "route_broken", REJECTED),
    SendCase("on the black list", refused(43019, "require remove blacklist"), "route_broken", REJECTED),
    SendCase("refuses messages", refused(43101, "user refuse to accept the msg"), "route_broken", REJECTED),
    SendCase("empty", refused(44004, "empty content"), "bad_request", REJECTED),
    SendCase("too long", refused(45002, "content size out of limit"), "text_too_long", REJECTED),
    SendCase("a day's quota", refused(45009, "reach max api daily quota limit"), "throttled", THROTTLED),
    SendCase("too frequent", refused(45011, "api minute-quota reach limit"), "throttled", THROTTLED),
    SendCase("written too long ago", refused(45015, "response out of time limit"), "outside_window", REJECTED),
    SendCase("too many answers", refused(45047, "out of response count limit"), "outside_window", REJECTED),
    SendCase("no JSON", refused(47001, "data format error"), "bad_request", REJECTED),
    SendCase("wrong parameter", refused(47003, "argument invalid"), "bad_request", REJECTED),
    SendCase("no permission", refused(48001, "api unauthorized"), "bad_credentials", DENIED),
    SendCase("messages switched off", refused(48002, "user refuses messages"), "route_broken", REJECTED),
    SendCase("interface banned", refused(48004, "api forbidden"), "bad_credentials", DENIED),
    SendCase("risky content", refused(87014, "risky content"), "content_refused", HELD),
    SendCase("code nobody knows", refused(987654, "new rule for 203.0.113.7"), "unexpected_answer", REJECTED),
    SendCase("HTTP 429", web.Response(status=429, headers={"Retry-After": "7"}), "throttled", THROTTLED),
    SendCase("HTTP 500", web.Response(status=500), "busy", RETRYABLE),
    SendCase("answer is no JSON", portal(), "unexpected_answer", UNKNOWN),
    SendCase("answer without errcode", web.json_response({"ok": 1}), "unexpected_answer", UNKNOWN),
]
TOKENS = [
    SendCase("wrong secret", refused(40001, "invalid credential"), "bad_credentials", DENIED),
    SendCase("wrong secret, other code", refused(40125, "invalid appsecret"), "bad_credentials", DENIED),
    SendCase("IP not in the list", refused(40164, WRONG_IP), "bad_credentials", DENIED),
    SendCase("code nobody knows", refused(987654, "new rule"), "bad_credentials", DENIED),
    SendCase("no such page", web.Response(status=404), "unreachable", RETRYABLE),
    SendCase("system busy", refused(-1, "system error"), "busy", RETRYABLE),
    SendCase("a day's quota", refused(45009, "reach max api daily quota limit"), "throttled", THROTTLED),
    SendCase("answer is no JSON", portal(), "unreachable", RETRYABLE),
    SendCase("answer without a token", web.json_response({"expires_in": 7200}), "busy", RETRYABLE),
    SendCase("token is a number", web.json_response({"access_token": 1, "expires_in": 7200}), "busy", RETRYABLE),
]


@pytest.mark.parametrize("case", SENDS, ids=lambda case: case.label)
async def test_send(channel: WechatOfficial, fake: FakeWechat, case: SendCase) -> None:
    fake.answers[SEND] += [case.answer] if case.answer is not None else []

    await run_send_case(channel, make_outbound(FOLLOWER), case)


@pytest.mark.parametrize("path", ["token", "stable_token"])
@pytest.mark.parametrize("case", TOKENS, ids=lambda case: case.label)
async def test_token_that_is_not_given_means_that_nothing_was_sent(
    stage: OfficialStage, clock: Clock, http: Http, case: SendCase, path: str
) -> None:
    values = stage.values() | {"stable_token": "1" if path == "stable_token" else "0"}
    stage.fake.answers[path].append(case.answer)

    await run_send_case(WechatOfficial(values, Surroundings(http, clock)), make_outbound(FOLLOWER), case)
    assert stage.fake.asked == {path: 1}


async def test_throttled_waits_a_minute_or_where_a_day_s_quota_is_used_up_an_hour(
    channel: WechatOfficial, fake: FakeWechat
) -> None:
    fake.answers[SEND] += [refused(45011, "x"), refused(45009, "x")]

    waits = []
    for _ in range(2):
        with pytest.raises(SendError) as caught:
            await channel.send(make_outbound(FOLLOWER), "x", 0)
        waits.append(caught.value.retry_after)

    assert waits == [timedelta(minutes=1), timedelta(hours=1)]


async def test_request_holds_the_text_as_it_is(channel: WechatOfficial, fake: FakeWechat) -> None:
    await channel.send(make_outbound(FOLLOWER), "今早有人冒充班主任收款\n96110", 0)

    assert "今早有人冒充班主任收款".encode() in fake.bodies[0]
    assert json.loads(fake.bodies[0]) == {
        "touser": FOLLOWER,
        "msgtype": "text",
        "text": {"content": "今早有人冒充班主任收款\n96110"},
    }


async def test_title_stands_above_the_text(channel: WechatOfficial) -> None:
    assert channel.parts(make_outbound(FOLLOWER, "正文", "骗局预警")) == ["【骗局预警】\n正文"]


@pytest.mark.parametrize(
    ("openid", "code", "words"),
    [
        (SILENT, "outside_window", "离对方上次发消息太久了，公众号不能先开口"),
        (LEFT, "route_broken", "对方没有关注公众号"),
        ("oNOBODY00000000000000000", "route_broken", "invalid openid"),
    ],
)
async def test_platform_decides_whom_it_lets_us_write_to(
    channel: WechatOfficial, openid: str, code: str, words: str
) -> None:
    with pytest.raises(SendError) as caught:
        await channel.send(make_outbound(openid), "x", 0)

    assert (caught.value.code, caught.value.outcome, caught.value.platform_words) == (code, REJECTED, words)


async def test_more_answers_than_the_platform_allows(channel: WechatOfficial, fake: FakeWechat) -> None:
    for _ in range(5):
        await channel.send(make_outbound(FOLLOWER), "x", 0)

    with pytest.raises(SendError, match="outside_window"):
        await channel.send(make_outbound(FOLLOWER), "x", 0)
    assert len(fake.sent) == 5


async def test_address_of_this_server_is_kept_out_of_what_is_shown(channel: WechatOfficial, fake: FakeWechat) -> None:
    fake.answers[SEND].append(refused(47003, WRONG_IP))

    with pytest.raises(SendError) as caught:
        await channel.send(make_outbound(FOLLOWER), "x", 0)

    assert caught.value.platform_words == "invalid ip, not in whitelist"


async def test_text_at_the_limit_goes_whole(channel: WechatOfficial, fake: FakeWechat) -> None:
    longest = "防" * 682 + "ab"
    assert len(longest.encode()) == LONGEST_TEXT

    for text in (longest, longest + "c"):
        message = make_outbound(FOLLOWER, text)
        for number, part in enumerate(channel.parts(message)):
            await channel.send(message, part, number)

    assert len(fake.sent) == 3
    assert fake.sent[0] == (FOLLOWER, longest)


async def test_without_its_settings_nothing_is_asked() -> None:
    channel = idle(WechatOfficial, app_id="wx1")

    assert channel.lacks() == ["APP_SECRET", "TOKEN"]
    with pytest.raises(SendError) as caught:
        await channel.send(make_outbound(FOLLOWER), "x", 0)
    assert (caught.value.code, caught.value.asked) == ("bad_credentials", False)
    with pytest.raises(CallbackRejected, match="not_configured"):
        channel.parse_callback(None)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("values", "fault"),
    [
        ({"app_id": "wx1", "aes_key": "short"}, "AES_KEY must have 43 characters"),
        ({"aes_key": AES_KEY}, "AES_KEY needs"),
        ({"callback_seconds": "0"}, "CALLBACK_SECONDS"),
        ({"callback_seconds": "five"}, "CALLBACK_SECONDS"),
        ({"stable_token": "yes"}, "STABLE_TOKEN"),
    ],
)
def test_setting_that_cannot_be_used_is_named(values: dict[str, str], fault: str) -> None:
    with pytest.raises(SettingsError, match=fault) as caught:
        idle(WechatOfficial, **values)
    assert values.get("aes_key", "?") not in str(caught.value)


@pytest.mark.parametrize(
    ("address", "fine"),
    [
        (FOLLOWER, True),
        ("oABCD1234efgh5678_-klmnopqrs", True),
        ("wxid_short", False),
        ("o" * 41, False),
        ("oABCD1234efgh5678ijkl ", False),
        ("oABCD1234efgh5678ijkl\n", False),
        ("https://mp.weixin.qq.com/", False),
        ("", False),
    ],
)
def test_address_is_an_openid(address: str, fine: bool) -> None:
    assert (idle(WechatOfficial).address_fault(address) is None) is fine

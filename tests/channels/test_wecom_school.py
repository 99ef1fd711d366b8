"""What we send to parents and what the platform says to that; many classes at once: test_wecom_school_classes."""

from datetime import timedelta

import pytest
from aiohttp import web

from tests.answers import portal
from tests.channel_cases import SendCase, idle, make_outbound, run_send_case
from tests.fake_wecom import refused
from tests.platforms.wecom_school import FakeSchool
from warden_bot.channels.wecom_school import WecomSchool
from warden_bot.errors import CallbackRejected, SendError, SettingsError
from warden_bot.states import AttemptOutcome, ChannelKind

KIND = ChannelKind.WECOM_SCHOOL
DENIED, REJECTED = AttemptOutcome.DENIED, AttemptOutcome.REJECTED
RETRYABLE, THROTTLED, UNKNOWN = AttemptOutcome.RETRYABLE, AttemptOutcome.THROTTLED, AttemptOutcome.UNKNOWN

SENDS = [
    SendCase("plain send", None),
    SendCase("system busy", refused(-1, "system busy"), "busy", RETRYABLE),
    SendCase("wrong CORP_ID", refused(40013, "invalid corpid"), "bad_credentials", DENIED),
    SendCase("wrong AGENT_ID", refused(40056, "invalid agentid"), "bad_credentials", DENIED),
    SendCase("wrong parameter", refused(40058, "x"), "bad_request", REJECTED),
    SendCase("no token", refused(41001, "access_token missing"), "bad_request", REJECTED),
    SendCase("empty", refused(44004, "empty content"), "bad_request", REJECTED),
    SendCase("too long", refused(45002, "content size out of limit"), "text_too_long", REJECTED),
    SendCase("throttled", refused(45009, "api freq out of limit"), "throttled", THROTTLED),
    SendCase("too many at once", refused(45033, "concurrency over limit"), "throttled", THROTTLED),
    SendCase("interface not permitted", refused(48002, "api forbidden"), "bad_credentials", DENIED),
    SendCase("app not permitted", refused(301002, "no permission for this agent"), "bad_credentials", DENIED),
    SendCase("IP not allowed", refused(60020, "not allow to access from your ip"), "bad_credentials", DENIED),
    SendCase("class out of range", refused(60011, "no privilege"), "route_broken", REJECTED),
    SendCase("no such member", refused(60111, "userid not found"), "route_broken", REJECTED),
    SendCase("no such department", refused(60003, "department not found"), "route_broken", REJECTED),
    SendCase("department is wrong", refused(60123, "invalid party id"), "route_broken", REJECTED),
    SendCase("nobody left", refused(81013, "user & party & tag all invalid"), "route_broken", REJECTED),
    SendCase("all empty", refused(82001, "all empty"), "route_broken", REJECTED),
    SendCase("too many classes", refused(82002, "too many parties"), "bad_request", REJECTED),
    SendCase("no relation", refused(84061, "not external contact"), "route_broken", REJECTED),
    SendCase("no permission for parents", refused(84074, "no permission"), "route_broken", REJECTED),
    SendCase("code nobody knows", refused(987654, "new rule"), "unexpected_answer", REJECTED),
    SendCase("HTTP 429", web.Response(status=429, headers={"Retry-After": "7"}), "throttled", THROTTLED),
    SendCase("HTTP 500", web.Response(status=500), "busy", RETRYABLE),
    SendCase("answer is no JSON", portal(), "unexpected_answer", UNKNOWN),
    SendCase("answer without errcode", web.json_response({"ok": 1}), "unexpected_answer", UNKNOWN),
    SendCase(
        "who got nothing is a number",
        web.json_response({"errcode": 0, "invalid_party": 101}),
        "unexpected_answer",
        UNKNOWN,
    ),
    SendCase(
        "this class got nothing", web.json_response({"errcode": 0, "invalid_party": ["211"]}), "route_broken", REJECTED
    ),
    SendCase(
        "the same as numbers", web.json_response({"errcode": 0, "invalid_party": [211]}), "route_broken", REJECTED
    ),
    SendCase(
        "the same as one text", web.json_response({"errcode": 0, "invalid_party": "9|211"}), "route_broken", REJECTED
    ),
    SendCase("only parents got nothing", web.json_response({"errcode": 0, "invalid_parent_userid": ["p3"]})),
]
TOKENS = [
    SendCase("wrong secret", refused(40001, "invalid credential"), "bad_credentials", DENIED),
    SendCase("wrong CORP_ID", refused(40013, "invalid corpid"), "bad_credentials", DENIED),
    SendCase("code nobody knows", refused(987654, "new rule"), "bad_credentials", DENIED),
    SendCase("no such page", web.Response(status=404), "unreachable", RETRYABLE),
    SendCase("system busy", refused(-1, "system busy"), "busy", RETRYABLE),
    SendCase("throttled", refused(45009, "api freq out of limit"), "throttled", THROTTLED),
    SendCase("HTTP 502", web.Response(status=502), "busy", RETRYABLE),
    SendCase("answer is no JSON", portal(), "unreachable", RETRYABLE),
    SendCase("answer without a token", web.json_response({"errcode": 0}), "busy", RETRYABLE),
]


@pytest.mark.parametrize("case", SENDS, ids=lambda case: case.label)
async def test_send(channel: WecomSchool, fake: FakeSchool, case: SendCase) -> None:
    fake.answers += [case.answer] if case.answer is not None else []

    await run_send_case(channel, make_outbound("211"), case)


@pytest.mark.parametrize("case", TOKENS, ids=lambda case: case.label)
async def test_token_that_is_not_given_means_that_nothing_was_sent(
    channel: WecomSchool, fake: FakeSchool, case: SendCase
) -> None:
    fake.token_answers.append(case.answer)

    await run_send_case(channel, make_outbound("211"), case)
    assert fake.bodies == []


async def test_throttled_waits_as_long_as_the_limit_counts(channel: WecomSchool, fake: FakeSchool) -> None:
    fake.answers += [refused(45009, "x"), refused(45033, "x")]

    waits = []
    for _ in range(2):
        with pytest.raises(SendError) as caught:
            await channel.send(make_outbound("211"), "x", 0)
        waits.append(caught.value.retry_after)

    assert waits == [timedelta(seconds=60), timedelta(seconds=2)]


@pytest.mark.parametrize("code", [40001, 40014, 42001])
async def test_token_that_is_refused_is_renewed_once(channel: WecomSchool, fake: FakeSchool, code: int) -> None:
    await channel.send(make_outbound("211"), "防骗", 0)
    fake.token = ""  # ended early
    fake.answers.append(refused(code, "access_token expired"))

    await channel.send(make_outbound("102"), "防骗", 0)

    assert len(fake.notices) == 2
    assert fake.tokens_given == 2

    fake.answers += [refused(code, "x")] * 2
    await run_send_case(channel, make_outbound("211"), SendCase("", None, "bad_credentials", DENIED))
    assert fake.tokens_given == 3


async def test_refusal_says_what_to_mend(channel: WecomSchool, fake: FakeSchool) -> None:
    fake.answers.append(refused(301002, "no permission for this agent"))

    with pytest.raises(SendError) as caught:
        await channel.send(make_outbound("211"), "防骗", 0)

    assert caught.value.platform_words == "家校沟通没有开通，或应用不在“家长可使用的应用”里"


async def test_without_its_settings_nothing_is_asked() -> None:
    channel = idle(WecomSchool, corp_id="ww1")

    assert channel.lacks() == ["AGENT_ID", "SECRET"]
    with pytest.raises(SendError) as caught:
        await channel.send(make_outbound("211"), "防骗", 0)
    assert (caught.value.code, caught.value.asked) == ("bad_credentials", False)


def test_app_s_number_is_a_number() -> None:
    with pytest.raises(SettingsError, match="WARDEN_WECOM_SCHOOL_AGENT_ID"):
        idle(WecomSchool, agent_id="wwa1")


@pytest.mark.parametrize(
    ("address", "fine"),
    [
        ("101", True),
        ("4294967295", True),
        ("0101", False),  # would be another text for the same class
        ("12345678901", False),
        ("101|102", False),
        ("١٠١", False),
        ("c001", False),
        ("-1", False),
        ("0", False),
        ("", False),
        ("101\n", False),
    ],
)
def test_address_is_the_number_of_a_class(address: str, fine: bool) -> None:
    assert (idle(WecomSchool).address_fault(address) is None) is fine


async def test_nothing_comes_in_and_nothing_is_taken_back(channel: WecomSchool) -> None:
    assert not channel.capabilities.receives
    with pytest.raises(CallbackRejected):
        channel.parse_callback(None)  # type: ignore[arg-type]
    with pytest.raises(SendError, match="cannot_recall"):
        await channel.recall("101", "")

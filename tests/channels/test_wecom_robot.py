from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from aiohttp import web

from tests.answers import portal
from tests.channel_cases import SendCase, idle, make_outbound, run_send_case
from tests.fake_wecom import FakeWecom, refused
from warden_bot.channels.base import Surroundings
from warden_bot.channels.http import Http
from warden_bot.channels.wecom_robot import LONGEST_TEXT, WecomRobot
from warden_bot.environment import utc_now
from warden_bot.errors import CallbackRejected, SendError
from warden_bot.states import AttemptOutcome

REJECTED, THROTTLED = AttemptOutcome.REJECTED, AttemptOutcome.THROTTLED
RETRYABLE, UNKNOWN = AttemptOutcome.RETRYABLE, AttemptOutcome.UNKNOWN

SENDS = [
    SendCase("plain send", None),
    SendCase("system busy", refused(-1, "system busy"), "busy", RETRYABLE),
    SendCase("throttled", refused(45009, "api freq out of limit"), "throttled", THROTTLED),
    SendCase("too many at once", refused(45033, "concurrency over limit"), "throttled", THROTTLED),
    SendCase("robot was removed", refused(93000, "invalid webhook url"), "route_broken", REJECTED),
    SendCase("93000 that really is a length", refused(93000, "content length exceed"), "text_too_long", REJECTED),
    SendCase("robot not in the group", refused(93008, "not in group"), "route_broken", REJECTED),
    SendCase("too long", refused(40058, "text.content exceed max length 2048"), "text_too_long", REJECTED),
    SendCase("code nobody knows", refused(987654, "new rule"), "unexpected_answer", REJECTED),
    SendCase("HTTP 429", web.Response(status=429, headers={"Retry-After": "7"}), "throttled", THROTTLED),
    SendCase("HTTP 500", web.Response(status=500), "busy", RETRYABLE),
    SendCase("HTTP 403", web.Response(status=403), "bad_credentials", AttemptOutcome.DENIED),
    SendCase("HTTP 404", web.Response(status=404), "route_broken", REJECTED),
    SendCase("redirect", web.Response(status=302, headers={"Location": "/elsewhere"}), "bad_request", REJECTED),
    SendCase("answer is no JSON", portal(), "unexpected_answer", UNKNOWN),
    SendCase("answer is no object", web.Response(text="[0]"), "unexpected_answer", UNKNOWN),
    SendCase("answer without errcode", web.json_response({"ok": 1}), "unexpected_answer", UNKNOWN),
    SendCase("errcode is a text", web.json_response({"errcode": "0"}), "unexpected_answer", UNKNOWN),
    SendCase("answer is huge", web.Response(text="x" * 100_000), "unexpected_answer", UNKNOWN),
    SendCase("hung up after accepting", "accept, then hang up", "no_answer", UNKNOWN),
]


@pytest.fixture
async def robot(wecom: FakeWecom) -> AsyncIterator[WecomRobot]:
    http = Http()
    yield WecomRobot({"api_base": wecom.base + "/"}, Surroundings(http, utc_now))
    await http.close()


@pytest.mark.parametrize("case", SENDS, ids=lambda case: case.label)
async def test_send(robot: WecomRobot, wecom: FakeWecom, case: SendCase) -> None:
    if case.answer is not None:
        wecom.answers["key-1"].append(case.answer)

    await run_send_case(robot, make_outbound("key-1"), case)


async def test_unreachable_platform_took_nothing() -> None:
    http = Http()
    robot = WecomRobot({"api_base": "http://127.0.0.1:9"}, Surroundings(http, utc_now))

    await run_send_case(robot, make_outbound("key-1"), SendCase("unreachable", None, "unreachable", RETRYABLE))
    await http.close()


async def test_throttled_waits_what_the_platform_asks(robot: WecomRobot, wecom: FakeWecom) -> None:
    wecom.answers["key-1"] += [refused(45009, "x"), web.Response(status=429, headers={"Retry-After": "7"})]

    waits = []
    for _ in range(2):
        with pytest.raises(SendError) as caught:
            await robot.send(make_outbound("key-1"), "x", 0)
        waits.append(caught.value.retry_after)

    assert waits == [timedelta(seconds=60), timedelta(seconds=7)]


async def test_title_stands_above_the_text(robot: WecomRobot, wecom: FakeWecom) -> None:
    message = make_outbound("key-1", "今早有人冒充班主任收款", "骗局预警")

    for part in robot.parts(message):
        await robot.send(message, part, 0)

    assert wecom.heard["key-1"] == ["【骗局预警】\n今早有人冒充班主任收款"]


async def test_text_at_the_limit_goes_whole_and_one_byte_more_in_two(robot: WecomRobot, wecom: FakeWecom) -> None:
    longest = "防" * 682 + "ab"
    assert len(longest.encode()) == LONGEST_TEXT

    for text in (longest, longest + "c"):
        message = make_outbound("key-1", text)
        for part in robot.parts(message):
            await robot.send(message, part, 0)

    assert len(wecom.heard["key-1"]) == 3
    assert wecom.heard["key-1"][0] == longest


@pytest.mark.parametrize(
    ("address", "fine"),
    [
        ("693a91f6-7xxx-4bc4-97a0-0ec2sifa5aaa", True),
        ("https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=693a", False),
        ("key=693a", False),
        ("有空格 的", False),
        ("", False),
    ],
)
def test_address_is_a_bare_key(address: str, fine: bool) -> None:
    assert (idle(WecomRobot).address_fault(address) is None) is fine


def test_nothing_comes_in() -> None:
    with pytest.raises(CallbackRejected):
        idle(WecomRobot).parse_callback(None)  # type: ignore[arg-type]

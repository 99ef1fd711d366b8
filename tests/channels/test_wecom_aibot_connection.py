"""The AI bot's long connection: what goes over it."""

import json
import re
from dataclasses import replace
from typing import Any

import pytest

from tests.channel_cases import SendCase, make_outbound, run_send_case
from tests.conftest import ROOT, Clock
from tests.platforms.wecom_aibot import QUICK
from tests.platforms.wecom_aibot_line import GROUP_MESSAGE, PRIVATE_MESSAGE, Line, ack, listening
from tests.platforms.wecom_aibot_socket import BOT_SECRET, CHAT, PERSON, FakeAibot
from warden_bot.channels.wecom_aibot.channel import TRY_AGAIN
from warden_bot.domain.message import InboundMessage, Media, Sender
from warden_bot.errors import OutcomeUnknown, SendError
from warden_bot.states import AttemptOutcome, ChannelKind, SenderRole

KIND = ChannelKind.WECOM_AIBOT
CAPTURE = json.loads((ROOT / "tests/vectors/wecom_aibot_ws_capture.json").read_text(encoding="utf-8"))["log"]
REJECTED, THROTTLED, DENIED = AttemptOutcome.REJECTED, AttemptOutcome.THROTTLED, AttemptOutcome.DENIED
RETRYABLE, UNKNOWN = AttemptOutcome.RETRYABLE, AttemptOutcome.UNKNOWN


def captured(command: str, number: int = 0) -> dict[str, Any]:
    """Return what the official package sent, its random ids replaced."""
    frames = [one["frame"] for one in CAPTURE if one["dir"] == "bot->server"]
    return neutral([one for one in frames if one["cmd"] == command][number])


def neutral(frame: dict[str, Any]) -> dict[str, Any]:
    words = re.sub(r"(aibot_\w+|ping)_\d{13}_[0-9a-f]{8}", r"\1_T_R", json.dumps(frame, ensure_ascii=False))
    changed: dict[str, Any] = json.loads(words)
    return changed


async def test_frames_are_those_of_the_official_package(fake: FakeAibot, clock: Clock) -> None:
    async with listening(fake, clock, replace(QUICK, ping=0.01)) as line:
        line.words = "**不轻信、不转账**，拨打 96110"
        await line.ready()
        await line.push()
        await fake.tell(GROUP_MESSAGE, "REQ_MSG_1")
        await fake.until(lambda: {"ping", "aibot_respond_msg"} <= {one["cmd"] for one in fake.frames})

    sent = {one["cmd"]: neutral(one) for one in fake.frames}
    expected = captured("aibot_subscribe")
    assert sent["aibot_subscribe"] == {**expected, "body": {**expected["body"], "secret": BOT_SECRET}}
    assert sent["ping"] == captured("ping")
    pushed = captured("aibot_send_msg")
    # The package leaves the platform to guess what kind of chat it is; we say so.
    assert sent["aibot_send_msg"] == {**pushed, "body": {**pushed["body"], "chatid": CHAT, "chat_type": 2}}
    responded, ours = captured("aibot_respond_msg", 1), sent["aibot_respond_msg"]
    responded["body"]["stream"]["id"] = ours["body"]["stream"]["id"]
    assert ours == responded


async def test_message_of_a_group_is_heard_and_answered(line: Line, fake: FakeAibot) -> None:
    await fake.tell(GROUP_MESSAGE, "REQ_MSG_1")
    await fake.until(lambda: bool(fake.responses))

    person = Sender(f"single:{PERSON}", "", SenderRole.PARENT)
    assert line.heard == [
        InboundMessage(ChannelKind.WECOM_AIBOT, "MSGID1", None, person, "反诈热线是多少", addressed=True, chat=CHAT)
    ]
    assert fake.frames[-1]["headers"] == {"req_id": "REQ_MSG_1"}
    await line.push(line.heard[0].chat)
    assert fake.pushed == [(CHAT, "**提醒**")]


async def test_sender_of_a_private_message_can_be_written_to(line: Line, fake: FakeAibot) -> None:
    await fake.tell(PRIVATE_MESSAGE, "REQ")
    await fake.until(lambda: bool(fake.responses))
    address = line.heard[0].sender.id

    await line.push(address)

    assert line.heard[0].private
    assert line.channel.address_fault(address) is None
    assert fake.pushed == [(PERSON, "**提醒**")]
    assert line.channel.abilities(address).reaches_people


async def test_whoever_enters_is_welcomed(line: Line, fake: FakeAibot) -> None:
    event = {**PRIVATE_MESSAGE, "msgtype": "event", "text": None, "event": {"eventtype": "enter_chat"}}

    await fake.tell(event, "REQ", "aibot_event_callback")
    await fake.until(lambda: bool(fake.responses))

    assert [one.text for one in line.heard] == ["菜单"]
    assert fake.responses == [("aibot_respond_welcome_msg", {"msgtype": "text", "text": {"content": "请打96110"}})]


async def test_picture_comes_with_its_own_key(fake: FakeAibot, clock: Clock) -> None:
    async with listening(fake, clock, api_base=fake.base) as line:
        await line.ready()
        picture = {"url": f"{fake.base}/media/1", "aeskey": "ABEi"}
        await fake.tell({**PRIVATE_MESSAGE, "msgtype": "image", "text": None, "image": picture}, "REQ")
        await fake.until(lambda: bool(fake.responses))

        assert line.heard[0].media == (Media("image", f"{fake.base}/media/1", "ABEi"),)


@pytest.mark.parametrize(("words", "said"), [("", []), (None, [TRY_AGAIN])])
async def test_silence_is_silence_and_what_was_not_kept_is_owned_up_to(
    line: Line, fake: FakeAibot, words: str | None, said: list[str]
) -> None:
    line.words = words
    await fake.tell(GROUP_MESSAGE, "REQ1")
    await line.lease.turns()

    assert len(line.heard) == 1
    assert [body["stream"]["content"] for _, body in fake.responses] == said


JUNK = [
    "no JSON",
    "[" * 50_000,
    "[]",
    "{}",
    {"cmd": 1, "headers": {"req_id": ["x"]}},
    {"cmd": "aibot_msg_callback", "headers": None, "body": None},
    {"cmd": "aibot_msg_callback", "headers": {"req_id": "R"}, "body": {"msgtype": "text"}},
    '{"cmd": "aibot_msg_callback", "headers": {"req_id": "R"}, "body": {"msgtype": "\\ud800"}}',
    {"cmd": "aibot_event_callback", "headers": {"req_id": "R"}, "body": {"event": [1]}},
    {"cmd": "aibot_new_callback", "headers": {"req_id": "R"}, "body": GROUP_MESSAGE},
    {"headers": {"req_id": "nobody waits for it"}, "errcode": 0},
]


async def test_junk_is_passed_over_and_a_message_that_fails_does_not_take_the_next_with_it(
    line: Line, fake: FakeAibot
) -> None:
    async def fall(message: InboundMessage) -> None:
        if message.message_id == "BAD":
            raise RuntimeError("fell over")

    line.before = fall
    for frame in JUNK:
        await fake.say(frame)
    await fake.tell({**GROUP_MESSAGE, "msgid": "BAD"}, "REQ1")
    await fake.say(
        json.dumps({"cmd": "aibot_msg_callback", "headers": {"req_id": "R"}, "body": GROUP_MESSAGE}) + "\x00"
    )
    await fake.tell(GROUP_MESSAGE, "REQ2")
    await fake.until(lambda: bool(fake.responses))

    assert [one.message_id for one in line.heard] == ["BAD", "MSGID1", "MSGID1"]
    assert fake.subscriptions == 1


SENDS = [
    SendCase("taken", ack(0, "ok")),
    SendCase("system busy", ack(-1, "system busy"), "busy", RETRYABLE),
    SendCase("wrong secret", ack(40001, "invalid credential"), "bad_credentials", DENIED),
    SendCase("address not allowed", ack(60020, "not allow to access from your ip"), "bad_credentials", DENIED),
    SendCase("too long", ack(40058, "markdown.content exceed max length 20480"), "text_too_long", REJECTED),
    SendCase("too long, old code", ack(45002, "content size out of limit"), "text_too_long", REJECTED),
    SendCase("card", ack(42045, "card"), "bad_request", REJECTED),
    SendCase("empty", ack(44004, "empty content"), "bad_request", REJECTED),
    SendCase("throttled", ack(45009, "api freq out of limit"), "throttled", THROTTLED),
    SendCase("too many at once", ack(45033, "concurrency over limit"), "throttled", THROTTLED),
    SendCase("may not push", ack(93001, "x"), "route_broken", REJECTED),
    SendCase("never spoken to", ack(93006, "invalid chatid"), "route_broken", REJECTED),
    SendCase("message not known", ack(846605, "invalid req_id"), "outside_window", REJECTED),
    SendCase("answer is over", ack(846608, "stream message update expired"), "outside_window", REJECTED),
    SendCase("code nobody knows", ack(987654, "new rule"), "unexpected_answer", REJECTED),
    SendCase("no errcode", {"errmsg": "?"}, "unexpected_answer", UNKNOWN),
    SendCase("errcode is a text", {"errcode": "0"}, "unexpected_answer", UNKNOWN),
]


@pytest.mark.parametrize("case", SENDS, ids=lambda case: case.label)
async def test_push(line: Line, fake: FakeAibot, case: SendCase) -> None:
    fake.acks.append(case.answer)

    await run_send_case(line.channel, make_outbound(CHAT), case)


async def test_push_to_a_chat_where_nobody_spoke_to_the_bot_says_what_to_do(line: Line) -> None:
    with pytest.raises(SendError) as caught:
        await line.push("wrkUNKNOWN")

    assert (caught.value.code, caught.value.platform_code) == ("route_broken", "93006")
    assert "@机器人" in caught.value.platform_words


async def test_no_ack_leaves_open_whether_it_arrived(fake: FakeAibot, clock: Clock) -> None:
    fake.acks.append(None)
    async with listening(fake, clock, replace(QUICK, ack=0.05)) as line:
        await line.ready()

        error = await line.push_fails()

    assert (type(error), error.code) == (OutcomeUnknown, "no_answer")

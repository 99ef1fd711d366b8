import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.channel_cases import CallbackCase, as_bytes, idle, refusal_of, run_callback_case
from tests.conformance import VALID_TEXT
from tests.conftest import ROOT
from tests.factories import NOW
from tests.platforms.dingtalk import APP_KEY, APP_SECRET, CHAT, MESSAGE, STAFF, callback
from warden_bot.channels.base import CallbackRequest, Reply
from warden_bot.channels.dingtalk.channel import Dingtalk
from warden_bot.channels.inbound import LONGEST_INBOUND
from warden_bot.domain.message import InboundMessage, Media, Sender
from warden_bot.states import Action, ChannelKind, SenderRole

VECTOR = json.loads((ROOT / "tests" / "vectors" / "dingtalk.json").read_text(encoding="utf-8"))
HEARD = InboundMessage(
    ChannelKind.DINGTALK,
    MESSAGE["msgId"],
    None,
    Sender(f"staff:{STAFF}", "家长", SenderRole.PARENT),
    VALID_TEXT,
    addressed=True,
    chat=CHAT,
)
PRIVATE = {"conversationType": "1", "isInAtList": None}
REPLY_URL = MESSAGE["sessionWebhook"]
TO_US = replace(HEARD, chat="", reply_url=REPLY_URL)


def channel(**values: str) -> Dingtalk:
    return idle(Dingtalk, **{"app_key": APP_KEY, "app_secret": APP_SECRET} | values)


def content(msgtype: str, **fields: Any) -> dict[str, Any]:
    return {"msgtype": msgtype, "text": None, "content": fields}


def from_(sender_id: str) -> Sender:
    return replace(HEARD.sender, id=sender_id)


@dataclass(frozen=True)
class Said:
    """What differs from MESSAGE, and what it becomes."""

    label: str
    changes: dict[str, Any]
    message: InboundMessage | None


MESSAGES = [
    Said("text in a group", {}, HEARD),
    Said("type of the chat as a number", {"conversationType": 2}, HEARD),
    Said("robot was not mentioned", {"isInAtList": False}, replace(HEARD, addressed=False)),
    Said("nothing about mentions", {"isInAtList": None}, replace(HEARD, addressed=False)),
    Said("private", PRIVATE, TO_US),
    Said("private, the chat as a number", PRIVATE | {"conversationType": 1}, TO_US),
    Said(
        "reply address elsewhere", PRIVATE | {"sessionWebhook": "https://evil.example/x"}, replace(TO_US, reply_url="")
    ),
    Said("no reply address", PRIVATE | {"sessionWebhook": None}, replace(TO_US, reply_url="")),
    Said("outsider, private", PRIVATE | {"senderStaffId": ""}, replace(TO_US, sender=from_(REPLY_URL))),
    Said(
        "outsider with a reply address elsewhere",
        PRIVATE | {"senderStaffId": None, "sessionWebhook": "http://oapi.dingtalk.com/x"},
        replace(TO_US, sender=from_("stranger:$:LWCP_v1:$parent"), reply_url=""),
    ),
    Said(
        "outsider in a group has no private address",
        {"senderStaffId": ""},
        replace(HEARD, sender=from_("stranger:$:LWCP_v1:$parent")),
    ),
    Said(
        "staff id that is none",
        PRIVATE | {"senderStaffId": "a b"},
        replace(TO_US, sender=from_(REPLY_URL)),
    ),
    Said("no name", {"senderNick": None}, replace(HEARD, sender=replace(HEARD.sender, name=""))),
    Said(
        "control characters",
        {"text": {"content": " a\x00b\r\nc\td\x1b[0m\x85 "}, "senderNick": "家\n长\x07"},
        replace(HEARD, text="ab\nc\td[0m"),
    ),
    Said("long text", {"text": {"content": "长" * 30_000}}, replace(HEARD, text="长" * LONGEST_INBOUND)),
    Said("only a mention", {"text": {"content": " "}}, replace(HEARD, text="")),
    Said("picture", content("picture", downloadCode="c1"), replace(HEARD, text="", media=(Media("image", "c1"),))),
    Said(
        "file",
        content("file", downloadCode="c1", fileName="a.pdf"),
        replace(HEARD, text="", media=(Media("file", "c1"),)),
    ),
    Said(
        "voice with its words",
        content("audio", downloadCode="c1", recognition="我要举报", duration=4000),
        replace(HEARD, text="我要举报", media=(Media("voice", "c1"),)),
    ),
    Said(
        "video",
        content("video", downloadCode="c1", duration="5"),
        replace(HEARD, text="", media=(Media("video", "c1"),)),
    ),
    Said(
        "text and pictures",
        content(
            "richText",
            richText=[{"text": " 这是"}, {"type": "picture", "downloadCode": "c1"}, {"text": "骗局吗"}, {"x": 1}],
        ),
        replace(HEARD, text="这是骗局吗", media=(Media("image", "c1"),)),
    ),
    Said("picture without a code", {"msgtype": "picture", "content": None}, replace(HEARD, text="")),
    Said("type that nobody knows", {"msgtype": "chatRecord", "content": "[…]"}, None),
    Said("the robot's own", {"senderId": MESSAGE["chatbotUserId"]}, None),
]


@pytest.mark.parametrize("case", MESSAGES, ids=lambda case: case.label)
def test_message(case: Said) -> None:
    received = channel().parse_callback(callback(MESSAGE | case.changes, NOW))

    assert received.messages == (() if case.message is None else (case.message,))
    answer = received.answer(Reply(Action.ANSWER, "fraud", "96110"))
    assert (answer.status, answer.content_type, answer.body) == (200, "application/json", b"{}")


def test_name_is_one_line_and_short() -> None:
    (message,) = channel().parse_callback(callback(MESSAGE | {"senderNick": "长" * 999}, NOW)).messages

    assert len(message.sender.name) == 200


MALFORMED: list[Any] = [
    b"",
    b"{",
    b"null",
    b"[]",
    b'"text"',
    b"[" * 50_000,
    b'{"a":' * 50_000,
    b"\xff\xfe",
    as_bytes(MESSAGE).replace(VALID_TEXT.encode(), b"\\ud800"),
    as_bytes(MESSAGE).replace(b'"2"', b"1" * 400),
    {"msgId": MESSAGE["msgId"]},
    *(MESSAGE | {name: None} for name in ("msgId", "msgtype", "conversationType", "conversationId", "senderId")),
    MESSAGE | {"msgId": ""},
    MESSAGE | {"msgId": "x" * 201},
    MESSAGE | {"msgId": "a\x00b"},
    MESSAGE | {"msgId": 7},
    MESSAGE | {"conversationId": "c" * 201},
    MESSAGE | {"conversationType": "3"},
    MESSAGE | {"conversationType": True},
    MESSAGE | {"conversationType": 2.0},
    MESSAGE | {"senderStaffId": 7},
    MESSAGE | {"isInAtList": "true"},
    MESSAGE | {"text": "words"},
    MESSAGE | {"text": {"content": 7}},
    MESSAGE | {"text": {}},
    MESSAGE | content("picture", downloadCode=7),
    MESSAGE | content("picture", downloadCode="x" * 5000),
    MESSAGE | content("richText", richText={"text": "x"}),
    MESSAGE | {"msgtype": "picture", "content": [1]},
]


@pytest.mark.parametrize("document", MALFORMED, ids=lambda document: str(document)[:40])
def test_malformed(document: Any) -> None:
    request = callback(document, NOW)

    run_callback_case(channel(), NOW, CallbackCase("", request.body, dict(request.headers), "malformed", 400))


@pytest.mark.parametrize(
    ("age", "seconds", "fresh"),
    [
        (timedelta(seconds=3599), "3600", True),
        (timedelta(seconds=3600), "3600", False),
        (timedelta(seconds=-3599), "3600", True),
        (timedelta(seconds=-3600), "3600", False),
        (timedelta(seconds=60), "60", False),
    ],
)
def test_window(age: timedelta, seconds: str, fresh: bool) -> None:
    request = callback(MESSAGE, NOW, NOW - age)
    refusal = {} if fresh else {"code": "stale", "status": 401}

    run_callback_case(
        channel(callback_seconds=seconds),
        NOW,
        CallbackCase("", request.body, dict(request.headers), message=HEARD, **refusal),  # type: ignore[arg-type]
    )


GOOD = dict(callback(MESSAGE, NOW).headers)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"sign": GOOD["sign"]},
        {"timestamp": GOOD["timestamp"]},
        GOOD | {"sign": GOOD["sign"].replace("=", "%3D")},
        GOOD | {"sign": GOOD["sign"] + "="},
        GOOD | {"sign": "\ud800签"},
        GOOD | {"timestamp": str(int(GOOD["timestamp"]) + 1)},
        GOOD | {"timestamp": GOOD["timestamp"][:-3]},
        GOOD | {"timestamp": "\ud800" * 13},
        GOOD | {"timestamp": "１７９５４０６４００１２３"},
        GOOD | {"timestamp": "9" * 4000},
        dict(callback(MESSAGE, NOW, secret="another").headers),
    ],
)
def test_signature_that_is_not_right(headers: dict[str, str]) -> None:
    run_callback_case(channel(), NOW, CallbackCase("", as_bytes(MESSAGE), headers, "bad_signature", 401))


def test_vector_of_a_callback_s_signature() -> None:
    case = VECTOR["cases"][2]
    now = datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=int(case["timestamp_ms"]))
    headers = {"timestamp": case["timestamp_ms"], "sign": case["sign_base64"]}

    received = channel(app_secret=case["secret"]).parse_callback(
        CallbackRequest(headers, {}, as_bytes(MESSAGE), now + timedelta(minutes=59))
    )

    assert received.messages == (HEARD,)


def test_caught_signature_cannot_carry_other_words() -> None:
    """The signature does not cover the body: only what is just signed may share it with another message."""
    robot = channel()
    first = callback(MESSAGE, NOW)
    other = replace(first, body=as_bytes(MESSAGE | {"msgId": "another"}))
    third = as_bytes(MESSAGE | {"msgId": "a third"})

    assert robot.parse_callback(first).messages == (HEARD,)
    assert len(robot.parse_callback(replace(other, received_at=NOW + timedelta(seconds=2))).messages) == 1
    assert refusal_of(robot, replace(first, body=third, received_at=NOW + timedelta(seconds=2.1))) == ("replayed", 409)
    for again in (first, other):  # the platform repeats itself
        assert robot.parse_callback(replace(again, received_at=NOW + timedelta(minutes=50))).messages


@pytest.mark.parametrize(
    ("method", "secret", "code", "status"),
    [
        ("GET", APP_SECRET, "malformed", 405),
        ("PUT", APP_SECRET, "malformed", 405),
        ("POST", "", "not_configured", 404),
    ],
)
def test_request_that_is_not_looked_at(method: str, secret: str, code: str, status: int) -> None:
    assert refusal_of(channel(app_secret=secret), replace(callback(MESSAGE, NOW), method=method)) == (code, status)


def test_reply_hosts_are_a_setting() -> None:
    address = "https://ding.school.example/robot/sendBySession?session=1"
    request = callback(MESSAGE | PRIVATE | {"sessionWebhook": address}, NOW)

    (message,) = channel(reply_hosts="school.example").parse_callback(request).messages

    assert message.reply_url == address

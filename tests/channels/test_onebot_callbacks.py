"""What a OneBot client reports, and what it becomes."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.channel_cases import as_bytes, idle, refusal_of
from tests.conftest import ROOT
from tests.factories import NOW
from tests.platforms.onebot import GROUP_ID, SECRET, SELF_ID, USER_ID, event, posted
from warden_bot.channels.base import CallbackRequest, Reply
from warden_bot.channels.inbound import LONGEST_INBOUND
from warden_bot.channels.onebot.channel import OneBot
from warden_bot.domain.message import InboundMessage, Media, Sender
from warden_bot.states import Action, ChannelKind, SenderRole

SECONDS = int(NOW.timestamp())
PICTURE = "https://multimedia.nt.qq.com.cn/download?appid=1407&fileid=x&rkey=y"


def onebot(**values: str) -> OneBot:
    return idle(OneBot, **{"secret": SECRET, **values})


def segment(type_: str, **data: Any) -> dict[str, Any]:
    return {"type": type_, "data": data}


def heard(**changes: Any) -> InboundMessage:
    (message,) = onebot().parse_callback(posted(as_bytes(event(NOW, **changes)), NOW)).messages
    return message


def refused(request: CallbackRequest, **values: str) -> tuple[str, int]:
    return refusal_of(onebot(**values), request)


def test_message_in_a_group() -> None:
    assert heard() == InboundMessage(
        ChannelKind.ONEBOT,
        f"{SELF_ID}:{GROUP_ID}:12:{SECONDS}",
        None,
        Sender(f"user:{USER_ID}", "小明妈妈", SenderRole.PARENT),
        "反诈热线是多少",
        addressed=True,
        chat=str(GROUP_ID),
    )


def test_private_message_is_addressed_and_can_be_answered_at_its_sender() -> None:
    message = heard(message_type="private", sub_type="friend", group_id=None, message="我要举报", message_id=-12)

    assert (message.text, message.addressed, message.private) == ("我要举报", True, True)
    assert message.message_id == f"{SELF_ID}:{USER_ID}:-12:{SECONDS}"
    assert onebot().address_fault(message.sender.id) is None


def test_temporary_chat_out_of_a_group_is_private() -> None:
    assert heard(message_type="private", sub_type="group").private


AT_BOT, AT_OTHER = segment("at", qq=str(SELF_ID)), segment("at", qq="12345679")
TEXTS: list[tuple[str, Any, str, bool]] = [
    ("talk", [segment("text", text="今天下雨")], "今天下雨", False),
    ("mention in the middle", [segment("text", text="请问"), AT_BOT, segment("text", text="热线")], "请问热线", True),
    ("mention by a number", [segment("at", qq=SELF_ID), segment("text", text=" 热线")], "热线", True),
    ("mention of somebody else", [AT_OTHER, segment("text", text=" 你好")], "你好", False),
    ("mention of everybody", [segment("at", qq="all"), segment("text", text=" 开会")], "开会", False),
    ("mention of both", [AT_OTHER, AT_BOT, segment("text", text=" 帮帮忙")], "帮帮忙", True),
    ("mention alone", [AT_BOT], "", True),
    (
        "quoted, with a face and a card",
        [segment("reply", id="1"), segment("face", id="1"), segment("json", data="{}")],
        "",
        False,
    ),
    ("lines", [segment("text", text="一\n二\t三")], "一\n二\t三", False),
    ("control characters", [segment("text", text="一\x00\x07\u0085二")], "一二", False),
    ("CQ code that is text", [segment("text", text=f"[CQ:at,qq={SELF_ID}]")], f"[CQ:at,qq={SELF_ID}]", False),
    ("segment without data", [{"type": "shake"}, {"type": "dice", "data": None}], "", False),
    ("text that is none", [segment("text", text=None), segment("text", text=True), segment("text")], "", False),
    ("no segments", [], "", False),
    ("string", "今天下雨", "今天下雨", False),
    ("string with a mention", f"[CQ:at,qq={SELF_ID}] 反诈", "反诈", True),
    ("string with a named mention", f"热线[CQ:at,qq={SELF_ID},name=小&#91;警&#93;]?", "热线?", True),
    ("string with escapes", "a &amp; b &#91;c&#93; d&#44; e", "a & b [c] d, e", False),
    ("escaped twice", "&amp;#91;&amp;amp;", "&#91;&amp;", False),
    ("escaped mention is talk", f"&#91;CQ:at,qq={SELF_ID}&#93;", f"[CQ:at,qq={SELF_ID}]", False),
    ("mention within a value is none", f"[CQ:json,data=&#91;CQ:at&#44;qq={SELF_ID}&#93;]好", "好", False),
    ("half a code", "[CQ:at,qq=", "[CQ:at,qq=", False),
    ("many brackets", "[" * 30_000, "[" * LONGEST_INBOUND, False),
]


@pytest.mark.parametrize(("label", "message", "text", "addressed"), TEXTS, ids=[one[0] for one in TEXTS])
def test_text(label: str, message: Any, text: str, addressed: bool) -> None:
    found = heard(message=message)

    assert (found.text, found.addressed) == (text, addressed), label


MEDIA = [
    (segment("image", file="A1.jpg", url=PICTURE), Media("image", PICTURE)),
    (segment("image", file=PICTURE), Media("image", PICTURE)),
    (segment("record", file="A1.amr"), Media("voice", "A1.amr")),
    (segment("video", file="A1.mp4", url="https://example.org/A1.mp4"), Media("video", "A1.mp4")),
    (segment("file", file="合同.pdf", file_id="/x"), Media("file", "合同.pdf")),
    (segment("image", file="https://169.254.169.254/x"), Media("image", "")),
    (segment("image", file="file:///etc/passwd", url="http://gchat.qpic.cn/x"), Media("image", "")),
    (segment("image", file="base64://iVBOR"), Media("image", "")),
    (segment("image"), Media("image", "")),
    (segment("image", file=f"{'x' * 300}\x00"), Media("image", "x" * 200)),
]


@pytest.mark.parametrize(("said", "media"), MEDIA)
def test_file_becomes_media(said: dict[str, Any], media: Media) -> None:
    found = heard(message=[segment("text", text="看"), said])

    assert (found.media, found.text) == ((media,), "看")


def test_file_in_a_string_becomes_media_too() -> None:
    escaped = PICTURE.replace("&", "&amp;")

    assert heard(message=f"[CQ:image,file=A1.jpg,url={escaped}]").media == (Media("image", PICTURE),)


def test_own_client_is_a_known_place() -> None:
    client = onebot(api_base="http://127.0.0.1:3000")
    body = event(NOW, message=[segment("image", file="A1.jpg", url="http://127.0.0.1:3000/A1.jpg")])

    (message,) = client.parse_callback(posted(as_bytes(body), NOW)).messages

    assert message.media[0].place == "http://127.0.0.1:3000/A1.jpg"


@pytest.mark.parametrize(
    ("sender", "name"),
    [
        ({"nickname": "明", "card": ""}, "明"),
        ({"nickname": None, "card": "妈\x00妈"}, "妈妈"),
        ({"card": "长" * 300}, "长" * 200),
        ({}, ""),
        (None, ""),
    ],
)
def test_name_is_the_group_card_or_the_nickname(sender: dict[str, Any] | None, name: str) -> None:
    changes = {} if sender is None else {"sender": sender}
    body = {key: value for key, value in event(NOW).items() if key != "sender"} | changes

    (message,) = onebot().parse_callback(posted(as_bytes(body), NOW)).messages

    assert message.sender == Sender(f"user:{USER_ID}", name, SenderRole.PARENT)


def test_anonymous_members_are_heard_told_apart_and_never_written_to() -> None:
    one, other = (
        heard(sub_type="anonymous", user_id=80000000, anonymous={"id": number, "name": "小鹿", "flag": "f"})
        for number in (4, 5)
    )

    assert (one.text, one.sender.name, one.chat) == ("反诈热线是多少", "小鹿", str(GROUP_ID))
    assert one.sender.id != other.sender.id
    assert onebot().address_fault(one.sender.id) is not None


OTHERS: list[dict[str, Any]] = [
    {"post_type": "meta_event", "meta_event_type": "heartbeat", "status": {"online": True}, "interval": 5000},
    {"post_type": "meta_event", "meta_event_type": "lifecycle", "sub_type": "enable"},
    {"post_type": "notice", "notice_type": "group_increase", "group_id": GROUP_ID, "user_id": USER_ID},
    {"post_type": "notice", "notice_type": "group_recall", "group_id": GROUP_ID, "user_id": USER_ID},
    {"post_type": "request", "request_type": "friend", "user_id": USER_ID, "comment": "我", "flag": "f"},
    {"post_type": "something new", "message": {"a": [1]}},
]
SAID_BY_NOBODY: list[dict[str, Any]] = [
    {"user_id": SELF_ID},
    {"post_type": "message_sent"},
    {"sub_type": "notice", "message": "管理员已允许群内匿名聊天"},
    {"message_type": "guild", "guild_id": "1"},
]
EVENTS = [{"time": SECONDS, "self_id": SELF_ID, **one} for one in OTHERS]
EVENTS += [event(NOW, **one) for one in SAID_BY_NOBODY]


@pytest.mark.parametrize("body", EVENTS)
def test_event_that_holds_nobody_s_message(body: dict[str, Any]) -> None:
    received = onebot().parse_callback(posted(as_bytes(body), NOW))

    assert received.messages == ()
    assert (received.answer(None).status, received.answer(None).body) == (204, b"")


@pytest.mark.parametrize("reply", [None, Reply(Action.ANSWER, "a.b", "打110"), Reply(Action.SILENT, None, None)])
def test_answer_holds_no_quick_operation(reply: Reply | None) -> None:
    answer = onebot().parse_callback(posted(as_bytes(event(NOW)), NOW)).answer(reply)

    assert (answer.status, answer.body) == (204, b"")


VECTOR = json.loads((ROOT / "tests" / "vectors" / "onebot11.json").read_text(encoding="utf-8"))


def test_vector() -> None:
    body, at = VECTOR["body_utf8"].encode(), datetime(2026, 1, 1, tzinfo=UTC)
    headers = {"x-signature": VECTOR["x_signature"]}

    (message,) = onebot(secret=VECTOR["secret"]).parse_callback(CallbackRequest(headers, {}, body, at)).messages

    assert posted(body, at, VECTOR["secret"]).headers["x-signature"] == VECTOR["x_signature"]
    assert (message.text, message.addressed, message.chat) == ("反诈", True, "20002000")
    assert refused(CallbackRequest(headers, {}, body.replace(b"12", b"13", 1), at)) == ("bad_signature", 401)


GOOD = as_bytes(event(NOW))


def with_headers(**changes: str) -> CallbackRequest:
    return CallbackRequest({**posted(GOOD, NOW).headers, **changes}, {}, GOOD, NOW)


def dated(**late: float) -> CallbackRequest:
    return posted(as_bytes(event(NOW + timedelta(**late))), NOW)


def changed(**changes: Any) -> CallbackRequest:
    return posted(as_bytes(event(NOW, **changes)), NOW)


REFUSED = [
    ("signed with another secret", posted(GOOD, NOW, "another"), "bad_signature", 401),
    ("no signature", CallbackRequest({}, {}, GOOD, NOW), "bad_signature", 401),
    ("signature without its scheme", with_headers(**{"x-signature": "0" * 40}), "bad_signature", 401),
    ("signature is not ASCII", with_headers(**{"x-signature": "sha1=签\ud800"}), "bad_signature", 401),
    ("forged junk is not even read", posted(b"{", NOW, "another"), "bad_signature", 401),
    ("too old", dated(seconds=-3601), "stale", 401),
    ("from the future", dated(seconds=3601), "stale", 401),
    ("for another account", posted(GOOD, NOW, self_id="10001001"), "wrong_receiver", 403),
    ("for no account", posted(GOOD, NOW, self_id=""), "wrong_receiver", 403),
    ("no JSON", posted(b"{", NOW), "malformed", 400),
    ("no UTF-8", posted(b"\xff\xfe", NOW), "malformed", 400),
    ("a list", posted(b"[]", NOW), "malformed", 400),
    ("deeply nested", posted(b"[" * 60_000, NOW), "malformed", 400),
    ("deeply nested within", posted(GOOD.replace(b'"\xe2\x80\xa6"', b"[" * 5000 + b"]" * 5000), NOW), "malformed", 400),
    ("lone surrogate", posted(GOOD.replace("反诈".encode(), b"\\ud800"), NOW), "malformed", 400),
    ("time is a text", changed(time=str(SECONDS)), "malformed", 400),
    ("time is a fraction", changed(time=SECONDS + 0.5), "malformed", 400),
    ("time is huge", changed(time=10**30), "malformed", 400),
    ("time is negative", changed(time=-1), "malformed", 400),
    ("number that is a bool", changed(user_id=True), "malformed", 400),
    ("number beyond 64 bits", changed(group_id=2**63), "malformed", 400),
    ("no such number", changed(user_id=0), "malformed", 400),
    ("group without a number", changed(group_id=None), "malformed", 400),
    ("no message", changed(message=None), "malformed", 400),
    ("message is a number", changed(message=[1]), "malformed", 400),
    ("segment without a type", changed(message=[{"data": {}}]), "malformed", 400),
    ("data is a text", changed(message=[{"type": "text", "data": "x"}]), "malformed", 400),
    ("message_id is huge", changed(message_id=10**25), "malformed", 400),
    ("post_type is a list", changed(post_type=[]), "malformed", 400),
    ("another method", CallbackRequest(posted(GOOD, NOW).headers, {}, GOOD, NOW, "GET"), "malformed", 405),
]


@pytest.mark.parametrize(("label", "request_", "code", "status"), REFUSED, ids=[one[0] for one in REFUSED])
def test_refused(label: str, request_: CallbackRequest, code: str, status: int) -> None:
    assert refused(request_) == (code, status), label


def test_without_a_secret_nothing_is_received() -> None:
    assert refused(posted(GOOD, NOW, ""), secret="") == ("not_configured", 404)


def test_window_is_a_setting() -> None:
    assert refused(dated(seconds=-61), callback_seconds="60") == ("stale", 401)
    assert onebot(callback_seconds="60").parse_callback(dated(seconds=-60)).messages
    assert onebot().parse_callback(dated(seconds=-3600)).messages

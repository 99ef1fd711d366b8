from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.channel_cases import refusal_of
from tests.conftest import Clock
from tests.factories import NOW
from tests.platforms.wecom_app import AGENT, CORP, AppStage, make_request, text_xml
from tests.wecom_envelope import CASES, TOKEN, VECTORS, decrypt, sign
from warden_bot.channels.base import CallbackRequest, Reply, Surroundings
from warden_bot.channels.flat_xml import read_flat_xml
from warden_bot.channels.http import Http
from warden_bot.channels.inbound import LONGEST_INBOUND
from warden_bot.channels.passive import CUT
from warden_bot.channels.wecom_app.channel import WecomApp
from warden_bot.channels.xml_message import LONGEST_REPLY
from warden_bot.domain.message import InboundMessage, Media, Sender
from warden_bot.states import Action, ChannelKind, SenderRole

MEMBER = Sender("zhangsan", "", SenderRole.PARENT)
ANSWER = Reply(Action.ANSWER, "fraud.hotline-96110", "打96110 & 110 <现在>]]>")


@pytest.fixture
def app(clock: Clock) -> WecomApp:
    return WecomApp(AppStage().values(), Surroundings(Http(), clock))


def message_in(app: WecomApp, inner: bytes) -> InboundMessage:
    (message,) = app.parse_callback(make_request(inner, NOW)).messages
    return message


def test_text_is_a_private_message_of_the_member(app: WecomApp) -> None:
    assert message_in(app, text_xml()) == InboundMessage(
        ChannelKind.WECOM_APP, "7123456789012345678", None, MEMBER, "反诈热线是多少", addressed=True
    )


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("第一行\n第二行\t表", "第一行\n第二行\t表"),
        ("看\u0085不\x9f见", "看不见"),
        ("", ""),
        ("长" * (LONGEST_INBOUND + 1), "长" * LONGEST_INBOUND),
        ("&lt;xml&gt;", "&lt;xml&gt;"),
        ("家👨‍👩‍👧", "家👨‍👩‍👧"),
    ],
)
def test_text_keeps_what_can_be_seen(app: WecomApp, content: str, text: str) -> None:
    assert message_in(app, text_xml(Content=content)).text == text


@pytest.mark.parametrize("kind", ["image", "voice", "video", "file"])
def test_picture_or_file_is_media_by_its_id(app: WecomApp, kind: str) -> None:
    more = {"PicUrl": "https://evil.example/p.jpg", "Format": "amr", "ThumbMediaId": "thumb"}
    message = message_in(app, text_xml(MsgType=kind, Content="-", MediaId="media_id-1", **more))

    assert (message.text, message.media) == ("", (Media(kind, "media_id-1"),))


def test_place_and_link_become_words(app: WecomApp) -> None:
    place = {"Location_X": "31.76", "Location_Y": "115.93", "Scale": "16", "Label": "示例镇中学东门"}
    link = {"Title": "领补贴", "Description": "", "Url": "http://evil.example/a?b=1", "PicUrl": "x"}

    assert (
        message_in(app, text_xml(MsgType="location", Content="-", **place)).text
        == "位置：示例镇中学东门（31.76，115.93）"
    )
    assert message_in(app, text_xml(MsgType="link", Content="-", **link)).text == "领补贴\nhttp://evil.example/a?b=1"


@pytest.mark.parametrize(
    ("event", "key", "message_id"),
    [
        ("enter_agent", "-", "zhangsan:1767225600:enter_agent:"),
        ("subscribe", "", "zhangsan:1767225600:subscribe:"),
        ("subscribe", "door\n1", "zhangsan:1767225600:subscribe:door1"),
        ("subscribe", "k" * 999, "zhangsan:1767225600:subscribe:" + "k" * 170),
    ],
)
def test_first_contact_asks_for_the_menu(app: WecomApp, event: str, key: str, message_id: str) -> None:
    message = message_in(app, text_xml(MsgType="event", Event=event, EventKey=key, Content="-", MsgId="-"))

    assert (message.text, message.message_id, message.sender) == ("菜单", message_id, MEMBER)


@pytest.mark.parametrize(
    "changes",
    [
        {"MsgType": "event", "Event": "unsubscribe"},
        {"MsgType": "event", "Event": "LOCATION"},
        {"MsgType": "event", "Event": "click", "EventKey": "menu-1"},
        {"MsgType": "event", "Event": "batch_job_result", "FromUserName": "sys", "AgentID": "-"},
        {"MsgType": "event"},
        {"MsgType": "something of next year"},
        {"MsgType": "-"},
    ],
)
def test_what_is_none_of_our_business_is_answered_with_nothing(app: WecomApp, changes: dict[str, str]) -> None:
    received = app.parse_callback(make_request(text_xml(**changes), NOW))

    assert received.messages == ()
    assert (received.answer(None).status, received.answer(None).body) == (200, b"")


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"ToUserName": "wwOTHER"}, ("wrong_receiver", 403)),
        ({"ToUserName": "-"}, ("wrong_receiver", 403)),
        ({"AgentID": "1000003"}, ("wrong_receiver", 403)),
        ({"AgentID": "-"}, ("malformed", 400)),
        ({"FromUserName": "@all"}, ("malformed", 400)),
        ({"FromUserName": "a|b"}, ("malformed", 400)),
        ({"FromUserName": "-"}, ("malformed", 400)),
        ({"MsgId": "-"}, ("malformed", 400)),
        ({"MsgId": "7" * 21}, ("malformed", 400)),
        ({"MsgId": "seven"}, ("malformed", 400)),
        ({"MsgType": "image"}, ("malformed", 400)),
        ({"MsgType": "image", "MediaId": "../ x"}, ("malformed", 400)),
        ({"MsgType": "event", "Event": "subscribe", "CreateTime": "now"}, ("malformed", 400)),
    ],
)
def test_signed_but_not_for_us_or_malformed(app: WecomApp, changes: dict[str, str], refusal: tuple[str, int]) -> None:
    assert refusal_of(app, make_request(text_xml(**changes), NOW)) == refusal


@pytest.mark.parametrize("inner", [b"", b"{}", b"\xff", b"<xml>", text_xml() + b"x", b"<!DOCTYPE x><xml/>"])
def test_signed_but_no_message_inside(app: WecomApp, inner: bytes) -> None:
    assert refusal_of(app, make_request(inner, NOW)) == ("malformed", 400)


def test_envelope_of_another_company_or_signed_by_another(app: WecomApp) -> None:
    assert refusal_of(app, make_request(text_xml(), NOW, receiver="wwOTHER")) == ("wrong_receiver", 403)
    assert refusal_of(app, make_request(text_xml(), NOW, receiver="")) == ("wrong_receiver", 403)
    assert refusal_of(app, make_request(text_xml(), NOW, token="another")) == ("bad_signature", 401)


@pytest.mark.parametrize("name", ["msg_signature", "timestamp", "nonce"])
@pytest.mark.parametrize("value", ["", "0", "１７９５４０６４００", "-1", "\ud800", "x" * 9999])
def test_query_that_was_changed(app: WecomApp, name: str, value: str) -> None:
    request = make_request(text_xml(), NOW)

    assert refusal_of(app, replace(request, query={**request.query, name: value}))[1] == 401


@pytest.mark.parametrize(("age", "outcome"), [(0, 200), (299, 200), (-299, 200), (300, 401), (-300, 401)])
def test_callback_is_believed_for_five_minutes(app: WecomApp, age: float, outcome: int) -> None:
    request = replace(make_request(text_xml(), NOW - timedelta(seconds=age)), received_at=NOW)

    if outcome == 200:
        assert len(app.parse_callback(request).messages) == 1
    else:
        assert refusal_of(app, request) == ("stale", outcome)


def test_window_is_a_setting(clock: Clock) -> None:
    app = WecomApp({**AppStage().values(), "callback_seconds": "60"}, Surroundings(Http(), clock))
    request = replace(make_request(text_xml(), NOW - timedelta(seconds=61)), received_at=NOW)

    assert refusal_of(app, request) == ("stale", 401)


@pytest.mark.parametrize("missing", ["token", "aes_key", "corp_id", "agent_id"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_nothing_is_received_while_a_setting_is_missing(clock: Clock, missing: str, method: str) -> None:
    app = WecomApp({**AppStage().values(), missing: ""}, Surroundings(Http(), clock))

    assert refusal_of(app, make_request(b"1", NOW, method=method)) == ("not_configured", 404)


@pytest.mark.parametrize("method", ["HEAD", "PUT", "DELETE", "OPTIONS"])
def test_other_methods_are_refused(app: WecomApp, method: str) -> None:
    assert refusal_of(app, replace(make_request(text_xml(), NOW), method=method)) == ("malformed", 405)


def test_reply_goes_back_in_the_answer(app: WecomApp) -> None:
    received = app.parse_callback(make_request(text_xml(), NOW))

    answer = received.answer(ANSWER)

    assert (answer.status, answer.content_type) == (200, "application/xml")
    outer = read_flat_xml(answer.body)
    assert list(outer) == ["Encrypt", "MsgSignature", "TimeStamp", "Nonce"]
    assert outer["MsgSignature"] == sign(TOKEN, outer["TimeStamp"], outer["Nonce"], outer["Encrypt"])
    inner, receiver = decrypt(outer["Encrypt"])
    assert receiver == CORP
    assert read_flat_xml(inner) == {
        "ToUserName": "zhangsan",
        "FromUserName": CORP,
        "CreateTime": str(int(NOW.timestamp())),
        "MsgType": "text",
        "Content": ANSWER.text,
    }


def test_answer_has_the_documented_shape(app: WecomApp) -> None:
    body = app.parse_callback(make_request(text_xml(), NOW)).answer(ANSWER).body.decode()

    outer = read_flat_xml(body.encode())
    assert body == (
        f"<xml><Encrypt><![CDATA[{outer['Encrypt']}]]></Encrypt>"
        f"<MsgSignature><![CDATA[{outer['MsgSignature']}]]></MsgSignature>"
        f"<TimeStamp>{int(NOW.timestamp())}</TimeStamp><Nonce><![CDATA[{outer['Nonce']}]]></Nonce></xml>"
    )


def test_no_two_answers_are_encrypted_alike(app: WecomApp) -> None:
    received = app.parse_callback(make_request(text_xml(), NOW))

    assert received.answer(ANSWER).body != received.answer(ANSWER).body


@pytest.mark.parametrize("reply", [None, Reply(Action.SILENT, None, None), Reply(Action.ANSWER, "a", "")])
def test_silence_is_an_empty_answer(app: WecomApp, reply: Reply | None) -> None:
    answer = app.parse_callback(make_request(text_xml(), NOW)).answer(reply)

    assert (answer.status, answer.body) == (200, b"")


def said(app: WecomApp, text: str) -> str:
    body = app.parse_callback(make_request(text_xml(), NOW)).answer(Reply(Action.ANSWER, "a", text)).body
    return read_flat_xml(decrypt(read_flat_xml(body)["Encrypt"])[0])["Content"]


def test_reply_at_the_limit_goes_whole_and_a_longer_one_says_that_it_is_cut(app: WecomApp) -> None:
    longest = "防" * 682 + "ab"

    assert said(app, longest) == longest
    assert said(app, longest + "\n \n") == longest
    for longer in (longest + "c", "第一句。" * 900, "行\n" * 9000):
        cut = said(app, longer)
        assert len(cut.encode()) <= LONGEST_REPLY
        assert cut.endswith(CUT)
        assert longer.startswith(cut.removesuffix(CUT))
        assert len(cut.encode()) > LONGEST_REPLY - 150


def vector_request(one: dict[str, Any], body: bytes = b"", **query: str) -> CallbackRequest:
    """Return what the platform sent at the vector's time."""
    stamp = one["timestamp"]
    signed = {"msg_signature": one["msg_signature"], "timestamp": stamp, "nonce": one["nonce"]}
    at = datetime.fromtimestamp(int(stamp), NOW.tzinfo)
    return CallbackRequest({}, signed | query, body, at, "POST" if body else "GET")


def app_of(sample: dict[str, Any], agent: str, clock: Clock) -> WecomApp:
    names = {"corp_id": "receiveid", "token": "token", "aes_key": "encoding_aes_key"}
    values = {ours: sample[theirs] for ours, theirs in names.items()}
    return WecomApp({**values, "agent_id": agent}, Surroundings(Http(), clock))


def test_vector_of_the_address_check(clock: Clock) -> None:
    for sample, one, echo in (
        (CASES[0], CASES[0], "encrypt"),
        (VECTORS["tencent_demo_sample"], VECTORS["tencent_demo_sample"]["verify"], "echostr"),
    ):
        received = app_of(sample, "1", clock).parse_callback(vector_request(one, echostr=one[echo]))

        answer = received.answer(None)
        assert answer.body.decode() == one.get("message", one.get("decrypted"))
        assert answer.content_type == "text/plain"


def test_address_check_survives_a_lost_plus(app: WecomApp) -> None:
    requests = [make_request(str(number).encode(), NOW, method="GET") for number in range(20)]
    lost = [replace(one, query={**one.query, "echostr": one.query["echostr"].replace("+", " ")}) for one in requests]

    assert [app.parse_callback(one).answer(None).body for one in lost] == [str(n).encode() for n in range(20)]
    assert any(" " in one.query["echostr"] for one in lost)


def test_address_check_never_opens_a_member_s_message(app: WecomApp) -> None:
    assert refusal_of(app, make_request(text_xml(), NOW, method="GET")) == ("malformed", 400)


def test_vectors_of_text_messages(clock: Clock) -> None:
    of_npm = next(case for case in CASES if case["name"] == "app_text_xml")
    of_tencent = VECTORS["tencent_demo_sample"]
    texts = []
    for sample, one, agent in ((of_npm, of_npm, str(AGENT)), (of_tencent, of_tencent["message"], "218")):
        body = f"<xml><ToUserName>x</ToUserName><AgentID>9</AgentID><Encrypt>{one['encrypt']}</Encrypt></xml>"
        (message,) = app_of(sample, agent, clock).parse_callback(vector_request(one, body.encode())).messages
        texts.append((message.message_id, message.sender.id, message.text))

    assert texts == [
        ("7123456789012345678", "zhangsan", "反诈 举报电话？"),
        ("4561255354251345929", "mycreate", "hello"),
    ]

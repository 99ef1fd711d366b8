"""The AI bot on its URL: what it takes in, what it answers, what it refuses."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.channel_cases import as_bytes, refusal_of
from tests.conftest import ROOT, Clock
from tests.factories import NOW
from tests.platforms.wecom_aibot import AES_KEY, TOKEN, make_message, make_request, seal, unseal
from tests.platforms.wecom_aibot_socket import BOT_NAME, CHAT, PERSON
from tests.wecom_envelope import sign
from warden_bot.channels.base import CallbackRequest, Reply, Surroundings
from warden_bot.channels.envelope import Envelope
from warden_bot.channels.http import Http
from warden_bot.channels.passive import CUT
from warden_bot.channels.wecom_aibot.channel import ASK_AGAIN, WecomAibot
from warden_bot.domain.message import InboundMessage, Media, Sender
from warden_bot.states import Action, ChannelKind, SenderRole

KIND = ChannelKind.WECOM_AIBOT
URL_MODE = {"token": TOKEN, "aes_key": AES_KEY, "bot_name": BOT_NAME}
CRYPTO = json.loads((ROOT / "tests/vectors/wecom_crypto.json").read_text(encoding="utf-8"))
SIGNED_AT = datetime.fromtimestamp(1767225600, UTC)
NONCE = "1372623149"
PICTURE = "https://ww-aibot-img-1.cos.ap-guangzhou.myqcloud.com/BHoPdA3?sign=a%3Db"
REPLY_URL = "https://qyapi.weixin.qq.com/cgi-bin/aibot/response?response_code=RC1"


@pytest.fixture
def aibot(http: Http, clock: Clock) -> WecomAibot:
    return WecomAibot(URL_MODE, Surroundings(http, clock))


def said(aibot: WecomAibot, **changes: Any) -> InboundMessage:
    (message,) = aibot.parse_callback(make_request(make_message(**changes), NOW)).messages
    return message


def answer_to(aibot: WecomAibot, text: str | None, /, **changes: Any) -> bytes:
    received = aibot.parse_callback(make_request(make_message(**changes), NOW))
    reply = Reply(Action.ANSWER, "t", text) if received.messages else None
    answer = received.answer(reply)
    assert answer.status == 200
    return answer.body


def case(name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(one for one in CRYPTO["cases"] if one["name"] == name)
    return found


def vector_request(name: str, method: str) -> CallbackRequest:
    one = case(name)
    query = {name: one[name] for name in ("msg_signature", "timestamp", "nonce")}
    if method == "GET":
        return CallbackRequest({}, query | {"echostr": one["encrypt"]}, b"", SIGNED_AT, "GET")
    return CallbackRequest({}, query, as_bytes({"encrypt": one["encrypt"]}), SIGNED_AT)


def test_url_check_of_the_vectors_is_answered_with_the_bare_text(aibot: WecomAibot) -> None:
    received = aibot.parse_callback(vector_request("url_verify_aibot_echostr_empty_receiveid", "GET"))

    assert received.messages == ()
    assert received.answer(None).body == b"1616140317555161061"


def test_message_of_the_vectors(aibot: WecomAibot) -> None:
    received = aibot.parse_callback(vector_request("aibot_text_json", "POST"))

    assert received.messages == (
        InboundMessage(
            ChannelKind.WECOM_AIBOT,
            "CAIQ16HMjQYY/NGagIOAgAMgq4KM0AI=",
            None,
            Sender("USERID", "", SenderRole.PARENT),
            "接到“公检法”电话怎么办😟",
            addressed=True,
            chat="CHATID",
        ),
    )


@pytest.mark.parametrize("one", [one for one in CRYPTO["cases"] if not one["receiveid"]], ids=lambda one: one["name"])
def test_vector_is_opened_and_closed(one: dict[str, Any]) -> None:
    envelope = Envelope(one["token"], one["encoding_aes_key"], "")

    closed = envelope.close(one["message"].encode(), one["timestamp"], one["nonce"], one["random16_utf8"].encode())

    assert closed == (one["encrypt"], one["msg_signature"])
    opened = envelope.open(one["msg_signature"], one["timestamp"], one["nonce"], one["encrypt"])
    assert opened.decode() == one["message"]


def test_answer_has_the_shape_of_the_vectors_and_the_same_stream_on_a_repeat(aibot: WecomAibot) -> None:
    text = "**不轻信、不转账**，请拨打 96110 或 110。"
    expected = json.loads(case("aibot_stream_reply_json")["message"])

    first, second = (unseal(answer_to(aibot, text), NONCE) for _ in range(2))
    other = unseal(answer_to(aibot, text, msgid="M2"), NONCE)

    assert first == second == {**expected, "stream": {**expected["stream"], "id": first["stream"]["id"]}}
    assert other["stream"]["id"] != first["stream"]["id"]


def test_answer_carries_our_time(aibot: WecomAibot, clock: Clock) -> None:
    received = aibot.parse_callback(make_request(make_message(), NOW))
    clock.forward(seconds=2)

    answer = json.loads(received.answer(Reply(Action.ANSWER, "t", "好")).body)

    assert answer["timestamp"] == int(NOW.timestamp()) + 2


def test_long_answer_is_cut_to_the_limit(aibot: WecomAibot) -> None:
    content = unseal(answer_to(aibot, "防" * 7000), NONCE)["stream"]["content"]

    assert 20_000 < len(content.encode()) <= 20_480


@pytest.mark.parametrize("text", [None, "", " \n"])
def test_silence_is_an_empty_answer(aibot: WecomAibot, text: str | None) -> None:
    assert answer_to(aibot, text) == b""


PRIVATE = {"chatid": None, "chattype": "single"}
PARTS = [
    {"msgtype": "text", "text": {"content": f"@{BOT_NAME} 这是骗子吗"}},
    {"msgtype": "image", "image": {"url": PICTURE}},
    {"msgtype": "text", "text": {"content": "他让我转账"}},
]
TEXTS = [
    ("text", {"text": {"content": f"@{BOT_NAME}\u2005反诈 "}}, "反诈"),
    ("mention at the end", {"text": {"content": f"反诈热线 @{BOT_NAME}"}}, "反诈热线"),
    ("mention only", {"text": {"content": f"@{BOT_NAME}"}}, ""),
    ("renamed bot", {"text": {"content": "@小安 反诈"}}, "反诈"),
    ("no mention", {"text": {"content": "96110@是什么"}}, "96110@是什么"),
    ("private: what begins with @ stays", {**PRIVATE, "text": {"content": "@班主任 是骗子吗"}}, "@班主任 是骗子吗"),
    ("control characters", {"text": {"content": "a\x00b\x1b\tc\r\nd\x85"}}, "ab\tc\nd"),
    ("mixed", {"msgtype": "mixed", "text": None, "mixed": {"msg_item": PARTS}}, "这是骗子吗\n他让我转账"),
    ("voice", {**PRIVATE, "msgtype": "voice", "text": None, "voice": {"content": "有人要我转账"}}, "有人要我转账"),
    (
        "a quote is not the question",
        {"quote": {"msgtype": "text", "text": {"content": "转账给我"}}, "text": {"content": "@x 真的吗"}},
        "真的吗",
    ),
    ("kind that is new", {"msgtype": "hologram", "text": None, "hologram": {"a": 1}}, ""),
]


@pytest.mark.parametrize(("changes", "text"), [row[1:] for row in TEXTS], ids=[row[0] for row in TEXTS])
def test_text(aibot: WecomAibot, changes: dict[str, Any], text: str) -> None:
    assert said(aibot, **changes).text == text


def test_without_a_name_the_mention_ends_at_the_first_blank(http: Http, clock: Clock) -> None:
    aibot = WecomAibot(URL_MODE | {"bot_name": ""}, Surroundings(http, clock))

    assert said(aibot, text={"content": "@安全 助手 反诈"}).text == "助手 反诈"


def test_private_message_has_a_way_back_and_a_group_s_has_none(aibot: WecomAibot) -> None:
    private, public = said(aibot, **PRIVATE), said(aibot)

    assert (private.private, private.chat, private.sender.id, private.reply_url) == (True, "", PERSON, REPLY_URL)
    assert (public.private, public.chat, public.reply_url) == (False, CHAT, "")


def test_reply_address_elsewhere_is_not_kept(aibot: WecomAibot) -> None:
    assert said(aibot, **PRIVATE, response_url="https://qyapi.weixin.qq.com.evil.example/x").reply_url == ""


@pytest.mark.parametrize("kind", ["image", "video", "file"])
def test_file_is_media(aibot: WecomAibot, kind: str) -> None:
    message = said(aibot, **PRIVATE, msgtype=kind, text=None, **{kind: {"url": PICTURE}})

    assert (message.text, message.media) == ("", (Media(kind, PICTURE),))


def test_picture_in_a_mixed_message_is_media(aibot: WecomAibot) -> None:
    message = said(aibot, msgtype="mixed", text=None, mixed={"msg_item": PARTS})

    assert message.media == (Media("image", PICTURE),)


def event(name: str, **more: Any) -> dict[str, Any]:
    return {**PRIVATE, "msgtype": "event", "text": None, "event": {"eventtype": name, **more}}


def test_whoever_enters_gets_the_menu_as_plain_text(aibot: WecomAibot) -> None:
    assert said(aibot, **event("enter_chat")).text == "菜单"
    answer = unseal(answer_to(aibot, "可以问：防骗", **event("enter_chat")), NONCE)
    assert answer == {"msgtype": "text", "text": {"content": "可以问：防骗"}}


@pytest.mark.parametrize(
    "changes",
    [
        event("template_card_event", template_card_event={"card_type": "button_interaction", "event_key": "k"}),
        event("template_card_event", event_key="k", task_id="t"),
        event("feedback_event", feedback_event={"id": "fb-1", "type": 2}),
        event("something_new"),
        event("something_new") | {"from": None, "msgid": None, "chattype": None},
    ],
)
def test_event_that_is_none_of_our_business_is_answered_with_nothing(
    aibot: WecomAibot, changes: dict[str, Any]
) -> None:
    received = aibot.parse_callback(make_request(make_message(**changes), NOW))

    assert received.messages == ()
    assert received.answer(None).body == b""


def test_stream_that_is_asked_for_is_ended(aibot: WecomAibot) -> None:
    answer = unseal(answer_to(aibot, None, msgtype="stream", text=None, stream={"id": "job-8f1c"}), NONCE)

    assert answer == {"msgtype": "stream", "stream": {"id": "job-8f1c", "finish": True, "content": ASK_AGAIN}}


def test_message_that_somebody_caught_is_not_opened_for_them(aibot: WecomAibot) -> None:
    caught = make_request(make_message(), NOW)
    query = {**caught.query, "echostr": json.loads(caught.body)["encrypt"]}

    assert refusal_of(aibot, replace(caught, method="GET", query=query, body=b"")) == ("malformed", 400)


def test_answer_that_is_too_long_says_so(aibot: WecomAibot) -> None:
    said = unseal(answer_to(aibot, "这是一句话。" * 2000), NONCE)["stream"]["content"]

    assert said.endswith("这是一句话。" + CUT)
    assert len(said.encode()) <= 20_480


def refusals() -> dict[str, tuple[CallbackRequest, str, int]]:
    good = make_request(make_message(), NOW)
    stamp = str(int(NOW.timestamp()))

    def signed(encrypted: str, timestamp: str = stamp) -> CallbackRequest:
        query = {"msg_signature": sign(TOKEN, timestamp, NONCE, encrypted), "timestamp": timestamp, "nonce": NONCE}
        return CallbackRequest({}, query, as_bytes({"encrypt": encrypted}), NOW)

    return {
        "forged": (replace(good, query={**good.query, "msg_signature": "0" * 40}), "bad_signature", 401),
        "unsigned": (replace(good, query={}), "bad_signature", 401),
        "another body": (replace(good, body=as_bytes({"encrypt": seal(b"{}")})), "bad_signature", 401),
        "strange nonce": (replace(good, query={**good.query, "nonce": "签\ud800"}), "bad_signature", 401),
        "signed with another token": (make_request(make_message(), NOW, token="another"), "bad_signature", 401),
        "an hour old": (make_request(make_message(), NOW, signed_at=NOW - timedelta(hours=1)), "stale", 401),
        "an hour early": (make_request(make_message(), NOW, signed_at=NOW + timedelta(hours=1)), "stale", 401),
        "no time": (signed(seal(b"{}"), "soon"), "stale", 401),
        "somebody else's": (signed(seal(b"{}", "wwa1b2c3d4e5f60708")), "wrong_receiver", 403),
        "too long inside": (signed(CRYPTO["negative"][2]["encrypt"]), "malformed", 400),
        "no base64": (signed("not base64!"), "malformed", 400),
        "not JSON": (replace(good, body=b"<xml/>"), "malformed", 400),
        "no object": (replace(good, body=b"[]"), "malformed", 400),
        "deep": (replace(good, body=b"[" * 100_000), "malformed", 400),
        "number for a text": (replace(good, body=b'{"encrypt": 1}'), "malformed", 400),
        "deleted": (replace(good, method="DELETE"), "malformed", 405),
        **{
            f"inside: {inside[:30]!r}": (signed(seal(inside)), "malformed", 400)
            for inside in (b"", b"<xml/>", b"[" * 60_000, b"null", b'{"msgtype": 1}', b'{"msgtype": "\\ud800"}')
        },
        "no sender": (make_request(make_message(**{"from": None}), NOW), "malformed", 400),
        "no id": (make_request(make_message(msgid=""), NOW), "malformed", 400),
        "id that is too long": (make_request(make_message(msgid="x" * 201), NOW), "malformed", 400),
        "a group without its id": (make_request(make_message(chatid=None), NOW), "malformed", 400),
        "neither group nor single": (make_request(make_message(chattype="both"), NOW), "malformed", 400),
        "text is no text": (make_request(make_message(text={"content": ["x"]}), NOW), "malformed", 400),
    }


@pytest.mark.parametrize(("request_", "code", "status"), list(refusals().values()), ids=list(refusals()))
def test_refusal(aibot: WecomAibot, request_: CallbackRequest, code: str, status: int) -> None:
    assert refusal_of(aibot, request_) == (code, status)


@pytest.mark.parametrize("values", [{}, {"token": TOKEN}, {"aes_key": AES_KEY}])
def test_without_both_secrets_nothing_is_received(http: Http, clock: Clock, values: dict[str, str]) -> None:
    aibot = WecomAibot(values, Surroundings(http, clock))

    assert refusal_of(aibot, make_request(make_message(), NOW)) == ("not_configured", 404)
    assert aibot.lacks() == [name for name in ("TOKEN", "AES_KEY") if name.lower() not in values]

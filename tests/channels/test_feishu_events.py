"""What comes in from Feishu: proofs, handshakes and events. What messages become: test_feishu_messages."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.channel_cases import CallbackCase, as_bytes, idle, refusal_of, run_callback_case
from tests.conftest import ROOT
from tests.factories import NOW
from tests.platforms.feishu import (
    APP_ID,
    BOT,
    CHALLENGE,
    CHAT,
    ENCRYPT_KEY,
    PERSON,
    QUESTION,
    VERIFICATION_TOKEN,
    event,
    sealed,
    sign_event,
    signed,
)
from warden_bot.channels.base import CallbackRequest, Received
from warden_bot.channels.feishu.channel import Feishu
from warden_bot.domain.message import InboundMessage, Sender
from warden_bot.states import ChannelKind, SenderRole

VECTORS = json.loads((ROOT / "tests" / "vectors" / "feishu.json").read_text(encoding="utf-8"))
SEALED = {"encrypt_key": ENCRYPT_KEY, "verification_token": VERIFICATION_TOKEN, "app_id": APP_ID, "bot_open_id": BOT}
PLAIN = {"verification_token": VERIFICATION_TOKEN}
HANDSHAKE = {"challenge": CHALLENGE, "token": VERIFICATION_TOKEN, "type": "url_verification"}
OLD_EVENT = {
    "uuid": "u1",
    "token": VERIFICATION_TOKEN,
    "ts": "1",
    "type": "event_callback",
    "event": {"type": "message"},
}


def post(document: object, now: datetime = NOW) -> CallbackRequest:
    """Return a request as it comes with an encrypt key."""
    body = sealed(document)
    return CallbackRequest(signed(body, now), {}, body, now)


def answer_of(received: Received) -> Any:
    answer = received.answer(None)
    assert (answer.status, answer.content_type) == (200, "application/json")
    return json.loads(answer.body)


def test_event_of_the_official_sdk() -> None:
    vector = VECTORS["event_decrypt"]
    feishu = idle(Feishu, **SEALED)
    headers = {name.lower(): value for name, value in vector["headers"].items()}
    request = CallbackRequest(headers, {}, vector["http_body"].encode(), datetime.fromtimestamp(1767225600, UTC))

    received = feishu.parse_callback(request)

    theirs = vector["event_plaintext"]["event"]
    (found,) = received.messages
    assert (found.message_id, found.chat) == (theirs["message"]["message_id"], theirs["message"]["chat_id"])
    assert (found.sender.id, found.text, found.addressed) == (theirs["sender"]["sender_id"]["open_id"], "反诈", True)
    assert answer_of(received) == {}
    assert signed(request.body, request.received_at) == headers
    spoiled = replace(request, headers=headers | {"x-lark-signature": "0" * 64})
    assert refusal_of(feishu, spoiled) == ("bad_signature", 401)


def test_handshakes_of_the_official_sdk() -> None:
    vector = VECTORS["url_verification"]
    encrypted = CallbackRequest({}, {}, vector["encrypted_body"].encode(), NOW)
    plain = CallbackRequest({}, {}, vector["plain_body"].encode(), NOW)

    assert answer_of(idle(Feishu, **SEALED).parse_callback(encrypted)) == json.loads(vector["answer"])
    assert answer_of(idle(Feishu, **PLAIN).parse_callback(plain)) == json.loads(vector["answer"])


def test_sample_of_the_documents_is_opened() -> None:
    sample = VECTORS["event_decrypt"]["doc_sample"]
    feishu = idle(Feishu, encrypt_key=sample["encrypt_key"])

    assert feishu._events._open(as_bytes({"encrypt": sample["encrypt"]})) == sample["plaintext"].encode()


def test_handshake_that_is_signed_is_answered_too() -> None:
    assert answer_of(idle(Feishu, **SEALED).parse_callback(post(HANDSHAKE))) == {"challenge": CHALLENGE}


UNSIGNED = {
    "plain handshake": as_bytes(HANDSHAKE),
    "sealed with another key": sealed(HANDSHAKE, "another"),
    "another token": sealed(HANDSHAKE | {"token": "guessed"}),
    "no token": sealed({"challenge": CHALLENGE, "type": "url_verification"}),
    "an event": sealed(event(QUESTION)),
    "an event that calls itself a handshake": sealed(event(QUESTION) | HANDSHAKE),
    "no base64": as_bytes({"encrypt": "!"}),
    "no whole block": as_bytes({"encrypt": "AAAA"}),
    "no body": b"",
    "long": sealed(HANDSHAKE | {"challenge": "x" * 5000}),
}


@pytest.mark.parametrize("body", UNSIGNED.values(), ids=UNSIGNED.keys())
def test_whatever_is_wrong_with_an_unsigned_handshake_the_refusal_is_the_same(body: bytes) -> None:
    assert refusal_of(idle(Feishu, **SEALED), CallbackRequest({}, {}, body, NOW)) == ("bad_signature", 401)


REFUSED = [
    CallbackCase("plain though there is a key", as_bytes(event(QUESTION)), code="malformed", status=400),
    CallbackCase("no base64", as_bytes({"encrypt": "签"}), code="malformed", status=400),
    CallbackCase("nothing inside", as_bytes({"encrypt": ""}), code="malformed", status=400),
    CallbackCase("wrong key", sealed(event(QUESTION), "another"), code="malformed", status=400),
    CallbackCase("no JSON inside", sealed("text"), code="malformed", status=400),
    CallbackCase("wrong token", sealed(event(QUESTION, token="guessed")), code="bad_signature", status=401),
    CallbackCase("another app", sealed(event(QUESTION, app_id="cli_other")), code="wrong_receiver", status=403),
    CallbackCase("no app", sealed(event(QUESTION, app_id="")), code="wrong_receiver", status=403),
    CallbackCase("no message", sealed(event({}) | {"event": {}}), code="malformed", status=400),
    CallbackCase("id with a slash", sealed(event({"message_id": "om_1/.."})), code="malformed", status=400),
    CallbackCase("a sign under nothing", sealed(sign_event("")), code="malformed", status=400),
    CallbackCase("a sign without an event id", sealed(sign_event(event_id="")), code="malformed", status=400),
    CallbackCase("long id", sealed(event({"message_id": "o" * 201})), code="malformed", status=400),
    CallbackCase("id is a number", sealed(event({"message_id": 1})), code="malformed", status=400),
    CallbackCase("content is an object", sealed(event({"content": {"text": "x"}})), code="malformed", status=400),
    CallbackCase("content is no JSON", sealed(event({"content": "x"})), code="malformed", status=400),
    CallbackCase("deep content", sealed(event({"content": "[" * 9999})), code="malformed", status=400),
    CallbackCase("lone surrogate", sealed(event({"content": '{"text": "\\ud800"}'})), code="malformed", status=400),
    CallbackCase("key upwards", sealed(event({"message_type": "file", "content": '{"file_key": ".."}'})), code="malformed", status=400),
]  # fmt: skip


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.label)
def test_signed_and_wrong(case: CallbackCase) -> None:
    run_callback_case(idle(Feishu, **SEALED), NOW, replace(case, headers=signed(case.body, NOW)))


def test_nobody_can_be_answered_without_an_open_id() -> None:
    for ids in (None, {}, {"open_id": None}, {"open_id": "oc_1"}, {"open_id": "ou_1/x"}):
        document = event(QUESTION)
        document["event"]["sender"]["sender_id"] = ids

        assert refusal_of(idle(Feishu, **SEALED), post(document)) == ("malformed", 400)


def test_age_of_a_signature_is_a_setting() -> None:
    old = post(event(QUESTION), NOW - timedelta(hours=6))
    late = replace(old, received_at=NOW)

    assert refusal_of(idle(Feishu, **SEALED), late) == ("stale", 401)
    assert idle(Feishu, **SEALED, callback_seconds="30000").parse_callback(late).messages


def test_without_a_key_the_token_is_the_only_proof() -> None:
    feishu = idle(Feishu, **PLAIN)
    request = CallbackRequest({}, {}, as_bytes(event(QUESTION)), NOW)

    assert len(feishu.parse_callback(request).messages) == 1
    for document in (event(QUESTION, token="guessed"), event(QUESTION, token=""), HANDSHAKE | {"token": "签"}, {}):
        assert refusal_of(feishu, replace(request, body=as_bytes(document))) == ("bad_signature", 401)
    assert refusal_of(feishu, replace(request, body=sealed(event(QUESTION)))) == ("bad_signature", 401)


def test_with_a_key_the_token_may_be_left_out() -> None:
    assert idle(Feishu, encrypt_key=ENCRYPT_KEY).parse_callback(post(event(QUESTION, token=""))).messages


def test_nothing_comes_in_unless_it_is_configured_and_posted() -> None:
    request = post(event(QUESTION))

    assert refusal_of(idle(Feishu), request) == ("not_configured", 404)
    assert refusal_of(idle(Feishu, **SEALED), replace(request, method="GET")) == ("malformed", 405)


RAW = [
    b"[" * 9999,
    b'{"header":' * 999,
    b'{"a": 1e999999}',
    b'{"type": ' + b"9" * 9999 + b"}",
    b'{"type": NaN}',
    b"\xff\xfe{}",
    b'{"token": "\\ud800"}',
    b'{"header": [], "token": "v-token-2026"}',
    b'{"header": {"token": ["v-token-2026"]}}',
    b"null",
]


@pytest.mark.parametrize("raw", RAW)
def test_junk_inside_a_good_envelope_is_refused(raw: bytes) -> None:
    body = sealed(raw)
    request = CallbackRequest(signed(body, NOW), {}, body, NOW)

    assert refusal_of(idle(Feishu, **SEALED), request) in (("malformed", 400), ("bad_signature", 401))


def changed(**sign: object) -> dict[str, Any]:
    """Return the event of a sign with another inside."""
    document = sign_event()
    return document | {"event": document["event"] | sign}


NO_MESSAGES = {
    "the bot's own words": event(QUESTION, "app"),
    "the bot's own words, without an id": event(QUESTION, "app") | {"sender": None},
    "the bot was added": event({}, event_type="im.chat.member.bot.added_v1") | {"event": {"chat_id": CHAT}},
    "somebody read": event({}, event_type="im.message.message_read_v1") | {"event": {}},
    "a button was pressed": event({}, event_type="card.action.trigger") | {"event": {"action": {"value": {}}}},
    "a sign that says nothing of the kind": sign_event(emoji_type="HEART"),
    "a sign of another spelling": sign_event(emoji_type="thumbsup"),
    "a sign that was taken away": sign_event(event_type="im.message.reaction.deleted_v1"),
    "a sign of an app's": changed(operator_type="app", user_id=None, app_id=APP_ID),
    "a sign of somebody without an id": changed(user_id={"open_id": None}),
    "a sign of somebody who hides it": changed(user_id=None),
    "an event of version 1": OLD_EVENT,
}


@pytest.mark.parametrize("document", NO_MESSAGES.values(), ids=NO_MESSAGES.keys())
def test_what_is_no_message_is_acknowledged(document: dict[str, Any]) -> None:
    received = idle(Feishu, **SEALED).parse_callback(post(document))

    assert received.messages == ()
    assert answer_of(received) == {}


@pytest.mark.parametrize("emoji_type", ["OK", "THUMBSUP", "DONE", "CheckMark", "Get"])
def test_sign_under_a_message_is_heard_as_the_word_that_it_stands_for(emoji_type: str) -> None:
    received = idle(Feishu, **SEALED).parse_callback(post(sign_event("om_ours", emoji_type, event_id="e7")))

    sender = Sender(PERSON, "", SenderRole.PARENT)
    heard = InboundMessage(ChannelKind.FEISHU, "e7", None, sender, "收到", addressed=False, reacts_to="om_ours")
    assert received.messages == (heard,)
    assert not heard.private  # it may have been put there before a whole class
    assert answer_of(received) == {}


def test_repeat_with_another_event_id_is_the_same_message() -> None:
    feishu = idle(Feishu, **SEALED)

    first, second = (feishu.parse_callback(post(event(QUESTION, event_id=one))).messages for one in ("e1", "e2"))

    assert first == second


def test_key_and_token_are_not_shown() -> None:
    shown = repr(idle(Feishu, **SEALED)._events)

    assert ENCRYPT_KEY not in shown
    assert VERIFICATION_TOKEN not in shown

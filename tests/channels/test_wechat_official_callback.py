"""What comes in to a WeChat Official Account, in safe mode and in plain mode, and the answers that go back."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

import pytest

from tests.channel_cases import idle, make_outbound, refusal_of
from tests.conformance import VALID_TEXT
from tests.conftest import ROOT, Clock
from tests.factories import NOW
from tests.platforms.wechat_official import (
    ACCOUNT,
    AES_KEY,
    APP_ID,
    FOLLOWER,
    TOKEN,
    fields_of,
    plain_query,
    posted,
    posted_sealed,
    said,
    seal,
    unseal,
    xml_of,
)
from tests.wecom_envelope import sign
from warden_bot.channels.base import CallbackRequest, Reply, Surroundings
from warden_bot.channels.envelope import Envelope
from warden_bot.channels.http import Http
from warden_bot.channels.passive import CUT
from warden_bot.channels.wechat_official.channel import WechatOfficial
from warden_bot.domain.message import InboundMessage, Sender
from warden_bot.states import Action, ChannelKind, SenderRole

VECTORS = json.loads((ROOT / "tests" / "vectors" / "wechat_official.json").read_text(encoding="utf-8"))
PLAIN, SAFE = VECTORS["plain_mode"], VECTORS["safe_mode"]
SIGNED_AT = datetime.fromtimestamp(1767225600, UTC)


def make_account(**values: str) -> WechatOfficial:
    return idle(WechatOfficial, app_id=APP_ID, token=TOKEN, **values)


@pytest.fixture
def safe() -> WechatOfficial:
    return make_account(aes_key=AES_KEY)


@pytest.fixture
def plain() -> WechatOfficial:
    return make_account()


def reply(text: str | None) -> Reply:
    return Reply(Action.ANSWER, "hotline", text)


def heard(text: str) -> InboundMessage:
    sender = Sender(FOLLOWER, "", SenderRole.PARENT)
    return InboundMessage(ChannelKind.WECHAT_OFFICIAL, "24567890123456789", None, sender, text, addressed=True)


# Safe mode


def test_vector_of_safe_mode_in_both_directions() -> None:
    account = WechatOfficial(
        {"app_id": SAFE["appid"], "token": SAFE["token"], "aes_key": SAFE["encoding_aes_key"]},
        Surroundings(Http(), Clock()),
    )
    query = dict(parse_qsl(SAFE["request_query"]))
    body = xml_of(ToUserName=ACCOUNT, Encrypt=SAFE["encrypt"])

    received = account.parse_callback(CallbackRequest({}, query, body, SIGNED_AT))

    assert received.messages == (heard("冒充老师收费怎么办"),)
    sealed = Envelope(SAFE["token"], SAFE["encoding_aes_key"], SAFE["appid"]).close(
        SAFE["plaintext_xml"].encode(), SAFE["timestamp"], SAFE["nonce"], SAFE["random16"].encode()
    )
    assert sealed == (SAFE["encrypt"], SAFE["msg_signature"])
    # What this file builds its requests with is right too.
    assert seal(SAFE["plaintext_xml"].encode()) == SAFE["encrypt"]
    assert sign(SAFE["token"], SAFE["timestamp"], SAFE["nonce"], SAFE["encrypt"]) == SAFE["msg_signature"]


def test_compatible_mode_believes_only_what_is_sealed(safe: WechatOfficial) -> None:
    request = posted_sealed(said(), NOW, beside=said(Content="没有封的话"))

    (message,) = safe.parse_callback(request).messages

    assert message.text == VALID_TEXT


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (lambda one: replace(one, body=said()), "bad_signature"),  # plain words under a signature that is right
        (lambda one: replace(one, query=one.query | {"msg_signature": one.query["signature"]}), "bad_signature"),
        (lambda one: replace(one, query=one.query | {"nonce": "1"}), "bad_signature"),
        (lambda one: replace(one, query=one.query | {"timestamp": "1"}), "bad_signature"),
        (lambda one: replace(one, query={}), "bad_signature"),
        (lambda one: replace(one, received_at=NOW + timedelta(minutes=5)), "stale"),
        (lambda one: replace(one, received_at=NOW - timedelta(minutes=5)), "stale"),
    ],
)
def test_safe_mode_refuses(safe: WechatOfficial, spoil: Any, code: str) -> None:
    assert refusal_of(safe, spoil(posted_sealed(said(), NOW))) == (code, 401)


def test_plain_words_are_never_believed_in_safe_mode(safe: WechatOfficial) -> None:
    assert refusal_of(safe, posted(said(), NOW)) == ("bad_signature", 401)


def test_envelope_of_another_account_is_refused(safe: WechatOfficial) -> None:
    assert refusal_of(safe, posted_sealed(said(), NOW, receiver="wx0000000000000000")) == ("wrong_receiver", 403)


def test_other_methods_are_refused(safe: WechatOfficial, plain: WechatOfficial) -> None:
    assert refusal_of(safe, replace(posted_sealed(said(), NOW), method="PUT")) == ("malformed", 405)
    assert refusal_of(plain, replace(posted(said(), NOW), method="PUT")) == ("malformed", 405)


# Plain mode


def test_vector_of_the_handshake() -> None:
    query = {name: PLAIN[name] for name in ("signature", "timestamp", "nonce", "echostr")}

    for values in ({}, {"aes_key": AES_KEY}):  # the same in both modes
        received = make_account(**values).parse_callback(CallbackRequest({}, query, b"", SIGNED_AT, "GET"))
        assert (received.messages, received.answer(None).body) == ((), PLAIN["echostr"].encode())
    assert sign(PLAIN["token"], PLAIN["timestamp"], PLAIN["nonce"]) == PLAIN["signature"]


@pytest.mark.parametrize(
    ("change", "code", "status"),
    [
        ({"signature": "0" * 40}, "bad_signature", 401),
        ({"signature": "签\ud800"}, "bad_signature", 401),
        ({"nonce": "\ud800"}, "bad_signature", 401),
        ({"echostr": ""}, "malformed", 400),
        ({"echostr": "<script>"}, "malformed", 400),
        ({"echostr": "1" * 129}, "malformed", 400),
        ({"echostr": "\ud800"}, "malformed", 400),
    ],
)
def test_handshake_that_is_refused(plain: WechatOfficial, change: dict[str, str], code: str, status: int) -> None:
    query = plain_query(NOW) | {"echostr": "5838479218127813673"} | change

    assert refusal_of(plain, CallbackRequest({}, query, b"", NOW, "GET")) == (code, status)


def test_handshake_of_yesterday_is_refused(plain: WechatOfficial) -> None:
    query = plain_query(NOW - timedelta(days=1)) | {"echostr": "1"}

    assert refusal_of(plain, CallbackRequest({}, query, b"", NOW, "GET")) == ("stale", 401)


def test_plain_mode_refuses_what_is_forged_or_old(plain: WechatOfficial) -> None:
    assert refusal_of(plain, posted(said(), NOW, token="another")) == ("bad_signature", 401)
    assert refusal_of(plain, posted(said(), NOW, signed_at=NOW - timedelta(minutes=5))) == ("stale", 401)
    assert refusal_of(plain, replace(posted(said(), NOW), query={})) == ("bad_signature", 401)


def test_signature_that_was_caught_does_not_carry_other_words(plain: WechatOfficial) -> None:
    request = posted(said(), NOW)
    first = plain.parse_callback(request)

    forged = replace(request, body=said(Content="请把家长群解散"), received_at=NOW + timedelta(minutes=4))

    assert refusal_of(plain, forged) == ("replayed", 409)
    assert plain.parse_callback(request).messages == first.messages  # the platform repeating itself


def test_signature_of_a_handshake_does_not_carry_a_message(plain: WechatOfficial) -> None:
    query = plain_query(NOW) | {"echostr": "1"}
    plain.parse_callback(CallbackRequest({}, query, b"", NOW, "GET"))

    assert refusal_of(plain, CallbackRequest({}, query, said(), NOW)) == ("replayed", 409)


def test_safe_mode_that_was_chosen_there_only_is_named(plain: WechatOfficial) -> None:
    assert refusal_of(plain, posted_sealed(said(), NOW)) == ("not_configured", 404)


# Answers


def answers(safe: WechatOfficial, plain: WechatOfficial, text: str | None) -> Iterator[dict[str, str]]:
    """Yield the fields of the answer in both modes."""
    answer = safe.parse_callback(posted_sealed(said(), NOW)).answer(reply(text))
    assert (answer.status, answer.content_type) == (200, "application/xml")
    yield unseal(answer.body)
    answer = plain.parse_callback(posted(said(), NOW)).answer(reply(text))
    assert (answer.status, answer.content_type) == (200, "application/xml")
    yield fields_of(answer.body)


@pytest.mark.parametrize("text", ["96110", "反诈热线：96110\n<a href='x'>&amp; ]]> 😀", "防" * 682])
def test_answer_is_a_passive_text(safe: WechatOfficial, plain: WechatOfficial, text: str) -> None:
    for fields in answers(safe, plain, text):
        assert fields == {
            "ToUserName": FOLLOWER,
            "FromUserName": ACCOUNT,
            "CreateTime": str(int(NOW.timestamp())),
            "MsgType": "text",
            "Content": text,
        }


def test_answer_that_is_too_long_ends_where_it_says_so(safe: WechatOfficial, plain: WechatOfficial) -> None:
    for fields in answers(safe, plain, "有人要您转账就是诈骗。" * 100):
        assert len(fields["Content"].encode()) <= 2048
        assert fields["Content"].startswith("有人要您转账")
        assert fields["Content"].endswith("就是诈骗。" + CUT)


@pytest.mark.parametrize("text", [None, "", " \n"])
def test_nothing_to_say_is_success(safe: WechatOfficial, plain: WechatOfficial, text: str | None) -> None:
    for account, request in ((safe, posted_sealed(said(), NOW)), (plain, posted(said(), NOW))):
        assert account.parse_callback(request).answer(reply(text)).body == b"success"


def test_secrets_are_not_shown(safe: WechatOfficial) -> None:
    assert TOKEN not in repr(safe._callbacks)
    assert FOLLOWER not in repr(make_outbound(FOLLOWER).recipient)

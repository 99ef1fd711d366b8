"""What a homeserver tells us, and what of it is a message for the bot."""

import json
from dataclasses import replace
from typing import Any

import pytest

from tests.channel_cases import as_bytes, idle, refusal_of
from tests.conftest import ROOT
from tests.factories import NOW
from tests.platforms.matrix import (
    BOT,
    HS_TOKEN,
    MEMBER,
    in_group,
    invite,
    mention,
    message_event,
    own_join,
    reaction,
    transaction,
)
from warden_bot.channels.base import CallbackRequest, Received
from warden_bot.channels.inbound import LONGEST_INBOUND
from warden_bot.channels.matrix.channel import Matrix
from warden_bot.domain.message import InboundMessage, Media, Sender
from warden_bot.states import SenderRole

VECTORS = json.loads((ROOT / "tests" / "vectors" / "matrix_synapse_transactions.json").read_text(encoding="utf-8"))
VECTOR_VALUES = {"hs_token": "hs_secret_token_for_tests", "bot_user": "@safetybot:test.local"}
VALUES = {"hs_token": HS_TOKEN, "bot_user": BOT, "bot_name": "小卫士"}


def bot(values: dict[str, str] = VALUES) -> Matrix:
    return idle(Matrix, **values)


def messages(*events: object) -> list[InboundMessage]:
    return list(bot().parse_callback(transaction(NOW, *events)).messages)


def test_what_a_real_homeserver_sent() -> None:
    """The room is of version 12, so its id has no server's name; one transaction comes twice."""
    matrix = bot(VECTOR_VALUES)
    heard: list[tuple[str, InboundMessage]] = []
    joins = 0
    for one in VECTORS["transactions"]:
        headers = {"authorization": one["auth"]}
        body = as_bytes({"events": one["events"]})
        received = matrix.parse_callback(CallbackRequest(headers, one["query"], body, NOW, one["method"], one["path"]))
        heard += [(one["path"].rpartition("/")[2], message) for message in received.messages]
        joins += received.afterwards is not None
        assert answer_of(received) == (200, b"{}")

    assert joins == 1
    assert [(number, one.text, one.addressed) for number, one in heard] == [
        ("5", "fraud help", True),
        ("6", "r0", False),
        ("7", "r1", False),
    ]
    assert {one.chat for _, one in heard} == {"!TuP0ngoE-dYOE9cmv5EVPziBT_Nt7RlkHGrKZK9AlM8"}
    assert heard[0][1].message_id == "$8S36FZgtataebI4Pta_niqfL9X5oBecWFhRyigQFxgs"
    assert heard[0][1].sender == Sender("@parent:test.local", "@parent:test.local", SenderRole.PARENT)


def answer_of(received: Received) -> tuple[int, bytes]:
    answer = received.answer(None)
    return answer.status, answer.body


PILL = '<a href="https://matrix.to/#/%40warden%3Aschool.example">校园 &amp; 警</a>: 反诈'
HEARD = [
    ("talk", message_event("今天几点放学"), "今天几点放学", False),
    ("mentioned by id", mention("反诈"), "反诈", True),
    ("mentioned by id in the text alone", message_event(f"{BOT} 反诈"), "反诈", True),
    ("mentioned by the short id", message_event("@warden: 反诈"), "反诈", True),
    ("mentioned by the short id, in the middle", message_event("请问@Warden，反诈"), "请问反诈", True),
    ("called by its name", message_event("小卫士反诈热线"), "反诈热线", True),
    ("called by its name with @", message_event("反诈 @小卫士"), "反诈", True),
    ("somebody with a longer name", message_event("@warden_2 反诈"), "@warden_2 反诈", False),
    (
        "somebody on another server",
        message_event("@warden:school.example.org x"),
        "@warden:school.example.org x",
        False,
    ),
    ("a word like its name", message_event("warden: 反诈"), "warden: 反诈", False),
    (
        "the word is its name where it is mentioned",
        message_event("warden: 反诈", {"m.mentions": {"user_ids": [BOT]}}),
        "反诈",
        True,
    ),
    (
        "mentioned by a name that only the client knows",
        message_event("校园 & 警: 反诈", {"formatted_body": PILL, "m.mentions": {"user_ids": [BOT]}}),
        "反诈",
        True,
    ),
    ("everybody is mentioned", message_event("@room 反诈", {"m.mentions": {"room": True}}), "@room 反诈", False),
    (
        "somebody else is mentioned",
        message_event("x 反诈", {"m.mentions": {"user_ids": [MEMBER]}}),
        "x 反诈",
        False,
    ),
    (
        "a reply without what it replies to",
        message_event(
            f"> <{BOT}> 96110来电请接\n> 第二行\n\n是真的吗", {"m.relates_to": {"m.in_reply_to": {"event_id": "$e"}}}
        ),
        "是真的吗",
        False,
    ),
    (
        "a reply that begins with a quotation of its own",
        message_event("> 原话\n是真的吗", {"m.relates_to": {"m.in_reply_to": {"event_id": "$e"}}}),
        "> 原话\n是真的吗",
        False,
    ),
    ("no reply, but looks like one", message_event("> <@x:y> 反诈\n在吗"), "> <@x:y> 反诈\n在吗", False),
    ("an emote", message_event("想问反诈", {"msgtype": "m.emote"}), "想问反诈", False),
    ("characters nobody sees", message_event("反\x00\x07\x1b诈\n\t热线\u009f"), "反诈\n\t热线", False),
    ("half a character", message_event("反\ud800诈"), "反诈", False),
    ("a very long one", message_event("长" * 30_000), "长" * LONGEST_INBOUND, False),
]


@pytest.mark.parametrize(("label", "event", "text", "addressed"), HEARD, ids=[row[0] for row in HEARD])
def test_words(label: str, event: dict[str, Any], text: str, addressed: bool) -> None:
    assert messages(event) == [in_group(text, addressed=addressed)], label


PLACE = "mxc://school.example/AbC-1"


@pytest.mark.parametrize(
    ("msgtype", "kind"), [("m.image", "image"), ("m.audio", "voice"), ("m.video", "video"), ("m.file", "file")]
)
def test_media(msgtype: str, kind: str) -> None:
    event = message_event("photo.png", {"msgtype": msgtype, "url": PLACE})

    assert messages(event) == [in_group("", addressed=False, media=(Media(kind, PLACE),))]


def test_media_with_words() -> None:
    event = message_event(f"{BOT} 是真的吗", {"msgtype": "m.image", "url": PLACE, "filename": "photo.png"})

    assert messages(event) == [in_group("是真的吗", addressed=True, media=(Media("image", PLACE),))]


NONE = [
    ("its own words", message_event("96110来电请接", sender=BOT)),
    ("a notice of another bot", message_event("反诈", {"msgtype": "m.notice"})),
    ("an edit", message_event("* 反诈", {"m.relates_to": {"rel_type": "m.replace", "event_id": "$e"}})),
    ("what was redacted", message_event("") | {"content": {}}),
    ("a redaction", message_event("") | {"type": "m.room.redaction", "redacts": "$e"}),
    ("encrypted", message_event("") | {"type": "m.room.encrypted", "content": {"algorithm": "m.megolm.v1.aes-sha2"}}),
    ("a reaction to nothing", message_event("") | {"type": "m.reaction"}),
    ("a reaction of another sort", reaction("😂")),
    ("a reaction that is a text", reaction("收到吗")),
    ("its own reaction", reaction("👍", sender=BOT)),
    ("a reaction to no event", reaction("👍", about="5")),
    ("a sticker", message_event("") | {"type": "m.sticker"}),
    ("a place", message_event("geo:31,121", {"msgtype": "m.location", "geo_uri": "geo:31,121"})),
    ("a state event that looks like a message", message_event("反诈") | {"state_key": ""}),
    ("a new topic", message_event("") | {"type": "m.room.topic", "state_key": "", "content": {"topic": "反诈"}}),
    ("media elsewhere", message_event("x.png", {"msgtype": "m.image", "url": "https://elsewhere.example/x.png"})),
    ("media without a place", message_event("x.png", {"msgtype": "m.image"})),
    ("only the bot's name, and nothing more to say", message_event("  ")),
    ("somebody else is invited", invite(user=MEMBER)),
    ("the bot has joined a group", own_join(direct=False)),
    ("the bot was removed", invite() | {"content": {"membership": "leave"}}),
    ("no object", "反诈"),
    ("no type", {"content": {}}),
    ("words that are a number", message_event("") | {"content": {"msgtype": "m.text", "body": 5}}),
    ("mentions that are a text", message_event("反诈", {"m.mentions": "everybody"})),
    ("a relation that is a list", message_event("反诈", {"m.relates_to": []})),
    ("no event id", {name: value for name, value in message_event("反诈").items() if name != "event_id"}),
    ("an endless event id", message_event("反诈") | {"event_id": "$" + "x" * 300}),
    ("a room that is none", message_event("反诈") | {"room_id": "#alias:school.example"}),
    ("a sender who is none", message_event("反诈", sender="parent")),
    ("a sender with half a character", message_event("反诈", sender="@p\ud800:school.example")),
]


@pytest.mark.parametrize(("label", "event"), NONE, ids=[row[0] for row in NONE])
def test_event_that_is_no_message_is_passed_over_and_keeps_no_other_from_us(label: str, event: object) -> None:
    received = bot().parse_callback(transaction(NOW, event, mention("反诈")))

    assert list(received.messages) == [in_group("反诈", addressed=True)], label
    assert answer_of(received) == (200, b"{}")


@pytest.mark.parametrize("key", ["👍", "👍🏽", "👌", "✅", "✔️", "收到"])
def test_sign_under_a_message_is_heard_as_the_word_that_it_stands_for(key: str) -> None:
    assert messages(reaction(key)) == [replace(in_group("收到", addressed=False), reacts_to="$of-ours")]


def test_several_messages_of_one_transaction_come_in_order() -> None:
    events = [message_event(text) | {"event_id": f"$event-{text}"} for text in "abc"]

    assert [(one.message_id, one.text) for one in messages(*events)] == [
        ("$event-a", "a"),
        ("$event-b", "b"),
        ("$event-c", "c"),
    ]


@pytest.mark.parametrize(
    ("changes", "code", "status"),
    [
        ({"headers": {}}, "bad_signature", 403),
        ({"headers": {"authorization": "Bearer "}}, "bad_signature", 403),
        ({"headers": {"authorization": f"Basic {HS_TOKEN}"}}, "bad_signature", 403),
        ({"headers": {"authorization": "Bearer 签\ud800"}}, "bad_signature", 403),
        ({"headers": {}, "query": {"access_token": "another"}}, "bad_signature", 403),
        ({"headers": {"authorization": "Bearer another"}, "query": {"access_token": HS_TOKEN}}, "bad_signature", 403),
        ({"path": ""}, "malformed", 404),
        ({"path": "/_matrix/app/v2/transactions/1"}, "malformed", 404),
        ({"method": "POST"}, "malformed", 405),
        ({"path": "/_matrix/app/v1/ping"}, "malformed", 405),
        ({"body": b"null"}, "malformed", 400),
        ({"body": b"{}"}, "malformed", 400),
        ({"body": b'{"events": 5}'}, "malformed", 400),
        ({"body": b'{"events": [' + b"[" * 200_000}, "malformed", 400),
        ({"body": b'{"events": [' + b"9" * 9_999 + b"]}"}, "malformed", 400),
        ({"body": b"\xff"}, "malformed", 400),
    ],
)
def test_refused(changes: dict[str, Any], code: str, status: int) -> None:
    assert refusal_of(bot(), replace(transaction(NOW, mention("反诈")), **changes)) == (code, status)


@pytest.mark.parametrize("values", [{}, {"bot_user": BOT}, {"hs_token": HS_TOKEN}])
def test_nothing_comes_in_without_settings(values: dict[str, str]) -> None:
    assert refusal_of(bot(values), transaction(NOW, mention("反诈"), token="")) == ("not_configured", 404)


def test_token_of_older_homeservers_stands_in_the_address() -> None:
    older = replace(
        transaction(NOW, mention("反诈")), headers={}, query={"access_token": HS_TOKEN}, path="/transactions/1"
    )

    assert [one.text for one in bot().parse_callback(older).messages] == ["反诈"]


@pytest.mark.parametrize(
    ("method", "path", "status", "body"),
    [
        ("POST", "/_matrix/app/v1/ping", 200, b"{}"),
        ("GET", f"/_matrix/app/v1/users/{BOT}", 200, b"{}"),
        ("GET", "/_matrix/app/v1/users/@warden_2:school.example", 404, b'{"errcode": "M_NOT_FOUND"}'),
        ("GET", "/_matrix/app/v1/rooms/#class:school.example", 404, b'{"errcode": "M_NOT_FOUND"}'),
        ("GET", "/_matrix/app/v1/thirdparty/protocol/x", 404, b'{"errcode": "M_NOT_FOUND"}'),
    ],
)
def test_question_of_the_homeserver(method: str, path: str, status: int, body: bytes) -> None:
    received = bot().parse_callback(replace(transaction(NOW), method=method, path=path))

    assert received.messages == ()
    assert answer_of(received) == (status, body)

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web

from tests.channel_cases import CallbackCase, SendCase, as_bytes, make_outbound, run_callback_case, run_send_case
from tests.conftest import WEBHOOK_SECRET, Clock
from tests.factories import NOW
from tests.receiver import Receiver, receiving, signature
from warden_bot.channels.base import CallbackRequest, Reply, Surroundings
from warden_bot.channels.http import Http
from warden_bot.channels.inbound import LONGEST_INBOUND
from warden_bot.channels.webhook import Webhook
from warden_bot.domain.message import InboundMessage, OutboundMessage, Recipient, Sender
from warden_bot.errors import CallbackRejected
from warden_bot.states import Action, AttemptOutcome, ChannelKind, Priority, SenderRole

STAMP = str(int(NOW.timestamp()))
BODY: dict[str, Any] = {
    "message_id": "m1",
    "group": "c001",
    "sender": {"id": "u1", "name": "某家长", "role": "parent"},
    "text": "反诈热线是多少",
    "addressed": False,
}


def headers(body: bytes, stamp: str = STAMP, secret: str = WEBHOOK_SECRET) -> dict[str, str]:
    return {"x-warden-timestamp": stamp, "x-warden-signature": signature(body, stamp, secret)}


def at(**time: float) -> str:
    return str(int((NOW + timedelta(**time)).timestamp()))


def case(label: str, body: bytes, code: str, status: int, stamp: str = STAMP) -> CallbackCase:
    return CallbackCase(label, body, headers(body, stamp), code, status)


GOOD = as_bytes(BODY)
TAKEN = InboundMessage(
    ChannelKind.WEBHOOK, "m1", "c001", Sender("u1", "某家长", SenderRole.PARENT), "反诈热线是多少", addressed=False
)
ENDLESS = as_bytes({**BODY, "text": " " + "长" * (LONGEST_INBOUND + 1)})
PRIVATE = as_bytes({**BODY, "group": None, "reply_url": "https://example.org/back", "more": 1})

CALLBACKS = [
    CallbackCase("valid", GOOD, headers(GOOD), message=TAKEN),
    CallbackCase(
        "text that never ends is read as far as anybody reads",
        ENDLESS,
        headers(ENDLESS),
        message=replace(TAKEN, text="长" * LONGEST_INBOUND),
    ),
    CallbackCase(
        "private chat is addressed",
        PRIVATE,
        headers(PRIVATE),
        message=InboundMessage(
            ChannelKind.WEBHOOK,
            "m1",
            None,
            TAKEN.sender,
            TAKEN.text,
            addressed=True,
            reply_url="https://example.org/back",
        ),
    ),
    CallbackCase("bad signature", GOOD, headers(GOOD, secret="another"), "bad_signature", 401),
    CallbackCase("signature of another body", GOOD, headers(PRIVATE), "bad_signature", 401),
    CallbackCase("no signature", GOOD, {}, "bad_signature", 401),
    CallbackCase("signature is not ASCII", GOOD, {**headers(GOOD), "x-warden-signature": "签名"}, "bad_signature", 401),
    CallbackCase("five minutes old", GOOD, headers(GOOD, at(seconds=-300)), message=TAKEN),
    case("stale", GOOD, "stale", 401, at(seconds=-301)),
    case("from the future", GOOD, "stale", 401, at(seconds=301)),
    case("timestamp is no number", GOOD, "stale", 401, "now"),
    case("timestamp is huge", GOOD, "stale", 401, "9" * 40),
    case("timestamp in other digits", GOOD, "bad_signature", 401, "１７６７２２５６００"),
    case("no JSON", b"{", "malformed", 400),
    case("no UTF-8", b"\xff\xfe", "malformed", 400),
    case("a list", b"[]", "malformed", 400),
    case("deeply nested", b"[" * 5000 + b"]" * 5000, "malformed", 400),
    case("no message_id", as_bytes({**BODY, "message_id": ""}), "malformed", 400),
    case("NUL in the id", as_bytes({**BODY, "message_id": "a\x00b"}), "malformed", 400),
    case("text is a number", as_bytes({**BODY, "text": 110}), "malformed", 400),
    case("role that nobody has", as_bytes({**BODY, "sender": {"id": "u", "role": "admin"}}), "malformed", 400),
    case("addressed is a word", as_bytes({**BODY, "addressed": "yes"}), "malformed", 400),
]


@pytest.mark.parametrize("case", CALLBACKS, ids=lambda case: case.label)
def test_callback(clock: Clock, case: CallbackCase) -> None:
    run_callback_case(Webhook({"secret": WEBHOOK_SECRET}, Surroundings(Http(), clock)), NOW, case)


@pytest.mark.parametrize("character", ["长", "😀"])
def test_a_text_as_long_as_is_read_may_come_with_every_character_escaped(character: str) -> None:
    body = json.dumps(BODY | {"text": character * LONGEST_INBOUND}, ensure_ascii=True)

    assert len(body) <= Webhook.capabilities.largest_callback


def test_without_a_secret_nothing_is_received(clock: Clock) -> None:
    with pytest.raises(CallbackRejected) as caught:
        Webhook({}, Surroundings(Http(), clock)).parse_callback(
            CallbackRequest(headers(GOOD, secret=""), {}, GOOD, NOW)
        )

    assert caught.value.status == 404


@pytest.mark.parametrize(
    ("reply", "body"),
    [
        (Reply(Action.SILENT, None, None), {"action": "silent", "topic": None, "reply": None}),
        (Reply(Action.ANSWER, "a.b", "打110"), {"action": "answer", "topic": "a.b", "reply": {"text": "打110"}}),
    ],
)
def test_answer(clock: Clock, reply: Reply, body: dict[str, Any]) -> None:
    webhook = Webhook({"secret": WEBHOOK_SECRET}, Surroundings(Http(), clock))
    received = webhook.parse_callback(CallbackRequest(headers(GOOD), {}, GOOD, NOW))

    assert json.loads(received.answer(reply).body) == body


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as kept:
        yield kept


REJECTED, UNKNOWN = AttemptOutcome.REJECTED, AttemptOutcome.UNKNOWN
SENDS = [
    SendCase("plain send", None),
    SendCase("refused", web.json_response({"ok": False, "error": "no such class"}), "bad_request", REJECTED),
    SendCase("throttled", web.Response(status=429), "throttled", AttemptOutcome.THROTTLED),
    SendCase("busy", web.Response(status=503), "busy", AttemptOutcome.RETRYABLE),
    SendCase("gone", web.Response(status=410), "route_broken", REJECTED),
    SendCase("bad credentials", web.Response(status=401), "bad_credentials", AttemptOutcome.DENIED),
    SendCase("2xx without ok", web.json_response({"status": "fine"}), "unexpected_answer", UNKNOWN),
    SendCase("ok is not true", web.json_response({"ok": "true"}), "unexpected_answer", UNKNOWN),
    SendCase("empty answer", web.Response(status=204), "unexpected_answer", UNKNOWN),
]


@pytest.mark.parametrize("case", SENDS, ids=lambda case: case.label)
async def test_send(clock: Clock, receiver: Receiver, case: SendCase) -> None:
    http = Http()
    receiver.answer = case.answer

    await run_send_case(
        Webhook({"secret": WEBHOOK_SECRET}, Surroundings(http, clock)), make_outbound(receiver.url), case
    )

    await http.close()
    assert receiver.forged == 0


async def test_body_is_the_documented_one_and_a_resend_has_the_same_key(clock: Clock, receiver: Receiver) -> None:
    http = Http()
    webhook = Webhook({"secret": WEBHOOK_SECRET}, Surroundings(http, clock))
    message = OutboundMessage("b1-7", Recipient("c001", receiver.url), "别扫码", "骗局预警", Priority.ALERT)

    for _ in range(2):
        await webhook.send(message, webhook.parts(message)[0], 0)

    await http.close()
    body = {
        "delivery_id": "b1-7",
        "group": "c001",
        "title": "骗局预警",
        "text": "别扫码",
        "markdown": "**骗局预警**\n\n别扫码",
        "priority": "alert",
    }
    assert receiver.got == [body, body]


@pytest.mark.parametrize(
    ("address", "fine"),
    [
        ("http://127.0.0.1:9/hook", True),
        ("https://example.org/c001", True),
        ("ftp://example.org", False),
        ("example.org/c001", False),
        ("http://", False),
        ("http://[::1", False),
        ("http://example.org:notaport/", False),
    ],
)
def test_address_is_a_url(clock: Clock, address: str, fine: bool) -> None:
    assert (Webhook({}, Surroundings(Http(), clock)).address_fault(address) is None) is fine

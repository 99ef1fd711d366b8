"""Every channel kind, the same cases. A case that a platform cannot come into is named by its stage, with the reason."""

from dataclasses import replace
from datetime import timedelta
from urllib.parse import quote

import pytest

from tests.channel_cases import make_outbound
from tests.conformance import VALID_TEXT, Call, Fault, Stage
from tests.factories import NOW
from warden_bot.channels.base import CallbackRequest, Channel
from warden_bot.channels.registry import CHANNELS
from warden_bot.domain.message import OutboundMessage
from warden_bot.errors import CallbackRejected, SendError
from warden_bot.states import AttemptOutcome

TEXT = "96110来电请接，警察不会在电话里叫您转账。"
RECEIVING = [kind for kind, channel in CHANNELS.items() if channel.capabilities.receives]
PUSHING = [kind for kind, channel in CHANNELS.items() if channel.capabilities.pushes]


def skip_if_lacking(stage: Stage, case: str) -> None:
    if case in stage.lacks:
        assert len(stage.lacks[case]) > 10, "a reason, not a word"
        pytest.skip(stage.lacks[case])


async def send_all(channel: Channel, message: OutboundMessage) -> list[str]:
    parts = channel.parts(message)
    for number, part in enumerate(parts):
        await channel.send(message, part, number)
    return parts


def assert_says_no_secret(stage: Stage, error: Exception) -> None:
    secrets = [stage.address, *(value for name, value in stage.values().items() if name != "api_base")]
    assert not [secret for secret in secrets if len(secret) > 5 and secret in str(error)]
    assert "203.0.113.7" not in str(error)


pushing = pytest.mark.parametrize("stage", PUSHING, indirect=True)
receiving = pytest.mark.parametrize("stage", RECEIVING, indirect=True)


@pushing
async def test_plain_send(stage: Stage, channel: Channel) -> None:
    assert channel.address_fault(stage.address) is None
    assert channel.lacks() == []

    await send_all(channel, make_outbound(stage.address, TEXT, "防骗提醒"))

    assert len(stage.heard()) == 1
    assert TEXT in stage.heard()[0]
    assert "防骗提醒" in stage.heard()[0]


@pushing
async def test_longest_text_goes_whole_and_a_longer_one_in_parts_that_the_platform_takes(
    stage: Stage, channel: Channel
) -> None:
    skip_if_lacking(stage, "too_long")
    longest = channel.abilities(stage.address).longest_part
    fits = "防" * (longest // 3)

    await send_all(channel, make_outbound(stage.address, fits))
    parts = await send_all(channel, replace(make_outbound(stage.address, "骗" * (longest // 3 + 9)), key="key-2"))

    heard = stage.heard()
    assert heard[0] == fits
    assert len(heard[1:]) == len(parts) == 2
    assert "".join(heard[1:]).count("骗") == longest // 3 + 9


@pushing
async def test_part_that_is_too_long_is_refused_for_good(stage: Stage, channel: Channel) -> None:
    skip_if_lacking(stage, "too_long")
    longest = channel.abilities(stage.address).longest_part

    with pytest.raises(SendError) as caught:
        await channel.send(make_outbound(stage.address), "防" * (longest // 3 + longest), 0)

    assert (caught.value.code, caught.value.outcome) == ("text_too_long", AttemptOutcome.REJECTED)
    assert stage.heard() == []


FAULTS = {
    Fault.THROTTLED: ("throttled", AttemptOutcome.THROTTLED),
    Fault.BAD_CREDENTIALS: ("bad_credentials", AttemptOutcome.DENIED),
    Fault.GONE: ("route_broken", AttemptOutcome.REJECTED),
    Fault.UNEXPECTED: ("unexpected_answer", AttemptOutcome.UNKNOWN),
}


@pushing
@pytest.mark.parametrize("fault", list(FAULTS))
async def test_refusal(stage: Stage, channel: Channel, fault: Fault) -> None:
    skip_if_lacking(stage, fault)
    message = make_outbound(stage.address, TEXT)
    stage.prescribe(fault)

    with pytest.raises(SendError) as caught:
        await channel.send(message, channel.parts(message)[0], 0)

    assert (caught.value.code, caught.value.outcome) == FAULTS[fault]
    assert_says_no_secret(stage, caught.value)


@pushing
async def test_missing_page_breaks_a_route_only_where_the_address_is_the_url(stage: Stage, channel: Channel) -> None:
    """Else one bad proxy would mark every group as lost."""
    skip_if_lacking(stage, Fault.MISSING)
    message = make_outbound(stage.address, TEXT)
    stage.prescribe(Fault.MISSING)

    with pytest.raises(SendError) as caught:
        await channel.send(message, channel.parts(message)[0], 0)

    assert (caught.value.code == "route_broken") is stage.address_is_url


@pushing
async def test_after_a_refusal_the_next_one_goes(stage: Stage, channel: Channel) -> None:
    skip_if_lacking(stage, Fault.THROTTLED)
    message = make_outbound(stage.address, TEXT)
    stage.prescribe(Fault.THROTTLED)
    with pytest.raises(SendError) as caught:
        await channel.send(message, channel.parts(message)[0], 0)
    assert caught.value.code == "throttled"

    await send_all(channel, message)

    assert len(stage.heard()) == 1


@pushing
async def test_unreachable_platform_took_nothing(stage: Stage, channel: Channel) -> None:
    skip_if_lacking(stage, "unreachable")
    await stage.stop()
    message = make_outbound(stage.address, TEXT)

    with pytest.raises(SendError) as caught:
        await channel.send(message, channel.parts(message)[0], 0)

    assert (caught.value.code, caught.value.outcome) == ("unreachable", AttemptOutcome.RETRYABLE)
    assert_says_no_secret(stage, caught.value)


@pushing
async def test_resend_with_the_same_key_is_heard_once_where_the_platform_takes_a_key(
    stage: Stage, channel: Channel
) -> None:
    message = make_outbound(stage.address, TEXT)
    for _ in range(2):
        await send_all(channel, message)
    await send_all(channel, replace(message, key="another-key"))

    takes_key = channel.abilities(stage.address).takes_key
    assert len(stage.heard()) == (2 if takes_key else 3)


@receiving
async def test_valid_callback_is_one_message(stage: Stage, channel: Channel) -> None:
    received = channel.parse_callback(stage.call(Call.VALID, NOW))

    (message,) = received.messages
    assert (message.channel, message.text, message.addressed) == (stage.kind, VALID_TEXT, True)
    assert message.message_id
    assert message.sender.id


@receiving
async def test_repeat_is_the_same_message(stage: Stage, channel: Channel) -> None:
    request = stage.call(Call.VALID, NOW)

    first, second = channel.parse_callback(request), channel.parse_callback(request)

    assert first.messages == second.messages


@receiving
@pytest.mark.parametrize("call", [Call.BAD_SIGNATURE, Call.STALE])
async def test_forged_or_stale_is_refused(stage: Stage, channel: Channel, call: Call) -> None:
    skip_if_lacking(stage, call)

    with pytest.raises(CallbackRejected) as caught:
        channel.parse_callback(stage.call(call, NOW))

    assert caught.value.status in (401, 403)


@receiving
async def test_handshake_is_answered_with_what_the_platform_wants(stage: Stage, channel: Channel) -> None:
    skip_if_lacking(stage, Call.HANDSHAKE)

    received = channel.parse_callback(stage.call(Call.HANDSHAKE, NOW))

    assert received.messages == ()
    assert received.answer(None).body == stage.handshake_answer


@receiving
async def test_own_message_is_none(stage: Stage, channel: Channel) -> None:
    skip_if_lacking(stage, Call.OWN_MESSAGE)

    received = channel.parse_callback(stage.call(Call.OWN_MESSAGE, NOW))

    assert received.messages == ()
    assert received.answer(None).status in (200, 204)


def spoiled(request: CallbackRequest) -> list[CallbackRequest]:
    """Return what an attacker, a broken proxy or a scanner makes of a good request."""
    body = request.body
    bodies = [
        b"",
        body[:-1],
        body + b"x",
        body[: len(body) // 2],
        b"\xff\xfe\x00",
        b"{",
        b"[" * 50_000,
        b"null",
        b"<",
        b"0" * 99,
    ]
    bodies += [body.replace(b'"', b"'"), body[::-1], b"<!DOCTYPE a [<!ENTITY b 'c'>]><xml><Encrypt>&b;</Encrypt></xml>"]
    queries = [
        {},
        *({**request.query, name: value} for name in request.query for value in ("", "x" * 9999, "签\ud800", "0")),
    ]
    headers = [
        {},
        *({**request.headers, name: value} for name in request.headers for value in ("", "签名", "x" * 9999, "-1")),
    ]
    return [
        *(replace(request, body=one) for one in bodies),
        *(replace(request, query=one) for one in queries if request.query),
        *(replace(request, headers=one) for one in headers if request.headers),
        replace(request, method="DELETE"),
        replace(request, received_at=request.received_at + timedelta(days=4000)),
    ]


@receiving
async def test_junk_is_refused_and_nothing_else(stage: Stage, channel: Channel) -> None:
    """Never another exception, which would be a 500; and never a message that the platform did not sign."""
    for request in spoiled(stage.call(Call.VALID, NOW)):
        assert outcome_of(channel, request) in ("refused", [], [VALID_TEXT])


def outcome_of(channel: Channel, request: CallbackRequest) -> str | list[str]:
    try:
        received = channel.parse_callback(request)
    except CallbackRejected as rejected:
        return "refused" if 400 <= rejected.status < 500 else str(rejected.status)
    return [one.text for one in received.messages]


@pytest.mark.parametrize("stage", list(CHANNELS), indirect=True)
async def test_no_secret_of_ours_is_left_in_a_platform_s_words(stage: Stage, channel: Channel) -> None:
    """Some echo the whole request that they refuse."""
    secrets = [
        stage.values()[one.name.lower()]
        for one in channel.settings
        if one.secret and one.name.lower() in stage.values()
    ]
    echo = " ".join(f"refused {one} and {quote(one, safe='')}" for one in secrets)

    scrubbed = channel.scrubbed(echo)

    assert [one for one in secrets if one in scrubbed or quote(one, safe="") in scrubbed] == []

from typing import Any

import pytest
from aiohttp import web

from tests.channel_cases import SendCase, idle, make_outbound, run_send_case
from tests.conftest import Clock
from tests.platforms.onebot import (
    GONE,
    GROUP_ID,
    SELF_ID,
    USER_ID,
    OneBotStage,
    accepted,
    failed,
)
from warden_bot.channels.base import Surroundings
from warden_bot.channels.http import Http
from warden_bot.channels.onebot.channel import LONGEST_TEXT, OneBot
from warden_bot.errors import OutcomeUnknown, SendError, SettingsError
from warden_bot.states import AttemptOutcome, ChannelKind

KIND = ChannelKind.ONEBOT
ADDRESS, PERSON = str(GROUP_ID), f"user:{USER_ID}"
DENIED, REJECTED = AttemptOutcome.DENIED, AttemptOutcome.REJECTED
RETRYABLE, UNKNOWN = AttemptOutcome.RETRYABLE, AttemptOutcome.UNKNOWN
WAITED = "Timeout: NTEvent serviceAndMethod:NodeIKernelMsgService/sendMsg ListenerName:x EventRet:\n{}\n"
REMOVED = 'EventChecker Failed: NTEvent serviceAndMethod:x EventRet:\n{\n    "result": 110,\n    "errMsg": ""\n}\n'
REFUSED = 'EventChecker Failed: NTEvent serviceAndMethod:x EventRet:\n{\n    "result": 120,\n    "errMsg": ""\n}\n'

SENDS = [
    SendCase("plain send", None),
    SendCase("taken, to be sent later", web.json_response({"status": "async", "retcode": 1, "data": None})),
    SendCase("group that is no more", failed(100, **GONE), "route_broken", REJECTED),
    SendCase("removed from the group, by its result", failed(200, message=REMOVED), "route_broken", REJECTED),
    SendCase("removed, with the code of a timeout", failed(1200, wording=REMOVED), "route_broken", REJECTED),
    SendCase(
        "removed, in QQ's words",
        failed(200, message="发送失败，你已被移出该群，请重新加群。"),
        "route_broken",
        REJECTED,
    ),
    SendCase("QQ refused it", failed(1200, message=REFUSED), "busy", RETRYABLE),
    SendCase("QQ suspects a robot", failed(100, msg="SEND_MSG_API_ERROR"), "busy", RETRYABLE),
    SendCase("no answer from QQ", failed(1200), "no_answer", UNKNOWN),
    SendCase("no answer from QQ, by its words", failed(200, message=WAITED), "no_answer", UNKNOWN),
    SendCase("bad parameter", failed(100, msg="EMPTY_MSG_ERROR"), "bad_request", REJECTED),
    SendCase("bad parameter of another client", failed(103), "bad_request", REJECTED),
    SendCase("bad request", failed(1400), "bad_request", REJECTED),
    SendCase("no token", failed(1401), "bad_credentials", DENIED),
    SendCase("wrong token", failed(1403), "bad_credentials", DENIED),
    SendCase("no such action", failed(1404), "bad_request", REJECTED),
    SendCase("code nobody knows", failed(-1), "busy", RETRYABLE),
    SendCase("HTTP 400", web.Response(status=400), "bad_request", REJECTED),
    SendCase("HTTP 401", web.Response(status=401), "bad_credentials", DENIED),
    SendCase("HTTP 403", web.Response(status=403), "bad_credentials", DENIED),
    SendCase("HTTP 404 is no lost group", web.Response(status=404), "bad_request", REJECTED),
    SendCase("HTTP 406", web.Response(status=406), "bad_request", REJECTED),
    SendCase("HTTP 502", web.Response(status=502), "busy", RETRYABLE),
    SendCase("redirect", web.Response(status=302, headers={"Location": "/x"}), "bad_request", REJECTED),
    SendCase("answer is no JSON", web.Response(text="ok"), "unexpected_answer", UNKNOWN),
    SendCase("answer without status", web.json_response({"retcode": 0}), "unexpected_answer", UNKNOWN),
    SendCase("retcode is a text", web.json_response({"status": "ok", "retcode": "0"}), "unexpected_answer", UNKNOWN),
    SendCase("retcode is a bool", web.json_response({"status": "ok", "retcode": False}), "unexpected_answer", UNKNOWN),
    SendCase("ok that failed", web.json_response({"status": "ok", "retcode": 100}), "unexpected_answer", UNKNOWN),
    SendCase("status nobody knows", web.json_response({"status": "?", "retcode": 0}), "unexpected_answer", UNKNOWN),
]


@pytest.mark.parametrize("case", SENDS, ids=lambda case: case.label)
async def test_send(channel: OneBot, stage: OneBotStage, case: SendCase) -> None:
    if case.answer is not None:
        stage.fake.answers["send_group_msg"].append(case.answer)

    await run_send_case(channel, make_outbound(ADDRESS), case)


async def test_group_is_written_to_in_segments_with_its_title(channel: OneBot, stage: OneBotStage) -> None:
    text = "[CQ:at,qq=all] 5 < 6 & 7"
    message = make_outbound(ADDRESS, text, "防骗提醒")

    receipt = await channel.send(message, channel.parts(message)[0], 0)

    said = [{"type": "text", "data": {"text": f"【防骗提醒】\n{text}"}}]
    assert stage.fake.calls == [("send_group_msg", {"group_id": GROUP_ID, "message": said})]
    assert receipt.external_id == "-7"


async def test_person_is_written_to_by_number(channel: OneBot, stage: OneBotStage) -> None:
    await channel.send(make_outbound(PERSON), "有人在等您", 0)

    said = [{"type": "text", "data": {"text": "有人在等您"}}]
    assert stage.fake.calls == [("send_private_msg", {"user_id": USER_ID, "message": said})]


@pytest.mark.parametrize("found", [None, {}, {"message_id": None}, {"message_id": "a b"}, {"message_id": [1]}, [1]])
async def test_accepted_without_a_usable_id_is_accepted(channel: OneBot, stage: OneBotStage, found: Any) -> None:
    stage.fake.answers["send_group_msg"].append(accepted(found))

    assert (await channel.send(make_outbound(ADDRESS), "x", 0)).external_id == ""


async def test_text_at_our_limit_goes_whole_and_one_character_more_in_two(channel: OneBot, stage: OneBotStage) -> None:
    longest = "防" * (LONGEST_TEXT // 3)

    for text in (longest, longest + "骗"):
        message = make_outbound(ADDRESS, text)
        for part in channel.parts(message):
            await channel.send(message, part, 0)

    assert stage.heard()[0] == longest
    assert len(stage.heard()) == 3
    assert max(len(one.encode()) for one in stage.heard()) == LONGEST_TEXT


async def test_client_without_a_token_is_asked_without_one(stage: OneBotStage, clock: Clock) -> None:
    http = Http()
    bare = OneBot({"api_base": stage.base}, Surroundings(http, clock))

    await run_send_case(bare, make_outbound(ADDRESS), SendCase("", None, "bad_credentials", DENIED))

    await http.close()
    assert stage.fake.calls == []


async def test_numbers_in_a_client_s_words_are_not_repeated(channel: OneBot, stage: OneBotStage) -> None:
    stage.fake.answers["send_group_msg"] += [
        failed(7, wording=f"{USER_ID} 在群 {GROUP_ID} 里"),
        failed(200, message=WAITED),
    ]

    with pytest.raises(SendError) as caught:
        await channel.send(make_outbound(ADDRESS), "x", 0)
    with pytest.raises(OutcomeUnknown) as unknown:
        await channel.send(make_outbound(ADDRESS), "x", 0)

    assert (caught.value.platform_code, caught.value.platform_words) == ("7", "… 在群 … 里")
    assert unknown.value.platform_words.startswith("Timeout: NTEvent")


async def test_without_an_address_of_the_client_no_route_is_called_broken() -> None:
    with pytest.raises(SendError) as caught:
        await idle(OneBot).send(make_outbound(ADDRESS), "x", 0)

    assert (caught.value.code, caught.value.outcome, caught.value.asked) == ("bad_credentials", DENIED, False)


@pytest.mark.parametrize("address", ["anonymous:9", "user:anonymous", "", "user:"])
async def test_who_has_no_number_is_not_written_to(channel: OneBot, stage: OneBotStage, address: str) -> None:
    with pytest.raises(SendError) as caught:
        await channel.send(make_outbound(address), "x", 0)

    assert (caught.value.code, caught.value.outcome, caught.value.asked) == ("route_broken", REJECTED, False)
    assert stage.fake.calls == []


@pytest.mark.parametrize(
    ("address", "fine"),
    [
        (ADDRESS, True),
        (PERSON, True),
        ("1234", False),
        ("020002000", False),
        ("群20002000", False),
        ("２０００２０００", False),
        ("anonymous:12345678", False),
        ("user:", False),
        ("-20002000", False),
        ("20002000\n", False),
        ("", False),
    ],
)
def test_address_is_a_number(address: str, fine: bool) -> None:
    assert (idle(OneBot).address_fault(address) is None) is fine


def test_client_s_address_is_needed_and_nothing_else() -> None:
    assert idle(OneBot).lacks() == ["API_BASE"]
    assert idle(OneBot, api_base="http://127.0.0.1:3000").lacks() == []


@pytest.mark.parametrize("seconds", ["an hour", "-1", "1e3", "9999999"])
def test_wrong_number_of_seconds_refuses_the_start(seconds: str) -> None:
    with pytest.raises(SettingsError) as caught:
        idle(OneBot, callback_seconds=seconds)

    assert "WARDEN_ONEBOT_CALLBACK_SECONDS" in caught.value.faults[0]


def test_secrets_are_not_shown() -> None:
    shown = repr(idle(OneBot, secret="hush-hush")._events)

    assert "hush" not in shown
    assert str(SELF_ID) not in shown

"""What Feishu's app can do beside sending: tokens, recalls, probes, files; and what each sort of address can."""

import json
from datetime import timedelta

import pytest
from aiohttp import web

from tests.answers import portal
from tests.channel_cases import SendCase, idle, make_outbound, run_send_case
from tests.conftest import Clock
from tests.platforms.feishu import APP_ID, APP_SECRET, CHAT, HOOK, PERSON, FakeFeishu, FeishuStage, refused
from warden_bot.channels.base import Surroundings
from warden_bot.channels.feishu.channel import Feishu
from warden_bot.channels.http import Http
from warden_bot.channels.places import LARGEST_MEDIA
from warden_bot.domain.message import Media
from warden_bot.domain.pacing import ThrottleRule
from warden_bot.errors import OutcomeUnknown, SendError, SettingsError
from warden_bot.states import AttemptOutcome, ChannelKind

KIND = ChannelKind.FEISHU
DENIED, RETRYABLE, THROTTLED = AttemptOutcome.DENIED, AttemptOutcome.RETRYABLE, AttemptOutcome.THROTTLED


async def test_token_is_fetched_once_and_a_refused_one_renewed_once(channel: Feishu, fake: FakeFeishu) -> None:
    message = make_outbound(CHAT)
    for number in range(2):
        await channel.send(message, "x", number)
    fake.token = "t-2"

    await channel.send(message, "x", 2)

    tokens = [authorization for _, _, authorization, _ in fake.requests]
    assert tokens == ["", "Bearer t-1", "Bearer t-1", "Bearer t-1", "", "Bearer t-2"]
    assert json.loads(fake.requests[0][3]) == {"app_id": APP_ID, "app_secret": APP_SECRET}


@pytest.mark.parametrize("code", [99991661, 99991663, 99991668])
async def test_second_refused_token_is_for_a_person(channel: Feishu, fake: FakeFeishu, code: int) -> None:
    fake.answers += [refused(code, "Invalid access token"), refused(code, "Invalid access token", 401)]

    await run_send_case(channel, make_outbound(CHAT), SendCase("", None, "bad_credentials", DENIED))

    assert fake.answers == []


TOKEN_ANSWERS = [
    SendCase("wrong secret", refused(10014, "app secret invalid", 200), "bad_credentials", DENIED),
    SendCase("wrong secret, status 400", refused(10003, "invalid param"), "bad_credentials", DENIED),
    SendCase("token refused while asking for one", refused(99991663, "x"), "bad_credentials", DENIED),
    SendCase("no such page", web.Response(status=404), "unreachable", RETRYABLE),
    SendCase("frequency", refused(99991400, "x"), "throttled", THROTTLED),
    SendCase("HTTP 500", web.Response(status=500), "busy", RETRYABLE),
    SendCase("answer is no JSON", portal(), "unreachable", RETRYABLE),
    SendCase("hung up", "hang up", "unreachable", RETRYABLE),
    SendCase("no token in it", web.json_response({"code": 0, "expire": 7200}), "busy", RETRYABLE),
    SendCase("no end", web.json_response({"code": 0, "tenant_access_token": "t", "expire": "1"}), "busy", RETRYABLE),
]


@pytest.mark.parametrize("case", TOKEN_ANSWERS, ids=lambda case: case.label)
async def test_failure_to_fetch_a_token_sent_nothing(channel: Feishu, fake: FakeFeishu, case: SendCase) -> None:
    fake.token_answers.append(case.answer)

    await run_send_case(channel, make_outbound(CHAT), case)

    assert len(fake.requests) == 1


async def test_end_of_a_token_is_believed_within_reason(channel: Feishu, fake: FakeFeishu) -> None:
    fake.token_answers.append(web.json_response({"code": 0, "tenant_access_token": "t-1", "expire": 10**30}))

    await channel.send(make_outbound(CHAT), "x", 0)

    assert fake.heard[CHAT] == ["x"]


async def test_app_s_message_is_recalled(channel: Feishu, fake: FakeFeishu) -> None:
    receipt = await channel.send(make_outbound(CHAT), "x", 0)

    await channel.recall(CHAT, receipt.external_id)

    assert fake.recalled == [receipt.external_id]
    assert fake.requests[-1][:2] == ("DELETE", f"/open-apis/im/v1/messages/{receipt.external_id}")


async def test_what_is_recalled_already_is_gone(channel: Feishu, fake: FakeFeishu) -> None:
    fake.answers.append(refused(230011, "The message was recalled."))

    await channel.recall(CHAT, "om_9")

    assert fake.requests[-1][:2] == ("DELETE", "/open-apis/im/v1/messages/om_9")


RECALLS = [
    (CHAT, 230009, "cannot_recall", True),  # too old
    (CHAT, 230026, "cannot_recall", True),  # somebody else's
    (CHAT, 230002, "route_broken", True),
    (HOOK, 0, "cannot_recall", False),
]


@pytest.mark.parametrize(("address", "answer", "code", "asked"), RECALLS)
async def test_recall_that_is_refused(
    channel: Feishu, fake: FakeFeishu, address: str, answer: int, code: str, asked: bool
) -> None:
    fake.answers.append(refused(answer, "x"))

    with pytest.raises(SendError) as caught:
        await channel.recall(address, "om_9")

    assert (caught.value.code, caught.value.asked) == (code, asked)
    assert len(fake.requests) == (2 if asked else 0)


async def test_probe_finds_out_what_became_of_a_chat(channel: Feishu, fake: FakeFeishu) -> None:
    fake.chats["oc_gone"] = "dissolved"
    found = {}
    for address in (CHAT, "oc_gone", "oc_unknown", PERSON, HOOK):
        try:
            await channel.probe(address, "")
        except SendError as error:
            found[address] = error.code

    assert found == {
        "oc_gone": "route_broken",
        "oc_unknown": "route_broken",
        PERSON: "cannot_probe",
        HOOK: "cannot_probe",
    }
    assert fake.requests[1][:2] == ("GET", f"/open-apis/im/v1/chats/{CHAT}")


@pytest.mark.parametrize(
    ("kind", "type_"), [("image", "image"), ("voice", "file"), ("video", "file"), ("file", "file")]
)
async def test_media_is_fetched(channel: Feishu, fake: FakeFeishu, kind: str, type_: str) -> None:
    fake.files[f"om_1/img_v2_x?type={type_}"] = b"bytes of it"

    assert await channel.fetch_media(Media(kind, "om_1/img_v2_x")) == b"bytes of it"

    assert fake.requests[-1][:2] == ("GET", f"/open-apis/im/v1/messages/om_1/resources/img_v2_x?type={type_}")


async def test_media_that_cannot_be_fetched(channel: Feishu, fake: FakeFeishu) -> None:
    fake.files["om_1/big?type=file"] = b"x" * (LARGEST_MEDIA + 1)
    found = []
    for place in ("om_1/big", "om_1/unknown"):
        with pytest.raises(SendError) as caught:
            await channel.fetch_media(Media("file", place))
        found.append(caught.value.code)
    fake.answers.append(web.Response(status=204))
    with pytest.raises(OutcomeUnknown):
        await channel.fetch_media(Media("file", "om_1/big"))

    assert found == ["too_large", "unexpected_answer"]


async def test_place_of_media_leads_nowhere_else(channel: Feishu, fake: FakeFeishu) -> None:
    with pytest.raises(SendError):
        await channel.fetch_media(Media("file", "om_1/..%2f..?type=x#"))

    assert fake.requests[-1][1] == "/open-apis/im/v1/messages/om_1/resources/..%252f..%3Ftype=x%23?type=file"


async def test_token_of_a_media_request_is_renewed_once(channel: Feishu, fake: FakeFeishu) -> None:
    await channel.send(make_outbound(CHAT), "x", 0)
    fake.token, fake.files["om_1/key?type=file"] = "t-2", b"bytes"

    assert await channel.fetch_media(Media("file", "om_1/key")) == b"bytes"


async def test_check_asks_for_a_token(channel: Feishu, fake: FakeFeishu) -> None:
    assert await channel.check()
    fake.app = {}

    with pytest.raises(SendError) as caught:
        await channel.check()

    assert (caught.value.code, caught.value.outcome) == ("bad_credentials", DENIED)


async def test_without_an_app_only_custom_bots_work(stage: FeishuStage, clock: Clock) -> None:
    http = Http()
    channel = Feishu({"api_base": stage.base}, Surroundings(http, clock))

    await channel.send(make_outbound(HOOK), "x", 0)
    await channel.check()
    with pytest.raises(SendError) as caught:
        await channel.send(make_outbound(CHAT), "x", 0)
    await http.close()

    assert (caught.value.code, caught.value.outcome, caught.value.asked) == ("bad_credentials", DENIED, False)
    assert stage.fake.heard == {HOOK: ["x"]}


@pytest.mark.parametrize(
    ("values", "missing"),
    [
        ({}, []),
        ({"app_id": "cli_a"}, ["APP_SECRET"]),
        ({"app_secret": "s"}, ["APP_ID"]),
        ({"app_id": "cli_a", "app_secret": "s"}, []),
    ],
)
def test_app_has_an_id_and_a_secret_or_neither(values: dict[str, str], missing: list[str]) -> None:
    assert idle(Feishu, **values).lacks() == missing


@pytest.mark.parametrize("seconds", ["0", "-1", "1h", "1.5", "１", "9999999"])
def test_callback_seconds_is_a_number(seconds: str) -> None:
    with pytest.raises(SettingsError, match="WARDEN_FEISHU_CALLBACK_SECONDS"):
        idle(Feishu, callback_seconds=seconds)


@pytest.mark.parametrize(
    ("address", "fine"),
    [
        (HOOK, True),
        (CHAT, True),
        (PERSON, True),
        (f"https://open.feishu.cn/open-apis/bot/v2/hook/{HOOK}", False),
        (HOOK[:-1], False),
        (HOOK + "\n", False),
        (CHAT + "\n", False),
        ("on_8ed6aa67826108097d9ee143816345", False),
        ("oc_", False),
        ("oc_有", False),
        ("", False),
    ],
)
def test_address_is_a_token_or_an_id(address: str, fine: bool) -> None:
    assert (idle(Feishu).address_fault(address) is None) is fine


def test_each_sort_of_address_has_its_abilities() -> None:
    channel = idle(Feishu)
    hook, chat, person = (channel.abilities(address) for address in (HOOK, CHAT, PERSON))

    assert (hook.takes_key, hook.recalls_within, hook.probes, hook.receives) == (False, None, False, False)
    assert (chat.takes_key, chat.key_lasts, chat.recalls_within) == (True, timedelta(hours=1), timedelta(hours=24))
    assert (chat.probes, person.probes, person.takes_key) == (True, False, True)
    assert [channel.platform(address) for address in (HOOK, CHAT, PERSON)] == [
        "feishu:hook",
        "feishu:app",
        "feishu:app",
    ]


def most_in(rule: ThrottleRule, window: timedelta) -> float:
    return rule.burst + window / rule.interval


def test_pace_keeps_below_the_documented_limits() -> None:
    second, minute = timedelta(seconds=1), timedelta(minutes=1)
    (hook,) = idle(Feishu).abilities(HOOK).pace
    chat, app = idle(Feishu).abilities(CHAT).pace

    assert most_in(hook, second) <= 5
    assert most_in(hook, minute) <= 100
    assert most_in(chat, second) <= 5
    assert (chat.scope, app.scope) == ("recipient", "channel")
    assert most_in(app, second) <= 50
    assert most_in(app, minute) <= 1000

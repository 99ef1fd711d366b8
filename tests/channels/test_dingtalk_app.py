import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web

from tests.answers import portal
from tests.channel_cases import failure_of, make_outbound
from tests.platforms.dingtalk import (
    APP_KEY,
    CHAT,
    PLAIN,
    STAFF,
    DingtalkStage,
    FakeDingtalk,
    refused,
)
from warden_bot.channels.dingtalk.channel import Dingtalk
from warden_bot.domain.message import Media
from warden_bot.errors import OutcomeUnknown, SendError
from warden_bot.states import AttemptOutcome, ChannelKind

KIND = ChannelKind.DINGTALK
REJECTED, THROTTLED, DENIED = AttemptOutcome.REJECTED, AttemptOutcome.THROTTLED, AttemptOutcome.DENIED
RETRYABLE = AttemptOutcome.RETRYABLE
PERSON = f"staff:{STAFF}"
PUNISHED = {"status": 1111, "wait": 5, "source": "x5", "punish": "deny", "uuid": "xxx"}


APP_SENDS = [
    ("Forbidden.AccessDenied.QpsLimitForApi", 403, "throttled", THROTTLED),
    ("Forbidden.AccessDenied.QpsLimitForAppkeyAndApi", 429, "throttled", THROTTLED),
    ("Forbidden.AccessDenied.ApiCountLimitForOrg", 403, "throttled", THROTTLED),
    ("Throttling.User", 400, "throttled", THROTTLED),
    ("FlowControl", 400, "throttled", THROTTLED),
    ("Forbidden.AccessDenied.AccessTokenPermissionDenied", 403, "bad_credentials", DENIED),
    ("ip.not.match", 400, "bad_credentials", DENIED),
    ("invalidParameter.robotCode.auth", 400, "bad_credentials", DENIED),
    ("invalidParameter.robotCode.notExsit", 400, "route_broken", REJECTED),
    ("invalid.openConversationId", 400, "route_broken", REJECTED),
    ("openConversationId.notExisted", 400, "route_broken", REJECTED),
    ("bot.stopped", 400, "route_broken", REJECTED),
    ("chatbotId.notAllow.sendOTO", 400, "route_broken", REJECTED),
    ("robot.oto.notExist", 400, "route_broken", REJECTED),
    ("staffId.notExisted", 400, "route_broken", REJECTED),
    ("illegal.receivers", 400, "route_broken", REJECTED),
    ("template.stopped", 400, "route_broken", REJECTED),
    ("resource.not.found", 404, "route_broken", REJECTED),
    ("invalidParameter.msgParam.tooLong", 400, "text_too_long", REJECTED),
    ("invalidParameter.msgParam.invalid", 400, "bad_request", REJECTED),
    ("nobody.knows", 400, "bad_request", REJECTED),
    ("nobody.knows", 403, "bad_credentials", DENIED),
    ("nobody.knows", 404, "unexpected_answer", REJECTED),
    ("nobody.knows", 429, "throttled", THROTTLED),
    ("ServiceUnavailable", 503, "busy", RETRYABLE),
]


@pytest.mark.parametrize(("theirs", "status", "code", "outcome"), APP_SENDS)
async def test_send_by_the_app_s_robot(
    channel: Dingtalk, fake: FakeDingtalk, theirs: str, status: int, code: str, outcome: AttemptOutcome
) -> None:
    fake.answers.append(refused(theirs, "request ip=203.0.113.7, requestId: 1", status))

    error = await failure_of(channel, CHAT)

    assert (error.code, error.outcome, error.platform_code) == (code, outcome, theirs)
    assert "203.0.113.7" not in str(error)
    assert "requestId" not in str(error)


@pytest.mark.parametrize(
    ("answer", "wait"),
    [
        (refused("Forbidden.AccessDenied.QpsLimitForApi", status=403), timedelta(seconds=1)),
        (refused("Forbidden.AccessDenied.ApiCountLimitForOrg", status=403), timedelta(hours=1)),
        (web.Response(status=429, headers={"Retry-After": "7"}), timedelta(seconds=7)),
        (web.json_response(PUNISHED), timedelta(minutes=5)),
    ],
)
async def test_throttled_app_waits(
    channel: Dingtalk, fake: FakeDingtalk, answer: web.Response, wait: timedelta
) -> None:
    fake.answers.append(answer)

    error = await failure_of(channel, CHAT)

    assert (error.outcome, error.retry_after) == (THROTTLED, wait)


@pytest.mark.parametrize("text", ["{}", "[]", "<html>"])
@pytest.mark.parametrize("address", [CHAT, PERSON])
async def test_answer_of_the_app_that_says_nothing(
    channel: Dingtalk, fake: FakeDingtalk, text: str, address: str
) -> None:
    fake.answers.append(web.Response(text=text))

    assert isinstance(await failure_of(channel, address), OutcomeUnknown)


async def test_group_and_person_on_the_wire(channel: Dingtalk, fake: FakeDingtalk) -> None:
    group = await channel.send(make_outbound(CHAT), '说"好"\n再见', 0)
    person = await channel.send(make_outbound(PERSON), "x", 0)

    words: dict[str, Any] = {"robotCode": APP_KEY, "msgKey": "sampleText"}
    assert fake.requests == [
        (
            "/v1.0/robot/groupMessages/send",
            {"openConversationId": CHAT, "msgParam": json.dumps({"content": '说"好"\n再见'}, ensure_ascii=False)}
            | words,
        ),
        ("/v1.0/robot/oToMessages/batchSend", {"userIds": [STAFF], "msgParam": '{"content": "x"}'} | words),
    ]
    assert (group.external_id in fake.keys, person.external_id) == (True, "PQK+1=")
    assert (fake.heard[CHAT], fake.heard[STAFF], fake.tokens_given) == (['说"好"\n再见'], ["x"], 1)


async def test_id_that_cannot_be_kept_is_not(channel: Dingtalk, fake: FakeDingtalk) -> None:
    fake.answers.append(web.json_response({"processQueryKey": "a b"}))

    assert (await channel.send(make_outbound(CHAT), "x", 0)).external_id == ""


@pytest.mark.parametrize(
    ("field", "code", "wait"),
    [
        ("invalidStaffIdList", "route_broken", None),
        ("filteredStaffIdList", "route_broken", None),
        ("flowControlledStaffIdList", "throttled", timedelta(seconds=60)),
    ],
)
async def test_person_who_was_not_written_to(
    channel: Dingtalk, fake: FakeDingtalk, field: str, code: str, wait: timedelta | None
) -> None:
    fake.answers.append(web.json_response({"processQueryKey": "PQK", field: [STAFF]}))

    error = await failure_of(channel, PERSON)

    assert (error.code, error.retry_after) == (code, wait)


async def test_token_that_is_refused_is_renewed_once(channel: Dingtalk, fake: FakeDingtalk) -> None:
    await channel.send(make_outbound(CHAT), "x", 0)
    fake.token = "t-2"
    await channel.send(make_outbound(CHAT), "x", 0)
    assert (fake.tokens_given, len(fake.heard[CHAT])) == (2, 2)

    fake.token = "t-3"
    fake.token_answers.append(web.json_response({"accessToken": "worthless", "expireIn": 7200}))
    error = await failure_of(channel, CHAT)

    assert (error.code, error.outcome, fake.tokens_given) == ("bad_credentials", DENIED, 2)


@pytest.mark.parametrize(
    ("answer", "code", "outcome"),
    [
        (refused("invalidClientIdOrSecret", "无效的clientId或者clientSecret"), "bad_credentials", DENIED),
        (refused("InvalidAuthentication"), "bad_credentials", DENIED),
        (web.Response(status=404), "unreachable", RETRYABLE),
        (portal(), "unreachable", RETRYABLE),
        (web.json_response({"accessToken": "", "expireIn": 7200}), "busy", RETRYABLE),
        (web.json_response({"accessToken": "t", "expireIn": "7200"}), "busy", RETRYABLE),
        (web.Response(status=502), "busy", RETRYABLE),
    ],
)
async def test_token_that_cannot_be_had(
    channel: Dingtalk, fake: FakeDingtalk, answer: web.Response, code: str, outcome: AttemptOutcome
) -> None:
    fake.token_answers.append(answer)

    error = await failure_of(channel, CHAT)

    assert (error.code, error.outcome, fake.requests) == (code, outcome, [])


async def test_recall(channel: Dingtalk, fake: FakeDingtalk) -> None:
    receipt = await channel.send(make_outbound(CHAT), "x", 0)

    await channel.recall(CHAT, receipt.external_id)

    assert fake.recalled == [receipt.external_id]
    body = {"robotCode": APP_KEY, "openConversationId": CHAT, "processQueryKeys": [receipt.external_id]}
    assert fake.requests[-1] == ("/v1.0/robot/groupMessages/recall", body)
    assert channel.abilities(CHAT).recalls_within == timedelta(hours=24)
    with pytest.raises(SendError, match="message not found"):
        await channel.recall(CHAT, "another")
    fake.answers.append(web.json_response({"successResult": []}))
    with pytest.raises(OutcomeUnknown):
        await channel.recall(CHAT, receipt.external_id)


async def test_probe(channel: Dingtalk, fake: FakeDingtalk) -> None:
    await channel.probe(CHAT, "")
    assert fake.requests == [("/v1.0/robot/groups/robots/query", {"openConversationId": CHAT})]

    fake.groups[CHAT] = []
    fake.answers += [
        web.json_response({"chatbotInstanceVOList": [{"robotCode": "another"}, 1]}),
        web.json_response({}),
        refused("Forbidden.AccessDenied.AccessTokenPermissionDenied", status=403),
    ]
    codes = []
    for _ in range(4):
        with pytest.raises(SendError) as caught:
            await channel.probe(CHAT, "")
        codes.append(caught.value.code)
    assert codes == ["route_broken", "unexpected_answer", "cannot_probe", "route_broken"]


@pytest.mark.parametrize("address", [PLAIN, PERSON])
async def test_only_groups_of_the_app_can_be_recalled_and_probed(channel: Dingtalk, address: str) -> None:
    with pytest.raises(SendError, match="cannot_recall"):
        await channel.recall(address, "x")
    with pytest.raises(SendError, match="cannot_probe"):
        await channel.probe(address, "")
    assert (channel.abilities(address).recalls_within, channel.abilities(address).probes) == (None, False)


async def test_check(build: Callable[..., Dingtalk], stage: DingtalkStage) -> None:
    assert await build().check() == "accessToken"
    assert await build(app_key="", app_secret="").check() == ""
    with pytest.raises(SendError, match="bad_credentials"):
        await build(app_secret="wrong").check()
    await stage.stop()
    with pytest.raises(SendError, match="unreachable"):
        await build(app_key="", app_secret="").check()


async def test_media(build: Callable[..., Dingtalk], fake: FakeDingtalk) -> None:
    fake.files["code-1"] = b"\x89PNG"
    channel = build()

    assert await channel.fetch_media(Media("image", "code-1")) == b"\x89PNG"
    assert fake.requests == [("/v1.0/robot/messageFiles/download", {"robotCode": APP_KEY, "downloadCode": "code-1"})]

    fake.file_host = "http://169.254.169.254"
    with pytest.raises(SendError, match="foreign_address"):
        await channel.fetch_media(Media("image", "code-1"))
    fake.answers.append(web.json_response({"downloadUrl": 1}))
    with pytest.raises(OutcomeUnknown):
        await channel.fetch_media(Media("image", "code-1"))


async def test_app_that_is_not_set_up_is_not_asked(build: Callable[..., Dingtalk], fake: FakeDingtalk) -> None:
    error = await failure_of(build(app_secret=""), CHAT)

    assert (error.code, error.asked, fake.requests) == ("bad_credentials", False, [])

"""The token of a WeChat Official Account, and what it is asked beside sending: test_wechat_official has the rest."""

import pytest
from aiohttp import web

from tests.answers import portal
from tests.channel_cases import SendCase, make_outbound, run_send_case
from tests.conftest import Clock
from tests.platforms.wechat_official import (
    APP_SECRET,
    FOLLOWER,
    LEFT,
    PICTURE,
    FakeWechat,
    OfficialStage,
    refused,
)
from warden_bot.channels.base import Surroundings
from warden_bot.channels.http import Http
from warden_bot.channels.wechat_official.channel import WechatOfficial
from warden_bot.domain.message import Media
from warden_bot.errors import OutcomeUnknown, SendError
from warden_bot.states import AttemptOutcome, ChannelKind

KIND = ChannelKind.WECHAT_OFFICIAL
DENIED, REJECTED = AttemptOutcome.DENIED, AttemptOutcome.REJECTED
SEND = "message/custom/send"


@pytest.mark.parametrize("code", [40001, 40014, 42001])
async def test_token_that_is_refused_is_renewed_once(channel: WechatOfficial, fake: FakeWechat, code: int) -> None:
    await channel.send(make_outbound(FOLLOWER), "1", 0)
    fake.answers[SEND].append(refused(code, "access_token expired"))

    await channel.send(make_outbound(FOLLOWER), "2", 0)

    assert [content for _, content in fake.sent] == ["1", "2"]
    assert fake.asked["token"] == 2

    fake.answers[SEND] += [refused(code, "x"), refused(code, "x")]
    await run_send_case(channel, make_outbound(FOLLOWER), SendCase("", None, "bad_credentials", DENIED))
    assert fake.asked["token"] == 3


async def test_token_that_another_program_pushed_out_is_renewed(channel: WechatOfficial, fake: FakeWechat) -> None:
    await channel.send(make_outbound(FOLLOWER), "1", 0)
    fake.token = "of another program"

    await channel.send(make_outbound(FOLLOWER), "2", 0)

    assert len(fake.sent) == 2


async def test_channels_with_one_store_share_one_token(stage: OfficialStage, clock: Clock, http: Http) -> None:
    around = Surroundings(http, clock)
    accounts = [WechatOfficial(stage.values(), around) for _ in range(2)]

    for channel in accounts * 2:
        await channel.send(make_outbound(FOLLOWER), "x", 0)
    await accounts[0].check()

    assert stage.fake.asked["token"] == 1


async def test_stable_tokens_are_asked_for_in_a_document(stage: OfficialStage, clock: Clock, http: Http) -> None:
    channel = WechatOfficial(stage.values() | {"stable_token": "1"}, Surroundings(http, clock))

    await channel.send(make_outbound(FOLLOWER), "x", 0)

    assert stage.fake.asked == {"stable_token": 1, SEND: 1}


async def test_probe_asks_whether_somebody_follows(channel: WechatOfficial, fake: FakeWechat) -> None:
    await channel.probe(FOLLOWER, "")
    for openid in (LEFT, "oNOBODY00000000000000000"):
        with pytest.raises(SendError) as caught:
            await channel.probe(openid, "")
        assert (caught.value.code, caught.value.outcome) == ("route_broken", REJECTED)

    fake.answers["user/info"] += [portal(), refused(48001, "api unauthorized")]
    with pytest.raises(OutcomeUnknown):
        await channel.probe(FOLLOWER, "")
    with pytest.raises(SendError, match="bad_credentials"):
        await channel.probe(FOLLOWER, "")
    assert fake.sent == []


async def test_check_gets_a_token(channel: WechatOfficial) -> None:
    assert await channel.check() == "access_token"


@pytest.mark.parametrize(("name", "value"), [("app_id", "wx0"), ("app_secret", "another")])
async def test_check_with_wrong_settings(stage: OfficialStage, clock: Clock, http: Http, name: str, value: str) -> None:
    with pytest.raises(SendError) as caught:
        await WechatOfficial(stage.values() | {name: value}, Surroundings(http, clock)).check()

    assert (caught.value.code, caught.value.outcome) == ("bad_credentials", DENIED)
    assert APP_SECRET not in str(caught.value)


async def test_picture_is_fetched_by_its_id(channel: WechatOfficial, fake: FakeWechat) -> None:
    assert await channel.fetch_media(Media("image", "MEDIA1")) == PICTURE

    fake.media["BIG"] = web.Response(body=b"x" * (20 * 1024 * 1024 + 1))
    for place, code in (("GONE", "no_media"), ("VIDEO1", "foreign_address"), ("BIG", "too_large")):
        with pytest.raises(SendError) as caught:
            await channel.fetch_media(Media("image", place))
        assert (caught.value.code, caught.value.outcome) == (code, REJECTED)


async def test_file_that_reads_like_a_refusal_is_a_file(channel: WechatOfficial, fake: FakeWechat) -> None:
    disguised = b'{"errcode": 40001, "video_url": "x"}'
    fake.media["MEDIA2"] = web.Response(body=disguised, headers={"Content-Disposition": "attachment"})
    fake.media["MEDIA3"] = web.Response(body=b"{not quite")

    assert await channel.fetch_media(Media("voice", "MEDIA2")) == disguised
    assert await channel.fetch_media(Media("voice", "MEDIA3")) == b"{not quite"

"""What else a OneBot client is asked: to take back, whether a group is there, who is signed in, and for pictures."""

from datetime import timedelta

import pytest
from aiohttp import web

from tests.channel_cases import SendCase, make_outbound
from tests.conftest import Clock
from tests.platforms.onebot import GROUP_ID, PICTURE, STRANGE_GROUP, USER_ID, OneBotStage, accepted, failed
from warden_bot.channels.base import Surroundings
from warden_bot.channels.http import Http
from warden_bot.channels.onebot.channel import OneBot
from warden_bot.domain.message import Media
from warden_bot.errors import SendError
from warden_bot.states import AttemptOutcome, ChannelKind

KIND = ChannelKind.ONEBOT
ADDRESS, PERSON = str(GROUP_ID), f"user:{USER_ID}"
DENIED, REJECTED = AttemptOutcome.DENIED, AttemptOutcome.REJECTED
RETRYABLE, UNKNOWN = AttemptOutcome.RETRYABLE, AttemptOutcome.UNKNOWN


async def test_recall_takes_back_once(channel: OneBot, stage: OneBotStage) -> None:
    receipt = await channel.send(make_outbound(ADDRESS), "发错了", 0)

    await channel.recall(ADDRESS, receipt.external_id)

    assert stage.fake.calls[-1] == ("delete_msg", {"message_id": -7})
    assert stage.heard() == []
    with pytest.raises(SendError) as caught:
        await channel.recall(ADDRESS, receipt.external_id)
    assert (caught.value.code, caught.value.outcome) == ("cannot_recall", REJECTED)


RECALLS = [
    SendCase("no answer from QQ", failed(1200), "no_answer", UNKNOWN),
    SendCase("wrong token", web.Response(status=403), "bad_credentials", DENIED),
    SendCase("busy", web.Response(status=500), "busy", RETRYABLE),
    SendCase("no such action", web.Response(status=404), "cannot_recall", REJECTED),
]


@pytest.mark.parametrize("case", RECALLS, ids=lambda case: case.label)
async def test_recall_refused(channel: OneBot, stage: OneBotStage, case: SendCase) -> None:
    stage.fake.answers["delete_msg"].append(case.answer)

    with pytest.raises(SendError) as caught:
        await channel.recall(ADDRESS, "12")

    assert (caught.value.code, caught.value.outcome) == (case.code, case.outcome)


@pytest.mark.parametrize("external_id", ["", "x", "1.5", "１２"])
async def test_recall_of_what_has_no_id_asks_nobody(channel: OneBot, stage: OneBotStage, external_id: str) -> None:
    with pytest.raises(SendError) as caught:
        await channel.recall(ADDRESS, external_id)

    assert (caught.value.code, caught.value.asked) == ("cannot_recall", False)
    assert stage.fake.calls == []


async def test_probe_of_a_good_group_says_nothing(channel: OneBot, stage: OneBotStage) -> None:
    await channel.probe(ADDRESS, "")

    assert stage.fake.calls == [("get_group_info", {"group_id": GROUP_ID, "no_cache": True})]
    assert stage.heard() == []


@pytest.mark.parametrize("address", ["20002001", str(STRANGE_GROUP)])
async def test_probe_finds_a_group_that_the_account_is_not_in(channel: OneBot, address: str) -> None:
    with pytest.raises(SendError) as caught:
        await channel.probe(address, "")

    assert (caught.value.code, caught.value.outcome) == ("route_broken", REJECTED)


async def test_person_cannot_be_probed(channel: OneBot, stage: OneBotStage) -> None:
    with pytest.raises(SendError) as caught:
        await channel.probe(PERSON, "")

    assert (caught.value.code, caught.value.asked) == ("cannot_probe", False)
    assert stage.fake.calls == []
    assert (channel.abilities(PERSON).probes, channel.abilities(ADDRESS).probes) == (False, True)
    assert channel.abilities(PERSON).recalls_within == channel.abilities(ADDRESS).recalls_within == timedelta(minutes=2)


async def test_check_says_who_is_signed_in(channel: OneBot, stage: OneBotStage) -> None:
    assert await channel.check() == "护校小警"
    assert [action for action, _ in stage.fake.calls] == ["get_login_info", "get_status"]


@pytest.mark.parametrize("status", [{"online": False, "good": True}, {"online": True, "good": False}])
async def test_check_finds_a_client_that_is_not_signed_in(
    channel: OneBot, stage: OneBotStage, status: dict[str, bool]
) -> None:
    stage.fake.answers["get_status"].append(accepted(status))

    with pytest.raises(SendError) as caught:
        await channel.check()

    assert (caught.value.code, caught.value.outcome) == ("unreachable", RETRYABLE)


async def test_check_finds_a_wrong_token(stage: OneBotStage, clock: Clock) -> None:
    http = Http()

    with pytest.raises(SendError) as caught:
        await OneBot(stage.values() | {"access_token": "another"}, Surroundings(http, clock)).check()

    await http.close()
    assert (caught.value.code, caught.value.outcome) == ("bad_credentials", DENIED)


async def test_picture_is_fetched_from_a_known_place_only(channel: OneBot, stage: OneBotStage) -> None:
    assert await channel.fetch_media(Media("image", f"{stage.base}/picture")) == PICTURE
    for place in ("https://example.org/picture", "A1B2C3.jpg", "file:///etc/passwd", ""):
        with pytest.raises(SendError) as caught:
            await channel.fetch_media(Media("image", place))
        assert (caught.value.code, caught.value.asked) == ("foreign_address", False)

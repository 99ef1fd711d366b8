"""What else a OneBot client is asked: to take back, whether a group is there, who is signed in, and for pictures."""

from collections.abc import AsyncIterator
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
from warden_bot.states import AttemptOutcome

ADDRESS, PERSON = str(GROUP_ID), f"user:{USER_ID}"
DENIED, REJECTED = AttemptOutcome.DENIED, AttemptOutcome.REJECTED
RETRYABLE, UNKNOWN = AttemptOutcome.RETRYABLE, AttemptOutcome.UNKNOWN


@pytest.fixture
async def stage() -> AsyncIterator[OneBotStage]:
    found = OneBotStage()
    await found.start()
    yield found
    await found.stop()


@pytest.fixture
async def onebot(stage: OneBotStage, clock: Clock) -> AsyncIterator[OneBot]:
    http = Http()
    yield OneBot(stage.values(), Surroundings(http, clock))
    await http.close()


async def test_recall_takes_back_once(onebot: OneBot, stage: OneBotStage) -> None:
    receipt = await onebot.send(make_outbound(ADDRESS), "发错了", 0)

    await onebot.recall(ADDRESS, receipt.external_id)

    assert stage.client.calls[-1] == ("delete_msg", {"message_id": -7})
    assert stage.heard() == []
    with pytest.raises(SendError) as caught:
        await onebot.recall(ADDRESS, receipt.external_id)
    assert (caught.value.code, caught.value.outcome) == ("cannot_recall", REJECTED)


RECALLS = [
    SendCase("no answer from QQ", failed(1200), "no_answer", UNKNOWN),
    SendCase("wrong token", web.Response(status=403), "bad_credentials", DENIED),
    SendCase("busy", web.Response(status=500), "busy", RETRYABLE),
    SendCase("no such action", web.Response(status=404), "cannot_recall", REJECTED),
]


@pytest.mark.parametrize("case", RECALLS, ids=lambda case: case.label)
async def test_recall_refused(onebot: OneBot, stage: OneBotStage, case: SendCase) -> None:
    stage.client.answers["delete_msg"].append(case.answer)

    with pytest.raises(SendError) as caught:
        await onebot.recall(ADDRESS, "12")

    assert (caught.value.code, caught.value.outcome) == (case.code, case.outcome)


@pytest.mark.parametrize("external_id", ["", "x", "1.5", "１２"])
async def test_recall_of_what_has_no_id_asks_nobody(onebot: OneBot, stage: OneBotStage, external_id: str) -> None:
    with pytest.raises(SendError) as caught:
        await onebot.recall(ADDRESS, external_id)

    assert (caught.value.code, caught.value.asked) == ("cannot_recall", False)
    assert stage.client.calls == []


async def test_probe_of_a_good_group_says_nothing(onebot: OneBot, stage: OneBotStage) -> None:
    await onebot.probe(ADDRESS, "")

    assert stage.client.calls == [("get_group_info", {"group_id": GROUP_ID, "no_cache": True})]
    assert stage.heard() == []


@pytest.mark.parametrize("address", ["20002001", str(STRANGE_GROUP)])
async def test_probe_finds_a_group_that_the_account_is_not_in(onebot: OneBot, address: str) -> None:
    with pytest.raises(SendError) as caught:
        await onebot.probe(address, "")

    assert (caught.value.code, caught.value.outcome) == ("route_broken", REJECTED)


async def test_person_cannot_be_probed(onebot: OneBot, stage: OneBotStage) -> None:
    with pytest.raises(SendError) as caught:
        await onebot.probe(PERSON, "")

    assert (caught.value.code, caught.value.asked) == ("cannot_probe", False)
    assert stage.client.calls == []
    assert (onebot.abilities(PERSON).probes, onebot.abilities(ADDRESS).probes) == (False, True)
    assert onebot.abilities(PERSON).recalls_within == onebot.abilities(ADDRESS).recalls_within == timedelta(minutes=2)


async def test_check_says_who_is_signed_in(onebot: OneBot, stage: OneBotStage) -> None:
    assert await onebot.check() == "护校小警"
    assert [action for action, _ in stage.client.calls] == ["get_login_info", "get_status"]


@pytest.mark.parametrize("status", [{"online": False, "good": True}, {"online": True, "good": False}])
async def test_check_finds_a_client_that_is_not_signed_in(
    onebot: OneBot, stage: OneBotStage, status: dict[str, bool]
) -> None:
    stage.client.answers["get_status"].append(accepted(status))

    with pytest.raises(SendError) as caught:
        await onebot.check()

    assert (caught.value.code, caught.value.outcome) == ("unreachable", RETRYABLE)


async def test_check_finds_a_wrong_token(stage: OneBotStage, clock: Clock) -> None:
    http = Http()

    with pytest.raises(SendError) as caught:
        await OneBot(stage.values() | {"access_token": "another"}, Surroundings(http, clock)).check()

    await http.close()
    assert (caught.value.code, caught.value.outcome) == ("bad_credentials", DENIED)


async def test_picture_is_fetched_from_a_known_place_only(onebot: OneBot, stage: OneBotStage) -> None:
    assert await onebot.fetch_media(Media("image", f"{stage.base}/picture")) == PICTURE
    for place in ("https://example.org/picture", "A1B2C3.jpg", "file:///etc/passwd", ""):
        with pytest.raises(SendError) as caught:
            await onebot.fetch_media(Media("image", place))
        assert (caught.value.code, caught.value.asked) == ("foreign_address", False)

"""One notice for many classes, its mark, and what the school's directory says; refusals: test_wecom_school."""

import json
from dataclasses import replace

import pytest
from aiohttp import web

from tests.answers import portal
from tests.channel_cases import make_outbound
from tests.conftest import Clock
from tests.fake_wecom import refused
from tests.platforms.wecom_school import CLASSES, OUT_OF_RANGE, SECRET, FakeSchool, SchoolStage, unmarked
from warden_bot.channels.base import Surroundings
from warden_bot.channels.http import Http
from warden_bot.channels.marks import mark
from warden_bot.channels.wecom_school import LONGEST_TEXT, MARK, WecomSchool, key_of
from warden_bot.domain.message import OutboundMessage
from warden_bot.errors import OutcomeUnknown, SendError
from warden_bot.states import AttemptOutcome, ChannelKind

KIND = ChannelKind.WECOM_SCHOOL
DENIED, REJECTED = AttemptOutcome.DENIED, AttemptOutcome.REJECTED


def owed(broadcast: str, *parties: int, text: str = "96110来电请接") -> list[OutboundMessage]:
    """Return what the outbox owes to these classes: one delivery each, whose key ends in the group's id."""
    return [replace(make_outbound(str(party), text), key=f"{broadcast}-{7000 + party}") for party in parties]


def mark_of(messages: list[OutboundMessage], number: int) -> str:
    return mark(MARK, key_of(messages, number))


async def test_request_is_written_in_one_way(channel: WecomSchool, fake: FakeSchool) -> None:
    await channel.send_together(owed("b1", 468, 99, 101), "防骗", 0)

    assert json.loads(fake.bodies[0]) == {
        "recv_scope": 0,
        "to_party": ["99", "101", "468"],
        "msgtype": "text",
        "agentid": 1000002,
        "text": {"content": f"防骗{mark_of(owed('b1', 101), 0)}"},
        "enable_duplicate_check": 1,
        "duplicate_check_interval": 14400,
    }
    assert fake.bodies[0].startswith(b'{"agentid":1000002,"duplicate_check_interval":14400,')


async def test_368_classes_are_four_requests(channel: WecomSchool, fake: FakeSchool) -> None:
    messages = owed("b1", *CLASSES)

    for start in range(0, len(messages), channel.capabilities.together):
        results = await channel.send_together(messages[start : start + channel.capabilities.together], "防骗", 0)
        assert not [one for one in results if isinstance(one, SendError)]

    assert [len(parties) for _, parties in fake.notices] == [100, 100, 100, 68]
    assert sorted(int(party) for _, parties in fake.notices for party in parties) == list(CLASSES)
    assert len({content for content, _ in fake.notices}) == 1  # all parents read the same words, mark and all
    assert fake.tokens_given == 1


async def test_classes_that_got_nothing_fail_and_the_others_do_not(channel: WecomSchool) -> None:
    results = await channel.send_together(owed("b1", 101, OUT_OF_RANGE, 102, 900), "防骗", 0)

    assert [one.code if isinstance(one, SendError) else "" for one in results] == [
        "",
        "route_broken",
        "",
        "route_broken",
    ]
    refusals = [one for one in results if isinstance(one, SendError)]
    assert {(one.outcome, one.platform_code) for one in refusals} == {(REJECTED, "invalid_party")}
    assert len({id(one) for one in refusals}) == 2


async def test_what_fails_for_all_is_raised(channel: WecomSchool, fake: FakeSchool) -> None:
    fake.answers += [refused(-1, "system busy"), portal()]

    with pytest.raises(SendError, match="busy"):
        await channel.send_together(owed("b1", 101, 102), "防骗", 0)
    with pytest.raises(OutcomeUnknown):
        await channel.send_together(owed("b1", 101, 102), "防骗", 0)


async def test_same_classes_again_are_swallowed_in_any_order_and_anything_else_is_heard(
    channel: WecomSchool, fake: FakeSchool
) -> None:
    messages = owed("b1", 101, 102, 103)
    await channel.send_together(messages, "防骗", 0)
    await channel.send_together(messages[::-1], "防骗", 0)
    assert len(fake.notices) == 1
    assert fake.bodies[0] == fake.bodies[1]

    await channel.send_together(owed("b2", 101, 102, 103), "防骗", 0)  # another broadcast with the same words
    await channel.send_together(messages, "防骗", 1)  # another part with the same words
    await channel.send_together(messages[:2], "防骗", 0)  # other classes

    assert len(fake.notices) == 4


async def test_two_messages_without_a_broadcast_are_both_heard(channel: WecomSchool, fake: FakeSchool) -> None:
    for key in ("0011aa", "2233bb", "0011aa"):
        await channel.send(replace(make_outbound("211"), key=key), "防骗", 0)

    assert len(fake.notices) == 2


def test_mark_is_that_of_the_broadcast_and_the_part() -> None:
    marks = [mark_of(owed(broadcast, 101), number) for broadcast in ("b1", "b2", "c-1") for number in (0, 1)]

    assert len(set(marks)) == 6
    assert mark_of(owed("b1", 101, 102), 0) == mark_of(owed("b1", 468), 0) == marks[0]
    assert all(mark.removeprefix("\n〔通知 ").removesuffix("〕").isalpha() for mark in marks)


async def test_mark_has_its_room(channel: WecomSchool, fake: FakeSchool) -> None:
    message = make_outbound("101", "防" * 3000 + "，报警打110")

    parts = channel.parts(message)
    for number, part in enumerate(parts):
        await channel.send(message, part, number)

    assert len(parts) == 5
    assert [unmarked(content) for content, _ in fake.notices] == parts
    assert max(len(content.encode()) for content, _ in fake.notices) <= 2048


@pytest.mark.parametrize("over", [1, 20, 2048])
async def test_what_the_platform_would_cut_off_is_refused(channel: WecomSchool, fake: FakeSchool, over: int) -> None:
    with pytest.raises(SendError) as caught:
        await channel.send(make_outbound("211"), "x" * (LONGEST_TEXT + over), 0)

    assert (caught.value.code, caught.value.asked) == ("text_too_long", False)
    assert fake.bodies == []


async def test_title_stands_above_the_text(channel: WecomSchool) -> None:
    assert channel.parts(make_outbound("101", "今早有人冒充班主任收款", "骗局预警")) == [
        "【骗局预警】\n今早有人冒充班主任收款"
    ]


async def test_probe_finds_a_class_without_anybody_seeing_it(channel: WecomSchool, fake: FakeSchool) -> None:
    await channel.probe("101", "")

    assert fake.notices == []


@pytest.mark.parametrize(
    "answer",
    [
        refused(60003, "department not found"),
        web.json_response({"errcode": 0, "departments": []}),
        web.json_response({"errcode": 0, "departments": [{"id": 1010}, {"name": "?"}, 101]}),
        web.json_response({"errcode": 0, "departments": "101"}),
        web.json_response({"errcode": 0}),
    ],
)
async def test_probe_of_a_class_that_is_gone(channel: WecomSchool, fake: FakeSchool, answer: web.Response) -> None:
    fake.directory_answers.append(answer)

    with pytest.raises(SendError) as caught:
        await channel.probe("101", "")
    assert (caught.value.code, caught.value.outcome) == ("route_broken", REJECTED)


async def test_probe_when_nobody_knows(channel: WecomSchool, fake: FakeSchool) -> None:
    fake.directory_answers.append(portal())

    with pytest.raises(OutcomeUnknown):
        await channel.probe("101", "")


async def test_check_says_how_far_the_app_reaches(channel: WecomSchool) -> None:
    assert "368" in await channel.check()


@pytest.mark.parametrize(("name", "value"), [("agent_id", "7"), ("secret", "another"), ("corp_id", "ww0")])
async def test_check_with_wrong_settings(stage: SchoolStage, clock: Clock, name: str, value: str) -> None:
    http = Http()
    with pytest.raises(SendError) as caught:
        await WecomSchool(stage.values() | {name: value}, Surroundings(http, clock)).check()
    await http.close()

    assert (caught.value.code, caught.value.outcome) == ("bad_credentials", DENIED)
    assert SECRET not in str(caught.value)

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest
from aiohttp import web

from tests.conftest import WEBHOOK_SECRET, Clock
from tests.factories import NOW
from tests.receiver import receiving
from warden_bot.channels.base import Channel, SendReceipt, Surroundings
from warden_bot.channels.http import Http
from warden_bot.channels.registry import Channels, build_channels
from warden_bot.content.replies import Replies
from warden_bot.domain.message import OutboundMessage, Recipient
from warden_bot.domain.relay import Patience
from warden_bot.errors import SendError, SettingsError
from warden_bot.states import AttemptOutcome, ChannelKind
from warden_bot.store.links import Links, Purpose

TEXT = "96110来电请接，警察不会在电话里叫您转账。"
TEACHER = "sandbox:private:zhang"


@dataclass
class Board:
    """The sandbox's rooms, without a database."""

    lines: list[tuple[str, str]] = field(default_factory=list)

    async def post(self, room: str, words: str, _now: datetime) -> None:
        self.lines.append((room, words))


@pytest.fixture
def board() -> Board:
    return Board()


@pytest.fixture
async def all_channels(clock: Clock, links: Links, board: Board) -> AsyncIterator[Channels]:
    http = Http()
    around = Surroundings(http, clock, rooms=board, page_address=links.post, words=Replies().say)
    yield build_channels({ChannelKind.WEBHOOK: {"secret": WEBHOOK_SECRET}}, around)
    await http.close()


@pytest.fixture
def relay(all_channels: Channels) -> Channel:
    return all_channels[ChannelKind.RELAY]


def make_post(address: str, text: str = TEXT, title: str = "", about: str = "", secret: str = "") -> OutboundMessage:
    recipient = Recipient("c001", address, secret, name="高三211班")
    return OutboundMessage("a1b2-7", recipient, text, title, about=about)


@pytest.mark.parametrize(
    "address",
    [
        *("link", "zhanglaoshi", "网页", "zhang@school.example", "x" * 100),
        *(TEACHER, "wecom_app:zhanglaoshi", "onebot:user:12345678", "dingtalk:staff:zhang01"),
        *("https://school.example/hook?class=211", "webhook:https://school.example/hook"),
    ],
)
def test_address_is_a_plain_word_or_a_private_one_of_a_channel_that_reaches_people(
    relay: Channel, address: str
) -> None:
    assert relay.address_fault(address) is None


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("", "地址写 link"),
        ("two words", "地址写 link"),
        ("x" * 101, "地址写 link"),
        ("wecm_app:hidden7", "能用的渠道：dingtalk、feishu"),
        ("wecom_app：hidden7", "能用的渠道"),  # typed with a Chinese keyboard, it must not become a plain word
        ("wecom_robot:hidden7", "能用的渠道"),  # reaches groups only
        ("relay:hidden7", "能用的渠道"),
        ("wecom_app:", "能用的渠道"),
        (":hidden7", "能用的渠道"),
        ("class/hidden7", "能用的渠道"),
        ("ftp://hidden7.example", "能用的渠道"),
        ("https://", "http:// 或 https://"),
        ("webhook:hidden7", "http:// 或 https://"),
        ("dingtalk:https://hidden7.example", "不要整个网址"),
    ],
)
def test_any_other_address_is_refused_in_one_line_that_does_not_repeat_it(
    relay: Channel, address: str, reason: str
) -> None:
    fault = relay.address_fault(address)

    assert fault is not None
    assert reason in fault
    assert "hidden7" not in fault
    assert "\n" not in fault


@pytest.mark.parametrize(
    ("address", "platform"),
    [
        ("link", "relay"),
        (TEACHER, "sandbox"),
        ("https://Teacher:pw@school.example/hook", "webhook:school.example"),
        ("dingtalk:staff:zhang01", "dingtalk:app"),
    ],
)
def test_what_fails_as_one_is_the_teacher_s_platform(relay: Channel, address: str, platform: str) -> None:
    assert relay.platform(address) == platform


def test_teacher_s_channel_sets_the_pace(relay: Channel, all_channels: Channels) -> None:
    person = all_channels[ChannelKind.DINGTALK].abilities("staff:zhang01")

    assert person.pace
    assert relay.abilities("dingtalk:staff:zhang01") == replace(relay.capabilities, pace=person.pace)
    assert relay.abilities("link") == relay.capabilities
    assert relay.capabilities.takes_key
    assert relay.capabilities.hands_over


def test_text_is_handed_over_whole_and_a_reminder_needs_none(relay: Channel) -> None:
    assert relay.parts(make_post("link", "长" * 6000, "提醒")) == ["【提醒】\n" + "长" * 6000]
    assert relay.parts(make_post("link", "", about="a1b2-7")) == [""]
    assert relay.parts(make_post("link", "")) == []


async def test_teacher_without_an_address_is_told_nothing(relay: Channel, board: Board) -> None:
    assert await relay.send(make_post("link"), TEXT, 0) == SendReceipt()
    assert board.lines == []


@pytest.mark.parametrize(
    ("about", "words"),
    [
        ("", "请转发到高三211班：打开 {} ，复制后发到群里，再点“已经发了”。"),
        ("ffff-9", "高三211班还没有转发，请打开 {} 。已经发过就点一下“已经发了”。"),
    ],
)
async def test_teacher_is_told_where_the_text_waits_and_never_the_text(
    relay: Channel, board: Board, links: Links, about: str, words: str
) -> None:
    await relay.send(make_post(TEACHER, about=about), TEXT, 0)

    ((room, said),) = board.lines
    link = next(word for word in said.split() if word.startswith("打开") or "://" in word).removeprefix("打开")
    token = link.removeprefix("https://warden.example/relay/")
    assert (room, said) == ("private:zhang", words.format(link))
    assert links.read(Purpose.POST, token, NOW + timedelta(hours=47, minutes=59)) == (about or "a1b2-7")
    assert TEXT not in said


async def test_class_s_own_secret_signs_what_its_teacher_is_told(clock: Clock, links: Links, board: Board) -> None:
    http = Http()
    around = Surroundings(http, clock, rooms=board, page_address=links.post, words=Replies().say)
    other = build_channels({ChannelKind.WEBHOOK: {"secret": "another"}}, around)[ChannelKind.RELAY]
    async with receiving() as receiver:
        await other.send(make_post(receiver.url, secret=WEBHOOK_SECRET), TEXT, 0)
    await http.close()

    (got,) = receiver.got
    assert receiver.forged == 0
    assert (got["delivery_id"], got["group"], got["title"]) == ("a1b2-7", "c001", "")
    assert TEXT not in got["text"]


async def test_refusal_is_the_teacher_s_channel_s(relay: Channel) -> None:
    async with receiving() as receiver:
        receiver.answer = web.Response(status=410)
        with pytest.raises(SendError) as caught:
            await relay.send(make_post(receiver.url), TEXT, 0)

    assert (caught.value.code, caught.value.outcome) == ("route_broken", AttemptOutcome.REJECTED)
    assert receiver.url not in str(caught.value)


async def test_class_s_own_page_always_works_and_a_teacher_s_channel_is_asked(relay: Channel) -> None:
    await relay.probe("link", "")
    with pytest.raises(SendError, match="cannot_probe"):
        await relay.probe(TEACHER, "")

    assert (await relay.check(), relay.lacks(), relay.can_push()) == ("", [], True)


def built(**values: str) -> Channel:
    around = Surroundings(Http(), lambda: NOW)
    return build_channels({ChannelKind.RELAY: values}, around)[ChannelKind.RELAY]


def test_patience_is_read_from_the_settings() -> None:
    assert built().patience == Patience(timedelta(hours=1), 2, timedelta(hours=48))
    assert built(remind_after="15", reminders="0", hours="1").patience == Patience(
        timedelta(minutes=15), 0, timedelta(hours=1)
    )


@pytest.mark.parametrize("wrong", ["-1", "1.5", "an hour", "１５", "²", " ", "99999"])
def test_every_wrong_number_is_named(wrong: str) -> None:
    with pytest.raises(SettingsError) as caught:
        built(remind_after=wrong, reminders=wrong, hours=wrong)

    assert [fault.split()[0] for fault in caught.value.faults] == [
        f"WARDEN_RELAY_{name}" for name in ("REMIND_AFTER", "REMINDERS", "HOURS")
    ]

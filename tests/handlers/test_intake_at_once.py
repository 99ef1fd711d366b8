"""An emergency while the database is away, on a platform that takes no reply in the HTTP answer."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from tests.conftest import Clock
from tests.factories import NOW, make_message
from tests.platforms.onebot import GROUP_ID, OneBotStage
from warden_bot.channels.base import SendReceipt, Surroundings
from warden_bot.channels.http import Http
from warden_bot.channels.registry import build_channels
from warden_bot.channels.sandbox import Sandbox
from warden_bot.content.library import Library
from warden_bot.domain.message import InboundMessage, OutboundMessage, Sender
from warden_bot.errors import OutcomeUnknown, SendError
from warden_bot.handlers import intake
from warden_bot.handlers.dispatch import Desk
from warden_bot.handlers.intake import receive
from warden_bot.states import Action, AttemptOutcome, ChannelKind, Priority, SenderRole
from warden_bot.store.database import Database
from warden_bot.store.sealing import Sealer
from warden_bot.store.spool import Spool

FIRE, ONEBOT, SANDBOX = "楼下着火了孩子还在屋里", ChannelKind.ONEBOT, ChannelKind.SANDBOX
PERSON = "user:12345678"


@pytest.fixture
async def away(stage: OneBotStage, sealer: Sealer, clock: Clock) -> AsyncIterator[Desk]:
    """A desk without a database; its platform is there."""
    http, gone = Http(), Database("postgresql://nobody@127.0.0.1:9/none")
    channels = build_channels({ONEBOT: stage.values()}, Surroundings(http, clock))
    yield Desk(gone, channels, sealer, timedelta(minutes=5))
    await gone.close()
    await http.close()


def said(text: str, chat: str = "", channel: ChannelKind = ONEBOT) -> InboundMessage:
    return make_message(text, channel=channel, chat=chat, sender=Sender(PERSON, "某家长", SenderRole.PARENT))


@pytest.mark.parametrize(
    ("chat", "action", "told"),
    [("", "send_private_msg", ("user_id", 12345678)), (str(GROUP_ID), "send_group_msg", ("group_id", GROUP_ID))],
    ids=["private", "group"],
)
async def test_line_goes_straight_to_where_somebody_cried_for_help(
    away: Desk, spool: Spool, library: Library, stage: OneBotStage, chat: str, action: str, told: tuple[str, int]
) -> None:
    reply = await receive(away, spool, said(FIRE, chat), library, "11月23日", NOW)

    ((called, parameters),) = stage.client.calls
    assert stage.heard() == [library.replies.emergency("fire")]
    assert (called, parameters[told[0]]) == (action, told[1])
    assert (reply and reply.action, len(spool.waiting())) == (Action.EMERGENCY, 1)


@pytest.mark.parametrize("words", ["举报：北门小店卖电子烟", "反诈热线是多少", "今天作业是第几页"])
async def test_nothing_else_is_said_past_the_outbox(
    away: Desk, spool: Spool, library: Library, stage: OneBotStage, words: str
) -> None:
    assert await receive(away, spool, said(words), library, "11月23日", NOW) is None
    assert stage.client.calls == []


@dataclass
class Broken:
    """A platform that fails as the test says, and what it was asked to send."""

    failure: Callable[[], object]
    asked: list[OutboundMessage] = field(default_factory=list)


class Failing(Sandbox):
    broken: Broken

    async def send(self, message: OutboundMessage, part: str, number: int) -> SendReceipt:
        assert (part, number) == (message.text, 0)
        self.broken.asked.append(message)
        failure = self.broken.failure()
        if isinstance(failure, Exception):
            raise failure
        await asyncio.Event().wait()  # it never answers
        return SendReceipt()


@pytest.mark.parametrize(
    "failure",
    [
        lambda: SendError("unreachable", AttemptOutcome.RETRYABLE, platform_words=PERSON),
        lambda: OutcomeUnknown("no_answer", PERSON),
        lambda: KeyError(PERSON),
        lambda: None,
    ],
    ids=["refused", "no answer", "a mistake of the channel's", "hangs"],
)
async def test_line_that_cannot_be_said_is_tried_once_and_harms_nothing(
    away: Desk,
    spool: Spool,
    library: Library,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    failure: Callable[[], object],
) -> None:
    monkeypatch.setattr(intake, "AT_ONCE_SECONDS", 0.05)
    failing = Failing({}, Surroundings(Http(), clock))
    failing.broken = Broken(failure)
    desk = replace(away, channels={**away.channels, SANDBOX: failing})
    message = said(FIRE, channel=SANDBOX)

    reply = await receive(desk, spool, message, library, "11月23日", NOW)

    (asked,) = failing.broken.asked
    (name,) = spool.waiting()
    assert reply is not None
    assert (reply.text, spool.read(name)) == (library.replies.emergency("fire"), (message, NOW))
    assert (asked.recipient.address, asked.recipient.person, asked.priority) == (PERSON, True, Priority.REPLY)
    assert "could not be answered at once" in caplog.text
    assert not [secret for secret in (FIRE, PERSON, "某家长") if secret in caplog.text]


async def test_where_the_http_answer_carries_the_line_nothing_else_is_sent(
    away: Desk, spool: Spool, library: Library, stage: OneBotStage
) -> None:
    reply = await receive(away, spool, said(FIRE, channel=ChannelKind.WEBHOOK), library, "11月23日", NOW)

    assert reply is not None
    assert (reply.text, stage.client.calls) == (library.replies.emergency("fire"), [])

"""How the AI bot's long connection comes about, ends and comes back, and which process may have it."""

import asyncio
from dataclasses import replace

import pytest

from tests.conftest import Clock
from tests.platforms.wecom_aibot import AES_KEY, QUICK, TOKEN
from tests.platforms.wecom_aibot_line import GROUP_MESSAGE, Line, ack, listening
from tests.platforms.wecom_aibot_socket import FakeAibot
from warden_bot.channels.base import Surroundings
from warden_bot.channels.http import Http
from warden_bot.channels.wecom_aibot.channel import WecomAibot
from warden_bot.domain.message import InboundMessage
from warden_bot.errors import OutcomeUnknown
from warden_bot.states import AttemptOutcome, ChannelKind

KIND = ChannelKind.WECOM_AIBOT
DENIED, RETRYABLE = AttemptOutcome.DENIED, AttemptOutcome.RETRYABLE


class Gate:
    """Holds up the handling of messages until it is opened."""

    def __init__(self) -> None:
        self.reached, self.opened = asyncio.Event(), asyncio.Event()

    async def __call__(self, message: InboundMessage) -> None:
        if message.message_id == "MSGID1":
            self.reached.set()
            await self.opened.wait()


async def test_lost_connection_comes_back(line: Line, fake: FakeAibot) -> None:
    await fake.hang_up()
    await fake.until(lambda: fake.subscriptions == 2)
    await line.ready()

    await line.push()

    assert len(fake.pushed) == 1


async def test_connection_lost_before_the_ack_leaves_open_whether_it_arrived(line: Line, fake: FakeAibot) -> None:
    fake.acks.append(None)
    pushing = asyncio.create_task(line.push_fails())
    await fake.until(lambda: fake.frames[-1]["cmd"] == "aibot_send_msg")
    await fake.hang_up()

    error = await pushing

    assert (type(error), error.code) == (OutcomeUnknown, "no_answer")


async def test_nobody_answers_pings(fake: FakeAibot, clock: Clock) -> None:
    fake.answers_pings = False
    async with listening(fake, clock, replace(QUICK, ping=0.01)):
        await fake.until(lambda: fake.subscriptions == 2)

    pings = [one["cmd"] for one in fake.frames].index("aibot_subscribe", 1) - 1
    assert pings == 2


async def test_connection_whose_pings_are_answered_stays(fake: FakeAibot, clock: Clock) -> None:
    async with listening(fake, clock, replace(QUICK, ping=0.01)):
        await fake.until(lambda: [one["cmd"] for one in fake.frames].count("ping") == 5)

    assert fake.subscriptions == 1


async def test_wrong_secret_is_said_by_every_push_and_not_tried_again_soon(fake: FakeAibot, clock: Clock) -> None:
    async with listening(fake, clock, bot_secret="wrong") as line:
        await fake.until(lambda: fake.subscriptions == 1)
        await line.lease.turns()

        error = await line.push_fails()

        assert (error.code, error.outcome, error.platform_code) == ("bad_credentials", DENIED, "40001")
        assert "203.0.113.7" not in str(error)
        assert line.channel.sends_from_here()  # else nobody would ever hear of it
        assert fake.subscriptions == 1


async def test_any_refusal_of_the_subscription_is_about_the_credentials(fake: FakeAibot, clock: Clock) -> None:
    fake.subscription_acks.append(ack(93019, "robot disabled"))
    async with listening(fake, clock) as line:
        await fake.until(lambda: fake.subscriptions == 0 and bool(fake.frames))
        await line.lease.turns()

        assert (await line.push_fails()).code == "bad_credentials"
        assert len(fake.frames) == 1


@pytest.mark.parametrize("answer", [{"errcode": -1, "errmsg": "system busy"}, {"errmsg": "?"}, None])
async def test_subscription_that_fails_in_passing_is_tried_again(
    fake: FakeAibot, clock: Clock, answer: dict[str, object] | None
) -> None:
    fake.subscription_acks.append(answer)
    async with listening(fake, clock, replace(QUICK, ack=0.05)) as line:
        await line.ready()
        await line.push()

    assert len(fake.pushed) == 1


async def test_throttled_subscription_waits_what_the_platform_asks(fake: FakeAibot, clock: Clock) -> None:
    fake.subscription_acks.append(ack(45009, "api freq out of limit"))
    async with listening(fake, clock) as line:
        await fake.until(lambda: bool(fake.frames))
        await line.lease.turns()

        error = await line.push_fails()
        assert (error.code, error.outcome, error.asked) == ("unreachable", RETRYABLE, False)
        assert len(fake.frames) == 1


async def test_connection_that_was_pushed_out_does_not_push_back(line: Line, fake: FakeAibot) -> None:
    await fake.displace()
    await line.lease.turns()

    error = await line.push_fails()

    assert (error.code, error.outcome, error.asked) == ("unreachable", RETRYABLE, False)
    assert fake.subscriptions == 1


async def test_unreachable_platform_is_seen_by_whoever_sends(clock: Clock, fake: FakeAibot) -> None:
    async with listening(fake, clock, websocket_url="ws://127.0.0.1:9") as line:
        await line.lease.turns()

        error = await line.push_fails()

        assert (error.code, error.outcome, error.asked) == ("unreachable", RETRYABLE, False)
        assert line.channel.sends_from_here()


async def test_only_who_has_the_lease_connects_and_who_loses_it_lets_go(fake: FakeAibot, clock: Clock) -> None:
    async with listening(fake, clock, given=False) as line:
        await line.lease.turns()
        error = await line.push_fails()
        assert (error.code, error.outcome, error.asked) == ("unreachable", RETRYABLE, False)
        assert not line.channel.sends_from_here()
        assert fake.subscriptions == 0

        line.lease.given = True
        await line.ready()
        assert line.channel.sends_from_here()

        line.lease.given = False
        await line.lease.turns()
        assert not line.channel.sends_from_here()

        line.lease.given = True
        await line.ready()
        await line.push()
        assert fake.subscriptions == 2


async def test_while_nobody_can_say_whose_the_lease_is_everybody_keeps_what_they_have(
    fake: FakeAibot, clock: Clock
) -> None:
    async with listening(fake, clock, given=False) as line:
        line.lease.broken = True
        await line.lease.turns()
        assert fake.subscriptions == 0

        line.lease.broken, line.lease.given = False, True
        await line.ready()
        line.lease.broken = True
        await line.lease.turns()
        await line.push()


async def test_answer_in_the_making_still_goes_out_when_we_stop(
    fake: FakeAibot, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    gate = Gate()
    async with listening(fake, clock) as line:
        await line.ready()
        line.before = gate
        await fake.tell(GROUP_MESSAGE, "REQ_MSG_1")
        await gate.reached.wait()
        asyncio.get_running_loop().call_later(0.01, gate.opened.set)

    assert len(fake.responses) == 1
    assert "not answered" not in caplog.text  # its ack was waited for too


async def test_answer_goes_over_the_next_connection_when_the_first_is_lost(line: Line, fake: FakeAibot) -> None:
    line.before = gate = Gate()
    await fake.tell(GROUP_MESSAGE, "REQ_MSG_1")
    await gate.reached.wait()
    await fake.hang_up()
    await fake.until(lambda: fake.subscriptions == 2)

    gate.opened.set()
    await fake.until(lambda: bool(fake.responses))

    assert fake.frames[-1]["headers"] == {"req_id": "REQ_MSG_1"}


@pytest.mark.usefixtures("line")
async def test_answer_whose_ack_is_cut_off_is_said_again_on_the_next_connection(fake: FakeAibot) -> None:
    fake.acks.append(None)
    await fake.tell(GROUP_MESSAGE, "REQ_MSG_1")
    await fake.until(lambda: fake.frames[-1]["headers"] == {"req_id": "REQ_MSG_1"})
    said = fake.frames[-1]

    await fake.hang_up()
    await fake.until(lambda: bool(fake.responses))

    assert fake.subscriptions == 2
    assert fake.frames[-1] == said


async def test_slow_message_holds_up_nobody_else_s(line: Line, fake: FakeAibot) -> None:
    line.before = gate = Gate()
    await fake.tell(GROUP_MESSAGE, "REQ1")
    await gate.reached.wait()

    await fake.tell({**GROUP_MESSAGE, "msgid": "M2"}, "REQ2")
    await fake.until(lambda: bool(fake.responses))

    assert fake.frames[-1]["headers"] == {"req_id": "REQ2"}
    gate.opened.set()


async def test_answers_with_one_req_id_wait_for_each_other(line: Line, fake: FakeAibot) -> None:
    fake.acks.append(None)  # the first one's is given by hand
    await fake.tell(GROUP_MESSAGE, "REQ1")
    await fake.tell({**GROUP_MESSAGE, "msgid": "M2"}, "REQ1")
    await fake.until(lambda: fake.frames[-1]["headers"] == {"req_id": "REQ1"})
    await line.lease.turns()
    assert len(fake.frames) == 2

    await fake.say({"headers": {"req_id": "REQ1"}, "errcode": 0, "errmsg": "ok"})
    await fake.until(lambda: len(fake.responses) == 1)

    assert len(fake.frames) == 3


async def test_on_its_url_a_bot_keeps_no_connection(clock: Clock) -> None:
    aibot = WecomAibot({"token": TOKEN, "aes_key": AES_KEY}, Surroundings(Http(), clock))

    async def hear(_message: InboundMessage) -> None:
        return None

    with pytest.raises(RuntimeError, match="no connection"):
        await aibot.listen(hear)

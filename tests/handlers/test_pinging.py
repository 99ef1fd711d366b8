import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.classroom import findings
from tests.conftest import Clock
from tests.factories import NOW, add_groups, make_group
from tests.platforms.onebot import GROUP_ID, STRANGE_GROUP, OneBotStage
from warden_bot.channels.base import Surroundings
from warden_bot.channels.http import Http
from warden_bot.channels.registry import Channels, build_channels
from warden_bot.channels.sandbox import Sandbox
from warden_bot.domain.trouble import of_asking
from warden_bot.errors import OutcomeUnknown, SendError
from warden_bot.handlers.pinging import AT_ONCE, Pinged, ping_groups, write_down
from warden_bot.states import AttemptOutcome, ChannelKind, FindingKind
from warden_bot.store.database import Database, Session
from warden_bot.store.findings import note
from warden_bot.store.groups import SECRET, Group, all_groups
from warden_bot.store.sealing import Sealer

ONEBOT, SANDBOX = ChannelKind.ONEBOT, ChannelKind.SANDBOX
ADDRESS = "https://school.example/hook?key=0123456789"


@pytest.fixture
async def reaching(stage: OneBotStage, clock: Clock) -> AsyncIterator[Channels]:
    http = Http()
    yield build_channels({ONEBOT: stage.values()}, Surroundings(http, clock))
    await http.close()


def at(sealer: Sealer, code: str, kind: ChannelKind, address: object) -> Group:
    return make_group(sealer, code, channel=kind, address=str(address))


async def test_each_route_is_asked_for_without_anybody_in_a_group_hearing_it(
    stage: OneBotStage, reaching: Channels, sealer: Sealer
) -> None:
    groups = [
        at(sealer, "c001", ONEBOT, GROUP_ID),
        at(sealer, "c002", ONEBOT, STRANGE_GROUP),
        at(sealer, "c003", ONEBOT, 30003000),
        at(sealer, "c004", SANDBOX, "room"),
        at(sealer, "c005", ChannelKind.RELAY, "link"),
        at(Sealer([bytes(32)]), "c006", ONEBOT, GROUP_ID),
    ]

    pinged = await ping_groups(groups, reaching, sealer)

    assert [(one.code, one.result, one.trouble) for one in pinged] == [
        ("c001", "works", ""),
        ("c002", "broken", "route_broken"),
        ("c003", "broken", "route_broken"),
        ("c004", "cannot_be_asked", "cannot_probe"),
        ("c005", "works", ""),
        ("c006", "broken", "seal_broken"),
    ]
    assert stage.heard() == []
    assert "30003000" not in str([one.as_json() for one in pinged])


async def test_platform_that_does_not_say_leaves_it_unsure(
    stage: OneBotStage, reaching: Channels, sealer: Sealer
) -> None:
    await stage.stop()

    (pinged,) = await ping_groups([at(sealer, "c001", ONEBOT, GROUP_ID)], reaching, sealer)

    assert (pinged.result, pinged.trouble) == ("unsure", "unreachable")


class Probed(Sandbox):
    """A platform of the tests: fails as the test says, and counts who asks at once."""

    failure: Exception | None = None
    asking = most = 0

    async def probe(self, address: str, secret: str) -> None:
        self.asking += 1
        self.most = max(self.most, self.asking)
        await asyncio.sleep(0)  # everybody else goes on
        self.asking -= 1
        if isinstance(self.failure, SendError):
            self.failure.platform_words = f"no {address} with {secret}"
        if self.failure is not None:
            raise self.failure


@pytest.fixture
def probed(clock: Clock) -> Probed:
    return Probed({}, Surroundings(Http(), clock))


@pytest.mark.parametrize(
    ("failure", "result", "trouble"),
    [
        (SendError("route_broken", AttemptOutcome.REJECTED), "broken", "route_broken"),
        (SendError("bad_credentials", AttemptOutcome.DENIED), "unsure", "bad_credentials"),
        (SendError("throttled", AttemptOutcome.THROTTLED), "unsure", "throttled"),
        (OutcomeUnknown("no_answer"), "unsure", "no_answer"),
        (KeyError("a mistake of the channel's"), "unsure", "channel_fault"),
    ],
    ids=lambda value: getattr(value, "code", ""),
)
async def test_what_a_platform_says_is_kept_without_what_opens_the_group(
    probed: Probed, sealer: Sealer, failure: Exception, result: str, trouble: str
) -> None:
    group = at(sealer, "c001", SANDBOX, ADDRESS)
    group.sealed_secret = sealer.seal("SEC-of-this-robot", SECRET)
    probed.failure = failure

    (pinged,) = await ping_groups([group], {SANDBOX: probed}, sealer)

    assert (pinged.result, pinged.trouble) == (result, trouble)
    assert not [secret for secret in (ADDRESS, "SEC-of-this-robot", "hook?key") if secret in str(pinged)]
    assert pinged.as_json() == {
        "code": "c001",
        "channel": "sandbox",
        "result": result,
        "reason": of_asking(trouble).what,
        "remedy": of_asking(trouble).remedy,
        "platform_words": "no … with …" if isinstance(failure, SendError) else "KeyError",
    }


async def test_few_are_asked_at_once(probed: Probed, sealer: Sealer) -> None:
    groups = [at(sealer, f"c{number:03}", SANDBOX, "room") for number in range(30)]

    pinged = await ping_groups(groups, {SANDBOX: probed}, sealer)

    assert [one.result for one in pinged] == ["works"] * 30
    assert pinged[0].as_json() | {"code": "", "channel": ""} == {
        "code": "",
        "channel": "",
        "result": "works",
        "reason": None,
        "remedy": None,
        "platform_words": None,
    }
    assert probed.most == AT_ONCE


async def test_what_was_found_is_known_to_whoever_sends_next(database: Database, sealer: Sealer) -> None:
    groups = [at(sealer, f"c{number:03}", ONEBOT, f"2000200{number}") for number in range(1, 6)]
    for group in groups[:3]:
        group.route_broken_at, group.route_broken_code = NOW, "route_broken"
    await add_groups(database, *groups)
    results = {
        "c001": ("works", ""),
        "c002": ("unsure", "unreachable"),
        "c003": ("broken", "route_broken"),
        "c004": ("broken", "seal_broken"),
        "c005": ("works", ""),
    }
    later = NOW.replace(hour=9)

    async def work(session: Session) -> None:
        for code in ("c001", "c002", "c003"):
            await note(session, FindingKind.ROUTE_BROKEN, code, "", NOW)
        known = {group.code: group.id or 0 for group in await all_groups(session)}
        pinged = [Pinged(known[code], code, ONEBOT, *result, "gone") for code, result in results.items()]
        await write_down(session, pinged, later)

    await database.write(work)

    async with database.read() as session:
        after = {one.code: (one.route_broken_at, one.route_broken_code) for one in await all_groups(session)}
        checked = {one.code: one.checked_at for one in await all_groups(session) if one.checked_at}
    assert after == {
        "c001": (None, ""),
        "c002": (NOW, "route_broken"),
        "c003": (NOW, "route_broken"),  # since it first was
        "c004": (later, "seal_broken"),
        "c005": (None, ""),
    }
    assert checked == {"c001": later, "c005": later}
    assert sorted(await findings(database)) == [
        ("route_broken", "c001", False),
        ("route_broken", "c002", True),
        ("route_broken", "c003", True),
        ("route_broken", "c004", True),
    ]


async def test_platform_that_gives_no_answer_is_not_asked_for_every_group(
    stage: OneBotStage, reaching: Channels, sealer: Sealer
) -> None:
    await stage.stop()
    groups = [at(sealer, f"c{number:03}", ONEBOT, GROUP_ID) for number in range(40)]
    others = [at(sealer, "d001", ChannelKind.RELAY, "link")]

    pinged = await ping_groups([*groups, *others], reaching, sealer)

    assert {(one.result, one.trouble) for one in pinged[:40]} == {("unsure", "unreachable")}
    assert pinged[40].result == "works"

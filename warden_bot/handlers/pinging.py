"""Does a group's route work? Asked of the platform without anybody in the group seeing it, where the platform can be asked."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from warden_bot.channels.base import Channel
from warden_bot.channels.registry import Channels
from warden_bot.domain.trouble import of_asking
from warden_bot.errors import SealBroken, SendError
from warden_bot.handlers.settling import without_secrets
from warden_bot.states import ChannelKind, FindingKind
from warden_bot.store.database import Session
from warden_bot.store.findings import mend, note
from warden_bot.store.groups import ADDRESS, SECRET, Group, mark_checked, mark_route
from warden_bot.store.sealing import Sealer

AT_ONCE = 5  # requests at a time on one platform: a check is never urgent
ASKED_IN_VAIN = 3
NO_ANSWER = frozenset({"unreachable", "no_answer"})
WORKS, BROKEN, UNSURE, UNASKED = "works", "broken", "unsure", "cannot_be_asked"


@dataclass(frozen=True, slots=True)
class Pinged:
    """What a check of one group's route showed."""

    group_id: int
    code: str
    channel: ChannelKind
    result: str  # works, broken, unsure (the platform did not say), cannot_be_asked (only a message would show)
    trouble: str = ""  # our code
    platform_words: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return the shape that `groups ping --json` prints."""
        return {
            "code": self.code,
            "channel": self.channel.value,
            "result": self.result,
            "reason": of_asking(self.trouble).what if self.trouble else None,
            "remedy": of_asking(self.trouble).remedy if self.trouble else None,
            "platform_words": self.platform_words or None,
        }


async def ping_groups(groups: Sequence[Group], channels: Channels, sealer: Sealer) -> list[Pinged]:
    """Check the routes of groups, a few at a time. Nobody in them sees anything."""
    turns: defaultdict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(AT_ONCE))
    silent: Counter[str] = Counter()  # how often in a row each platform gave no answer at all

    async def one(group: Group) -> Pinged:
        channel = channels[group.channel]
        with suppress(SealBroken):
            platform = channel.platform(sealer.open(group.sealed_address, ADDRESS))
            async with turns[platform]:
                if silent[platform] >= ASKED_IN_VAIN:  # the rest of it would only take as long each
                    return Pinged(group.id or 0, group.code, group.channel, UNSURE, "unreachable")
                pinged = await _ping(group, channel, sealer)
                silent[platform] = silent[platform] + 1 if pinged.trouble in NO_ANSWER else 0
                return pinged
        return Pinged(group.id or 0, group.code, group.channel, BROKEN, "seal_broken")

    return list(await asyncio.gather(*(one(group) for group in groups)))


async def _ping(group: Group, channel: Channel, sealer: Sealer) -> Pinged:
    result, trouble, words = WORKS, "", ""
    address = secret = ""
    try:
        address = sealer.open(group.sealed_address, ADDRESS)
        secret = sealer.open(group.sealed_secret, SECRET) if group.sealed_secret else ""
        if address:
            await channel.probe(address, secret)
        else:
            result, trouble = BROKEN, "not_bound"
    except SealBroken:
        result, trouble = BROKEN, "seal_broken"
    except SendError as error:
        trouble, words = error.code, without_secrets(channel.scrubbed(error.platform_words), address, secret)
        result = {"cannot_probe": UNASKED, "route_broken": BROKEN}.get(error.code, UNSURE)
    except Exception as error:  # noqa: BLE001 -- a channel's own mistake must not keep the other groups from being checked
        result, trouble, words = UNSURE, "channel_fault", type(error).__name__
    return Pinged(group.id or 0, group.code, group.channel, result, trouble, words)


async def write_down(session: Session, pinged: Sequence[Pinged], now: datetime) -> None:
    """Keep what was found: whoever sends next knows it too."""
    for one in pinged:
        if one.result == WORKS:
            await mark_route(session, one.group_id, "", None)
            await mark_checked(session, one.group_id, now)
        elif one.result == BROKEN:
            await mark_route(session, one.group_id, one.trouble, now)
            await note(session, FindingKind.ROUTE_BROKEN, one.code, one.platform_words, now)
    works = [one.code for one in pinged if one.result == WORKS]
    if works:
        await mend(session, FindingKind.ROUTE_BROKEN, now, works)

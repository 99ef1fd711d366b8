"""Where a group is reached: its channel, its sealed address, and what follows from both."""

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime

from warden_bot.channels.registry import Channels
from warden_bot.errors import SealBroken
from warden_bot.states import ChannelKind
from warden_bot.store.database import Session
from warden_bot.store.groups import ADDRESS, Group, address_hash, all_groups
from warden_bot.store.sealing import Sealer

UNBOUND = ""  # the address of a group whose chat is not bound yet


def place_group(group: Group, kind: ChannelKind, address: str, channels: Channels, sealer: Sealer) -> None:
    """Set where a group is reached. A route that was broken is taken for whole again until it is tried."""
    group.channel = kind
    group.sealed_address = sealer.seal(address, ADDRESS)
    group.address_hash = address_hash(sealer, kind, address)
    group.takes_key = channels[kind].abilities(address).takes_key
    group.route_broken_at, group.route_broken_code, group.checked_at = None, "", None


def leave_unbound(group: Group, channels: Channels, sealer: Sealer, now: datetime) -> None:
    """Give a group no address yet: its teacher binds its chat, and until then nothing can be sent there."""
    place_group(group, group.channel, UNBOUND, channels, sealer)
    group.route_broken_at, group.route_broken_code = now, "not_bound"


def move_group(
    group: Group, kind: ChannelKind, address: str, channels: Channels, sealer: Sealer, now: datetime
) -> None:
    """Reach a group somewhere else from now on; the signing secret of its old address goes with that."""
    group.sealed_secret = None
    place_group(group, kind, address, channels, sealer)
    group.updated_at = now


def lacking(groups: Sequence[Group], channels: Channels, sealer: Sealer) -> Counter[tuple[ChannelKind, str]]:
    """Count the groups that cannot be written to for want of settings, by their kind and what is missing."""
    counts: Counter[tuple[ChannelKind, str]] = Counter()
    for group in groups:
        with suppress(SealBroken):
            address = sealer.open(group.sealed_address, ADDRESS)
            missing = channels[group.channel].lacks(address) if address else []
            if missing and not (group.sealed_secret and missing == ["SECRET"]):  # the group has one of its own
                counts[group.channel, "、".join(f"WARDEN_{group.channel.upper()}_{name}" for name in missing)] += 1
    return counts


async def place_unplaced(session: Session, channels: Channels, sealer: Sealer) -> int:
    """Fill in what rows from before that column lack; return how many. Runs at every start, and nearly always finds none."""
    placed = 0
    for group in await all_groups(session, retired=True):
        with suppress(SealBroken):  # one lost key must not keep the program from starting; `doctor` names it
            if not group.address_hash:
                address = sealer.open(group.sealed_address, ADDRESS)
                group.address_hash = address_hash(sealer, group.channel, address)
                group.takes_key = channels[group.channel].abilities(address).takes_key
                session.add(group)
                placed += 1
    return placed

"""Where a class's teacher is reached in private, as far as the groups file says."""

from contextlib import suppress

from warden_bot.channels.registry import Channels
from warden_bot.errors import SealBroken
from warden_bot.states import ChannelKind
from warden_bot.store.groups import ADDRESS, Group
from warden_bot.store.sealing import Sealer


def teacher_of(group: Group, channels: Channels, sealer: Sealer) -> tuple[ChannelKind, str] | None:
    """Return on which channel and where the teacher is reached in private; None where nobody knows."""
    address = group.teacher_address
    if channels[group.channel].capabilities.hands_over:
        with suppress(SealBroken):
            address = sealer.open(group.sealed_address, ADDRESS)
    return person_at(address, channels)


def person_at(address: str, channels: Channels) -> tuple[ChannelKind, str] | None:
    """Return the channel and the private address in "channel:address" or a URL; None where nobody is reached by it."""
    if address.startswith(("http://", "https://")):
        kind, private = ChannelKind.WEBHOOK.value, address
    else:
        kind, _, private = address.partition(":")
    if kind not in set(ChannelKind) or not private:
        return None  # a note for people
    channel = channels[ChannelKind(kind)]
    reaches = channel.capabilities.reaches_people and channel.can_push()
    return (channel.kind, private) if reaches and channel.address_fault(private) is None else None

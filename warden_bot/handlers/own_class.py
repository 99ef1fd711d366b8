"""Whose class teacher somebody is: the channel vouches for the role, or the groups file knows the private address."""

from collections.abc import Sequence

from warden_bot.domain.message import InboundMessage
from warden_bot.handlers.incoming import Incoming
from warden_bot.states import ChannelKind, SenderRole
from warden_bot.store.database import Session
from warden_bot.store.groups import Group, address_hash, classes_told_at, classes_with_teacher, group_by_code


def addresses_of(message: InboundMessage) -> list[str]:
    """Return how the groups file would write the private address of whoever writes."""
    own = [f"{message.channel.value}:{message.sender.id}"]
    return [*own, message.reply_url] if message.private and message.reply_url else own


def hashes_of(one: Incoming) -> list[str]:
    """Return the keyed hashes of those addresses, as they stand where a teacher posts by hand."""
    return [address_hash(one.desk.sealer, ChannelKind.RELAY, address) for address in addresses_of(one.message)]


def teaches_there(one: Incoming, group: Group) -> bool:
    """Say whether a message in a group is its class teacher's."""
    if one.message.sender.role is SenderRole.TEACHER or group.teacher_address in addresses_of(one.message):
        return True
    return group.channel is ChannelKind.RELAY and group.address_hash in hashes_of(one)


async def own_classes(session: Session, one: Incoming) -> Sequence[Group]:
    """Return the classes whose teacher writes, as far as that is known; where a name is several teachers', none."""
    message = one.message
    if not message.private:
        group = await group_by_code(session, message.group) if message.group else None
        return [group] if group is not None and teaches_there(one, group) else []
    found = await classes_told_at(session, addresses_of(message), hashes_of(one))
    if not found and message.sender.role is SenderRole.TEACHER:
        named = await classes_with_teacher(session, [message.sender.id, message.sender.name])
        return named if len(named) == 1 else []
    return found

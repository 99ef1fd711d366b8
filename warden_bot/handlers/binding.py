"""A chat is bound to its class: the operator gives out a code, the teacher types it there.

In a group chat it becomes the address of the group. In a private chat it says which person gets what has to be posted
by hand into the group (`relay`). Whoever knows the code may do it: it holds for a day and works once.
"""

import re
import secrets
import unicodedata
from dataclasses import dataclass
from datetime import datetime

from warden_bot.audit_actions import AuditAction
from warden_bot.channels.base import Reply
from warden_bot.channels.registry import Channels
from warden_bot.content.library import Library
from warden_bot.domain.audience import parse_audience
from warden_bot.domain.message import InboundMessage
from warden_bot.domain.receipt import new_code, read_code
from warden_bot.domain.understanding.judge import TOPIC_OF
from warden_bot.errors import Refused, SealBroken
from warden_bot.handlers.placing import move_group
from warden_bot.states import Action, ChannelKind, FindingKind, GroupStatus
from warden_bot.store.audit import add_entry
from warden_bot.store.binding import add_code, group_of_code, use_code
from warden_bot.store.columns import iso
from warden_bot.store.database import Session
from warden_bot.store.findings import mend, note
from warden_bot.store.groups import (
    ADDRESS,
    Group,
    address_hash,
    codes_at,
    group_by_code,
    group_by_id,
    groups_in_audience,
)
from warden_bot.store.sealing import Sealer

COMMAND = "绑定"
BIND = re.compile(rf"\s*{COMMAND}码?\s*:?\s*[0-9A-Za-z][0-9A-Za-z\s_—–-]{{6,20}}")  # "绑定 7K4Q-M2XD", in plain width
ACTOR = "chat"  # who binds, in the audit log: never the sender's own id


@dataclass(frozen=True, slots=True)
class GivenCode:
    """A code as the operator hands it to the teacher; it is shown this once."""

    group: str
    name: str
    code: str
    expires_at: datetime

    def as_json(self) -> dict[str, str | None]:
        """Return the shape that `groups bind --json` prints."""
        return {"group": self.group, "name": self.name, "code": self.code, "expires_at": iso(self.expires_at)}


def is_binding(text: str) -> bool:
    """Say whether somebody types a code to bind a chat, however it is typed and whether or not the code is right."""
    return COMMAND in text and bool(BIND.fullmatch(unicodedata.normalize("NFKC", text)))


async def give_codes(session: Session, rule: str, sealer: Sealer, actor: str, now: datetime) -> list[GivenCode]:
    """Make a code for every group of an audience. Raise Refused when there is none, or a named one is not there."""
    audience = parse_audience(rule)
    groups = await groups_in_audience(session, audience)
    known = {group.code for group in groups}
    missing = [term.code for term in audience.terms if term.adds and term.code and term.code not in known]
    if missing or not groups:
        raise Refused(f"没有群 {'、'.join(missing)}" if missing else f"没有一个群符合“{rule}”")
    given = [await _give_code(session, group, sealer, actor, now) for group in groups]
    add_entry(session, actor, AuditAction.BIND_CODES_MADE, f"{len(given)}: {rule}"[:200], now)
    return given


async def _give_code(session: Session, group: Group, sealer: Sealer, actor: str, now: datetime) -> GivenCode:
    """Make one group's code. One made before for it no longer holds."""
    code = new_code(secrets.choice)
    expires_at = await add_code(session, group.id or 0, _hashed(sealer, code), actor, now)
    return GivenCode(group.code, group.name, code, expires_at)


def _hashed(sealer: Sealer, code: str) -> str:
    return sealer.keyed_hash(f"bind\n{code}")


async def bind(
    session: Session, channels: Channels, sealer: Sealer, message: InboundMessage, library: Library, now: datetime
) -> Reply | None:
    """Bind the chat in which a code was typed. None: this kind names its groups by itself, or nobody can be written to there."""
    channel, address = channels[message.channel], message.chat or message.sender.id
    if (message.group is not None and not message.chat) or channel.address_fault(address) is not None:
        return None
    if message.private and not channel.abilities(address).reaches_people:
        return None
    phrase, group = await _bound(session, channels, sealer, message, now)
    if phrase == "bind_failed" and not message.addressed and read_code(message.text) is None:
        return None  # talk in a group that only begins like it
    words = library.replies.say(phrase, library.values(group=group.name if group else ""))
    return Reply(Action.STATUS, TOPIC_OF[Action.STATUS], words)


def _may_be_told(group: Group, sealer: Sealer) -> bool:
    """Say whether a person may be put in place of a group's chat: only where a teacher posts anyway, or none works."""
    return group.channel is ChannelKind.RELAY or group.route_broken_at is not None or not _opened(group, sealer)


def _opened(group: Group, sealer: Sealer) -> str:
    try:
        return sealer.open(group.sealed_address, ADDRESS)
    except SealBroken:
        return ""


async def _bound(
    session: Session, channels: Channels, sealer: Sealer, message: InboundMessage, now: datetime
) -> tuple[str, Group | None]:
    hashed = _hashed(sealer, read_code(message.text) or "")
    group_id = await group_of_code(session, hashed, now)
    group = await group_by_id(session, group_id) if group_id is not None else None
    if group is None or group.status is not GroupStatus.ACTIVE:
        return "bind_failed", None
    address = message.chat or message.sender.id
    taken = await codes_at(session, message.channel, [address_hash(sealer, message.channel, address)])
    others = [code for code in taken.values() if code != group.code and not message.private]
    # Used up in any case, for whoever reads along knows it now; False: somebody typed it a moment earlier.
    if not await use_code(session, hashed, now) or (message.private and not _may_be_told(group, sealer)):
        return "bind_failed", None
    if others:  # another class's chat
        return "bind_elsewhere", await group_by_code(session, others[0])
    if group.route_broken_at is None and _opened(group, sealer):
        await note(session, FindingKind.ROUTE_MOVED, group.code, "", now)
    if message.private:
        move_group(group, ChannelKind.RELAY, f"{message.channel.value}:{address}", channels, sealer, now)
    else:
        move_group(group, message.channel, address, channels, sealer, now)
    session.add(group)
    await mend(session, FindingKind.ROUTE_BROKEN, now, [group.code])
    add_entry(session, ACTOR, AuditAction.GROUP_BOUND, f"{group.code} on {group.channel.value}", now)
    return "bound_teacher" if message.private else "bound", group

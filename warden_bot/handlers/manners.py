"""What keeps the bot quiet: a mute, the stop of everything, a person who has the conversation, a held answer, its manners.

All of it is looked up once for the messages that are stored together, and only where something would be said.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from warden_bot.audit_actions import AuditAction
from warden_bot.channels.base import Reply
from warden_bot.domain.manners import HOUR, USUAL, Line, holds_back
from warden_bot.errors import AccessDenied, Refused
from warden_bot.handlers.incoming import Incoming
from warden_bot.handlers.tip import reporter_hash
from warden_bot.states import Action, HushReason, OfficerRole
from warden_bot.store.audit import add_entry
from warden_bot.store.database import Session
from warden_bot.store.groups import group_by_code
from warden_bot.store.held_answers import held_in
from warden_bot.store.hushes import EVERYWHERE, hush, hushed_among, of_group, of_sender, unhush
from warden_bot.store.inbox import said_unasked
from warden_bot.store.moves import call_back_campaigns
from warden_bot.store.officers import Officer

NO_REASONS: frozenset[HushReason] = frozenset()
BY_ORDER = frozenset({HushReason.MUTED, HushReason.STOPPED})  # nobody is answered in that group
ENDED_WITH_MUTE = frozenset({HushReason.MUTED, HushReason.HANDED_OVER})
MAY_SILENCE = frozenset({OfficerRole.CHIEF, OfficerRole.OPERATOR, OfficerRole.OFFICER, OfficerRole.EDITOR})
SILENCE = Reply(Action.SILENT, None, None)


@dataclass
class Etiquette:
    """What restrains the bot where some messages were said."""

    hushed: Mapping[str, frozenset[HushReason]] = field(default_factory=dict)
    held: frozenset[tuple[str, str]] = frozenset()  # groups and topics
    said: Mapping[str, list[Line]] = field(default_factory=dict)  # unasked, in each group

    def reasons(self, one: Incoming) -> frozenset[HushReason]:
        """Return why it is to be quiet where a message was said."""
        if not self.hushed:
            return NO_REASONS
        found = (self.hushed.get(scope, NO_REASONS) for scope in scopes(one))
        return NO_REASONS.union(*found)

    def is_handed_over(self, one: Incoming) -> bool:
        """Say whether a person has this private conversation now."""
        return one.message.private and HushReason.HANDED_OVER in self.reasons(one)

    def restrain(self, one: Incoming) -> Reply:
        """Return what is said to a message that opens no case: the reply it would get, something less, or nothing."""
        if one.heard.reply is None:
            return one.reply()
        if one.ignored:
            return SILENCE
        if one.message.private:
            return one.reply()
        reasons = self.reasons(one)
        if reasons & BY_ORDER:
            return SILENCE
        return self._asked(one) if one.message.addressed else self._unasked(one, reasons)

    def _asked(self, one: Incoming) -> Reply:
        if self._is_held(one):
            return Reply(one.verdict.action, None, one.say("answer_held"))
        return one.reply()

    def _unasked(self, one: Incoming, reasons: frozenset[HushReason]) -> Reply:
        group, topic = one.message.group, one.verdict.topic
        if HushReason.HANDED_OVER in reasons or self._is_held(one):
            return SILENCE
        if group is None:  # a chat that is bound to no group of ours: no cap and no mute would hold there
            return SILENCE
        lines = self.said.get(group, [])
        if holds_back(lines, topic, one.now):
            return SILENCE
        lines.append(Line(one.now, topic))  # those that are stored together count too
        return one.reply()

    def _is_held(self, one: Incoming) -> bool:
        topics = (one.verdict.topic, *one.verdict.also)
        return bool(self.held) and any((one.message.group, topic) in self.held for topic in topics)


def scopes(one: Incoming) -> list[str]:
    """Return the names of the places that a message was said in."""
    message = one.message
    if message.private:
        return [of_sender(reporter_hash(message, one.desk.sealer))]
    return [EVERYWHERE] if message.group is None else [EVERYWHERE, of_group(message.group)]


async def look(session: Session, incoming: Sequence[Incoming]) -> Etiquette:
    """Look up what restrains the bot: one question for messages that get a reply, two more for answers into groups."""
    concerned = [one for one in incoming if one.heard.reply is not None or (one.message.private and one.message.text)]
    if not concerned:
        return Etiquette()
    now = concerned[0].now
    hushed = await hushed_among(session, {scope for one in concerned for scope in scopes(one)}, now)
    answers = [one for one in concerned if one.verdict.action is Action.ANSWER and one.message.group is not None]
    groups = {one.message.group for one in answers if one.message.group}
    unasked = {one.message.group for one in answers if one.message.group and not one.message.addressed}
    held = await held_in(session, groups) if groups else set()
    said: dict[str, list[Line]] = defaultdict(list)
    if unasked:
        said |= await said_unasked(session, unasked, now - max(HOUR, USUAL.cooldown))
    return Etiquette(hushed, frozenset(held), {group: said[group] for group in unasked})


async def reasons_for(session: Session, one: Incoming) -> frozenset[HushReason]:
    """Return why it is to be quiet where a message was said, whatever it would be answered."""
    return Etiquette(await hushed_among(session, scopes(one), one.now)).reasons(one)


async def mute(session: Session, code: str, by: str, now: datetime, until: datetime | None = None) -> bool:
    """Say nothing more in a group, and call back what campaigns still owe it; False where it is muted for good already."""
    made = await hush(session, of_group(code), HushReason.MUTED, by, now, until)
    if made:
        add_entry(session, by, AuditAction.HUSHED, of_group(code), now)
        group = await group_by_code(session, code)
        if group is not None:
            await call_back_campaigns(session, group.id or 0, now)
    return made


async def unmute(session: Session, code: str, by: str, now: datetime) -> bool:
    """Speak in a group again; False where neither a mute nor a person who has the conversation kept the bot quiet."""
    ended = await unhush(session, of_group(code), ENDED_WITH_MUTE, now)
    if ended:
        add_entry(session, by, AuditAction.UNHUSHED, of_group(code), now)
    return ended


async def silence(session: Session, officer: Officer, group: str | None, now: datetime) -> bool:
    """Silence one group, or every group at once; False where it is silent already."""
    await _require(session, officer, group)
    if group is not None:
        return await mute(session, group, officer.name, now)
    made = await hush(session, EVERYWHERE, HushReason.STOPPED, officer.name, now)
    if made:
        add_entry(session, officer.name, AuditAction.HUSHED, EVERYWHERE, now)
    return made


async def speak_again(session: Session, officer: Officer, group: str | None, now: datetime) -> bool:
    """Let the bot speak again in one group, or in all that are not muted by themselves; False where it does anyway."""
    await _require(session, officer, group)
    if group is not None:
        return await unmute(session, group, officer.name, now)
    ended = await unhush(session, EVERYWHERE, {HushReason.STOPPED}, now)
    if ended:
        add_entry(session, officer.name, AuditAction.UNHUSHED, EVERYWHERE, now)
        session.wake_outbox()
    return ended


async def _require(session: Session, officer: Officer, group: str | None) -> None:
    if officer.role not in MAY_SILENCE:
        raise AccessDenied(f"{officer.name} 不能让机器人静音，请找值班民警或网管")
    if group is not None and await group_by_code(session, group) is None:
        raise Refused(f"没有群 {group}")

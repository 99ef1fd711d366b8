"""A push that draws complaints: the group is spared the next routine one, and the editor sees it. Nobody is answered."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta

from warden_bot.audit_actions import AuditAction
from warden_bot.domain.unwelcome import ENOUGH, LATELY, is_unwelcome
from warden_bot.handlers.incoming import Incoming
from warden_bot.handlers.own_class import teaches_there
from warden_bot.states import FindingKind, HushReason, SenderRole
from warden_bot.store.audit import add_entry
from warden_bot.store.complaints import complain, count_complaints, last_pushes, take_turn
from warden_bot.store.database import Session
from warden_bot.store.findings import note
from warden_bot.store.groups import Group, group_by_code
from warden_bot.store.hushes import hush, hushed_among, of_group

SPARED_FOR = timedelta(days=60)  # at most; in the holidays the next push may be far away
FAMILIES, TEACHER = "families", "teacher"


def may_complain(one: Incoming) -> bool:
    """Say whether a message in a group of ours reads as if its sender wanted no more pushes. Needs no database."""
    message = one.message
    ours = message.group is not None and not message.private and message.sender.role is not SenderRole.OFFICER
    return ours and is_unwelcome(message.text)


async def hear_complaints(session: Session, said: Sequence[Incoming]) -> None:
    """Count who complains of what a group has just heard; of enough of them, or the class's teacher, something comes."""
    by_group: defaultdict[str, list[Incoming]] = defaultdict(list)
    for one in said:
        by_group[one.message.group or ""].append(one)
    if not by_group:
        return
    now = said[0].now
    pushed = await last_pushes(session, by_group.keys(), now - LATELY)
    for code in sorted(pushed):  # in order, so that no two processes wait for each other
        group = await group_by_code(session, code)
        if group is not None:
            await _in_group(session, group, by_group[code], pushed[code] + LATELY, now)


async def _in_group(session: Session, group: Group, said: Sequence[Incoming], until: datetime, now: datetime) -> None:
    scope = of_group(group.code)
    await take_turn(session, group)
    if HushReason.UNWELCOME in (await hushed_among(session, [scope], now)).get(scope, frozenset()):
        return  # it is spared already
    for sender_hash in sorted({_sender_hash(one) for one in said if one.message.sender.id}):
        await complain(session, group.code, sender_hash, now, until)
    by_teacher = any(teaches_there(one, group) for one in said)
    count = await count_complaints(session, group.code, now)
    if not by_teacher and count < ENOUGH:
        return
    by, words = (TEACHER, "班主任说别发") if by_teacher else (FAMILIES, f"{count} 个人说别发")
    await hush(session, scope, HushReason.UNWELCOME, by, now, now + SPARED_FOR)
    await note(session, FindingKind.PUSHES_UNWELCOME, group.code, words, now)
    add_entry(session, by, AuditAction.HUSHED, f"{scope} {HushReason.UNWELCOME}", now)


def _sender_hash(one: Incoming) -> str:
    """Return what tells people of one group apart, and says nothing of who they are, nor of another group."""
    message = one.message
    return one.desk.sealer.keyed_hash(f"unwelcome\n{message.group}\n{message.channel.value}\n{message.sender.id}")

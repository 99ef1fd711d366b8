"""What a case notice says when its request is built, and whether whoever it is for may still read it."""

import json
import secrets

from warden_bot.handlers.settling import Post
from warden_bot.store.cases import ABOUT_CASE, TIP_REPORTER, TIP_TEXT, WORDLESS, Case, tips_of
from warden_bot.store.claims import Claimed
from warden_bot.store.database import Session
from warden_bot.store.groups import group_by_code
from warden_bot.store.officers import Officer
from warden_bot.store.outbox import SIGN_IN


async def may_hear(session: Session, post: Post, claimed: Claimed, case: Case) -> bool:
    """Say whether whoever a notice is for may read it now: the case may have been given to another desk meanwhile."""
    if claimed.key.startswith(WORDLESS):
        return True
    officer = await session.get(Officer, claimed.officer_id) if claimed.officer_id is not None else None
    return officer is not None and post.desks().of(case.desk).admits(officer.name, officer.role)


async def notice_words(session: Session, post: Post, claimed: Claimed, case: Case) -> str:
    """Write out a case notice: the only place where a tip's words are opened without somebody asking for them.

    In danger the officer must know where: then the group it was said in is named. Else it is not, for in a class of 45
    families that says too much about who reported.
    """
    lines: list[str] = []
    groups: list[str] = []
    for tip in await tips_of(session, case):
        reporter = json.loads(post.sealer.open(tip.sealed_reporter, TIP_REPORTER))
        group = await group_by_code(session, reporter["group"]) if case.danger and reporter["group"] else None
        place = f"（{group.name}）" if group else ""
        groups += [group.name] if group and group.name not in groups else []
        lines.append(f"原话{place}：{post.sealer.open(tip.sealed_text, TIP_TEXT)}")
    where = [f"哪里：{'群：' + '、'.join(groups) if groups else '看原话'}"] if case.danger else []
    return "\n".join([claimed.text, *way_in(post, claimed, case.code), *where, *lines])


def about_case(case: Case) -> str:
    """Return the key of a new message to an officer that is about a case and goes on whatever becomes of it."""
    return f"{ABOUT_CASE}{case.code}:{secrets.token_hex(12)}"


def with_way_in(post: Post, claimed: Claimed, text: str) -> str:
    """Add an officer's way to the case that a message is about, or into the console; its key says so."""
    if claimed.key.startswith(ABOUT_CASE):
        return "\n".join([text, *way_in(post, claimed, claimed.key.removeprefix(ABOUT_CASE).partition(":")[0])])
    return "\n".join([text, *way_in(post, claimed)]) if claimed.key.startswith(SIGN_IN) else text


def way_in(post: Post, claimed: Claimed, code: str = "") -> list[str]:
    """Return the signed address of an officer's page; it stands in the request and nowhere else."""
    officer_id = claimed.officer_id
    if post.way_in is None or officer_id is None:
        return []
    return [post.way_in(officer_id, code, post.clock())]

"""An officer has to know who reported: opened with a reason, and written down twice."""

import json
from datetime import datetime
from typing import Any

from warden_bot.audit_actions import AuditAction
from warden_bot.content.desks import Desks
from warden_bot.errors import AccessDenied, Refused
from warden_bot.handlers.case import case_for
from warden_bot.states import READS_TIPS, CaseEventKind, NoteKind
from warden_bot.store.audit import add_entry
from warden_bot.store.case_notes import NOTE_TEXT, add_note
from warden_bot.store.cases import TIP_REPORTER, add_event, tips_of
from warden_bot.store.database import Session
from warden_bot.store.officers import Officer
from warden_bot.store.receipts import Receipt  # noqa: F401 -- a note may name one: its table has to be known
from warden_bot.store.sealing import Sealer


async def open_reporter(
    session: Session,
    code: str,
    officer: Officer,
    reason: str,
    sealer: Sealer,
    now: datetime,
    desks: Desks | None = None,
) -> list[dict[str, Any]]:
    """Return who told something in a case, in order. The reason is sealed beside the case; the log says only that.

    Without the desks nobody of any but the duty desk's is opened.
    """
    if officer.role not in READS_TIPS:
        raise AccessDenied(f"{officer.name} 不是值班民警或所长，不能看是谁举报的")
    if not reason.strip():
        raise Refused("写一句为什么要看，如 --reason 孩子有危险，要找到家长")
    case = await case_for(session, code, officer, desks or Desks())
    add_event(session, case, CaseEventKind.OPENED_REPORTER, now, officer_id=officer.id)
    add_entry(session, officer.name, AuditAction.REPORTER_OPENED, case.code, now)
    note = sealer.seal(f"查看了举报人，理由：{reason.strip()}", NOTE_TEXT)
    add_note(session, case, NoteKind.NOTE, note, now, officer_id=officer.id)
    return [
        {"channel": tip.channel.value, **json.loads(sealer.open(tip.sealed_reporter, TIP_REPORTER))}
        for tip in await tips_of(session, case)
    ]

"""Somebody reported something, is in danger, or wants a human: seal the words and open a case."""

import json
import secrets
from datetime import datetime

from warden_bot.domain.message import InboundMessage
from warden_bot.domain.receipt import new_code
from warden_bot.domain.understanding.judge import Verdict
from warden_bot.states import Action
from warden_bot.store.cases import TIP_REPORTER, TIP_TEXT, Case, NewTip, open_case
from warden_bot.store.database import Session
from warden_bot.store.sealing import Sealer

OPENS_CASE = frozenset({Action.TIP, Action.EMERGENCY, Action.HUMAN})


async def take_tip(session: Session, message: InboundMessage, verdict: Verdict, sealer: Sealer, now: datetime) -> Case:
    """Store a tip and open its case. The words and who wrote them are sealed apart; the case holds neither."""
    reporter = {
        "id": message.sender.id,
        "name": message.sender.name,
        "role": message.sender.role.value,
        "group": message.group,
        "reply_url": message.reply_url,
    }
    tip = NewTip(
        message.channel,
        from_group=message.group is not None,
        sealed_text=sealer.seal(message.text, TIP_TEXT),
        sealed_reporter=sealer.seal(json.dumps(reporter, ensure_ascii=False), TIP_REPORTER),
    )
    category = verdict.danger or verdict.action.value
    danger = verdict.action is Action.EMERGENCY
    return await open_case(session, new_code(secrets.choice), category, tip, now, danger=danger)

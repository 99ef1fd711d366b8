"""What an officer sees of an alert: how far it has got, its history, and beforehand what each channel would carry."""

from dataclasses import asdict
from datetime import timedelta
from typing import Any

from warden_bot.alert_states import AlertPart, AlertStatus
from warden_bot.domain.alert import leaves_at, marked
from warden_bot.domain.audience import parse_audience
from warden_bot.domain.message import OutboundMessage, Recipient
from warden_bot.handlers.alert_judging import Bench, finished, named_alert
from warden_bot.states import DeliveryStatus
from warden_bot.store.acknowledgements import acknowledgements, counts_of
from warden_bot.store.alert_parts import audience_of, count_meant, count_recipients, groups_meant, parts_of
from warden_bot.store.alerts import Alert, all_alerts, events_of_alert
from warden_bot.store.broadcasts import progress
from warden_bot.store.columns import iso
from warden_bot.store.database import Session
from warden_bot.store.officers import all_officers
from warden_bot.store.recalls import count_recalled

UNDECIDED = frozenset({AlertStatus.DRAFT, AlertStatus.AWAITING_APPROVAL})
NOT_LEFT = UNDECIDED | {AlertStatus.APPROVED}


def row_of(alert: Alert) -> dict[str, Any]:
    """Return one line of `alerts list --json`."""
    return {
        "id": alert.id,
        "status": alert.status.value,
        "kind": alert.kind.value,
        "severity": alert.severity.value,
        "title": alert.title,
        "audience": alert.audience,
        "needs_ack": alert.needs_ack,
        "training": alert.training,
        "created_at": iso(alert.created_at),
        "leaves_at": iso(alert.leaves_at),
        "expires_at": iso(alert.expires_at),
        "ended_at": iso(alert.ended_at),
    }


async def list_rows(session: Session) -> list[dict[str, Any]]:
    """Return every alert, the newest first."""
    return [row_of(alert) for alert in await all_alerts(session)]


async def shown(session: Session, alert_id: int) -> dict[str, Any]:
    """Return all that `alerts show --json` prints; `counts` are those of the original."""
    alert = await named_alert(session, alert_id)
    names = {one.id: one.name for one in await all_officers(session)}
    parts = [(part, await progress(session, part)) for part in await parts_of(session, alert_id)]
    counts = next(
        (far.counts for part, far in parts if part.part is AlertPart.ORIGINAL), dict.fromkeys(DeliveryStatus, 0)
    )
    condition = audience_of(alert, parse_audience(alert.audience))
    is_ahead = alert.status in NOT_LEFT
    groups = await (count_meant(session, condition) if is_ahead else count_recipients(session, alert_id))
    heard = counts_of(await acknowledgements(session, alert_id))
    return row_of(alert) | {
        "text": alert.text,
        "reason": alert.reason,
        "groups": groups,
        "expected": alert.expected,
        "shrunk": alert.approved_at is not None
        and alert.status is not AlertStatus.WITHDRAWN
        and groups < alert.expected,
        "counts": {status.value: count for status, count in counts.items()},
        "acknowledged": heard.acknowledged,
        "silent": heard.silent,
        "recall": asdict(await count_recalled(session, alert)),
        "raised_by": names.get(alert.raised_by),
        "approved_by": names.get(alert.approved_by),
        "parts": [{"part": part.part, "broadcast": part.id, "text": part.text, **far.as_json()} for part, far in parts],
        "events": [
            {
                "kind": event.kind.value,
                "at": iso(event.at),
                "officer": names.get(event.officer_id),
                "detail": event.detail,
            }
            for event in await events_of_alert(session, alert_id)
        ],
    }


async def preview(session: Session, bench: Bench, alert_id: int) -> list[dict[str, Any]]:
    """Return, for each channel of an alert's groups, the parts it would go out in, their bytes, and who gets it."""
    alert = await named_alert(session, alert_id)
    return await preview_in_words(session, bench, alert, alert.title, alert.text)


async def preview_in_words(session: Session, bench: Bench, alert: Alert, head: str, words: str) -> list[dict[str, Any]]:
    """Return the same for words that are not saved."""
    if alert.status in UNDECIDED:  # an approval puts the last words to it
        leaves = leaves_at(alert.severity, bench.now, bench.zone)
        words = finished(bench, alert, words, leaves + timedelta(minutes=alert.lasts_minutes))
    groups = await groups_meant(session, audience_of(alert, parse_audience(alert.audience)))
    text, title = (marked(one, training=alert.training) for one in (words, head))
    found = []
    for kind in sorted({group.channel for group in groups}):
        able = bench.channels[kind].capabilities
        parts = bench.channels[kind].parts(OutboundMessage("", Recipient("", ""), text, title))
        found.append(
            {
                "channel": kind.value,
                "parts": parts,
                "bytes": [len(part.encode()) for part in parts],
                "most_bytes": able.longest_part,
                "most_parts": able.most_parts,
                "recipients": [group.code for group in groups if group.channel is kind],
            }
        )
    return found

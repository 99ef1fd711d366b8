"""An alert as CAP 1.2, for whoever reads such messages: one message for each part that left of it."""

from collections.abc import Sequence
from dataclasses import replace

from warden_bot.alert_states import AlertPart, AlertSeverity, AlertStatus
from warden_bot.domain.cap import CapInfo, CapMessage, Reference
from warden_bot.handlers.alert_judging import Bench
from warden_bot.store.alert_parts import parts_of
from warden_bot.store.alerts import Alert
from warden_bot.store.broadcasts import Broadcast
from warden_bot.store.database import Session

KINDS = {AlertPart.ORIGINAL: "Alert", AlertPart.UPDATE: "Update", AlertPart.CLEAR: "Cancel"}
# urgency, severity, certainty
WEIGHTS = {
    AlertSeverity.URGENT: ("Immediate", "Extreme", "Observed"),
    AlertSeverity.WARNING: ("Expected", "Severe", "Likely"),
    AlertSeverity.INFO: ("Future", "Minor", "Possible"),
}
FOR_FAMILIES = "本校家长、学生和老师"


async def messages_of(session: Session, bench: Bench, alert: Alert, sender: str) -> list[CapMessage]:
    """Return an alert's messages in order; of one that has not left, what would leave, marked as a draft."""
    parts = await parts_of(session, alert.id or 0)
    if not parts:
        return [replace(_message(bench, alert, sender, 1), status="Draft")]
    messages: list[CapMessage] = []
    for number, part in enumerate(parts, start=1):
        message = replace(_message(bench, alert, sender, number), sent=part.created_at.astimezone(bench.zone))
        references = tuple(Reference(one.sender, one.identifier, one.sent) for one in messages)
        messages.append(replace(_of_part(message, part), references=references))
    if alert.status is AlertStatus.WITHDRAWN and alert.ended_at is not None:
        messages.append(_withdrawn(bench, alert, sender, messages))
    return messages


def _message(bench: Bench, alert: Alert, sender: str, number: int) -> CapMessage:
    urgency, severity, certainty = WEIGHTS[alert.severity]
    station = str(bench.library.local.get("station_name", ""))
    info = CapInfo(
        event=alert.title,
        headline=alert.title,
        description=alert.text,
        urgency=urgency,
        severity=severity,
        certainty=certainty,
        expires=alert.expires_at.astimezone(bench.zone) if alert.expires_at else None,
        sender_name=station,
        area=FOR_FAMILIES,
    )
    return CapMessage(
        identifier=f"warden-{alert.school_id}-{alert.id}-{number}",
        sender=sender,
        sent=alert.created_at.astimezone(bench.zone),
        status="Exercise" if alert.training else "Actual",
        kind="Alert",
        scope="Restricted",
        restriction=FOR_FAMILIES,
        infos=(info,),
    )


def _of_part(message: CapMessage, part: Broadcast) -> CapMessage:
    """Return a message with the words of its part; the all-clear says that nothing presses any more."""
    kind = part.part or AlertPart.ORIGINAL
    info = replace(message.infos[0], description=part.text)
    if kind is AlertPart.CLEAR:
        info = replace(info, response="AllClear", urgency="Past", expires=None)
    return replace(message, kind=KINDS[kind], infos=(info,))


def _withdrawn(bench: Bench, alert: Alert, sender: str, messages: Sequence[CapMessage]) -> CapMessage:
    message = _message(bench, alert, sender, len(messages) + 1)
    references = tuple(Reference(one.sender, one.identifier, one.sent) for one in messages)
    sent = (alert.ended_at or alert.created_at).astimezone(bench.zone)
    return replace(message, kind="Cancel", sent=sent, infos=(), note="withdrawn", references=references)

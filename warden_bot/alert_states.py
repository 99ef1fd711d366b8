"""Every state and kind of an alert, each with what it means, and the moves that are allowed."""

from enum import StrEnum


class AlertSeverity(StrEnum):
    """How much an alert presses; one scale with the push classes of the safety year."""

    URGENT = "urgent"  # P0: danger now, at any hour
    WARNING = "warning"  # P1: something is going on at this school today; held at night
    INFO = "info"  # P2 to P4: within the push budget


class AlertKind(StrEnum):
    """What an alert is about, where that changes how it is handled."""

    GENERAL = "general"
    MISSING_CHILD = (
        "missing_child"  # may show a child's picture; ends by itself, and is taken back when the child is found
    )
    BULLETIN = "bulletin"  # the week's situation, drafted by itself
    FEED = "feed"  # of an authority whose feed we read: weather, flood


class AlertStatus(StrEnum):
    """Where an alert stands."""

    DRAFT = "draft"  # being written, or returned to whoever wrote it
    AWAITING_APPROVAL = "awaiting_approval"
    APPROVED = "approved"  # leaves in a few seconds, or when its hours begin; can still be stopped
    SENDING = "sending"  # its first deliveries are owed
    ACTIVE = "active"  # everybody who can hear it has, and it holds
    UPDATED = "updated"  # holds, in newer words
    CLEARED = "cleared"  # the all-clear was given
    EXPIRED = "expired"  # its time was over before anybody cleared it
    WITHDRAWN = "withdrawn"  # stopped before it left, or taken back


class AlertMove(StrEnum):
    """What can happen to an alert; from which states to which, ALERT_MOVES says."""

    SUBMIT = "submit"
    RETURN = "return"  # whoever approves wants it written differently
    APPROVE = "approve"
    RELEASE = "release"  # the last seconds in which it could be stopped are over
    ARRIVE = "arrive"  # nothing of it is on its way any more
    UPDATE = "update"
    CLEAR = "clear"
    EXPIRE = "expire"
    WITHDRAW = "withdraw"


IN_FORCE = frozenset({AlertStatus.SENDING, AlertStatus.ACTIVE, AlertStatus.UPDATED})
BEFORE_RELEASE = frozenset({AlertStatus.DRAFT, AlertStatus.AWAITING_APPROVAL, AlertStatus.APPROVED})
ALERT_MOVES: dict[AlertMove, tuple[frozenset[AlertStatus], AlertStatus]] = {
    AlertMove.SUBMIT: (frozenset({AlertStatus.DRAFT}), AlertStatus.AWAITING_APPROVAL),
    AlertMove.RETURN: (frozenset({AlertStatus.AWAITING_APPROVAL}), AlertStatus.DRAFT),
    AlertMove.APPROVE: (frozenset({AlertStatus.AWAITING_APPROVAL}), AlertStatus.APPROVED),
    AlertMove.RELEASE: (frozenset({AlertStatus.APPROVED}), AlertStatus.SENDING),
    AlertMove.ARRIVE: (frozenset({AlertStatus.SENDING}), AlertStatus.ACTIVE),
    AlertMove.UPDATE: (IN_FORCE, AlertStatus.UPDATED),
    AlertMove.CLEAR: (IN_FORCE, AlertStatus.CLEARED),
    AlertMove.EXPIRE: (IN_FORCE | BEFORE_RELEASE, AlertStatus.EXPIRED),
    AlertMove.WITHDRAW: (IN_FORCE | BEFORE_RELEASE, AlertStatus.WITHDRAWN),
}


class AlertPart(StrEnum):
    """Which part of an alert's life a broadcast is."""

    ORIGINAL = "original"
    UPDATE = "update"
    CLEAR = "clear"


class AlertEventKind(StrEnum):
    """One line of an alert's history."""

    RAISED = "raised"
    SUBMITTED = "submitted"
    RETURNED = "returned"
    APPROVED = "approved"
    RELEASED = "released"
    UPDATED = "updated"
    CLEARED = "cleared"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    REMINDED = "reminded"  # those still silent, or the grade's contact
    SHRUNK = "shrunk"  # fewer groups than when it was approved


class AcknowledgedBy(StrEnum):
    """How a class said that it has heard an alert."""

    MESSAGE = "message"  # the teacher wrote 收到 in the group, or to the bot
    BUTTON = "button"  # a reaction or a button of the platform
    PAGE = "page"  # on the page on which the teacher finds the text
    CALL = "call"  # an officer telephoned

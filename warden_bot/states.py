"""Every state and kind that a row can hold, each with what it means, and the moves that are allowed."""

from enum import IntEnum, StrEnum


class ChannelKind(StrEnum):
    """The platforms, one member each; nothing else in the code names one."""

    SANDBOX = "sandbox"  # the demo's own rooms, read in the browser
    WECOM_ROBOT = "wecom_robot"  # a WeCom group robot: send only, one key a group
    WECOM_APP = "wecom_app"  # a WeCom app: private chats with members, officers above all
    WECOM_AIBOT = "wecom_aibot"  # a WeCom AI bot: answers where it is mentioned
    WECOM_SCHOOL = "wecom_school"  # WeCom's notices to parents, by class: the one that reaches their own WeChat
    WECHAT_OFFICIAL = "wechat_official"  # a WeChat Official Account: private chats with whoever follows it
    DINGTALK = "dingtalk"  # DingTalk robots, custom or of an app
    FEISHU = "feishu"  # Feishu bots, custom or of an app
    ONEBOT = "onebot"  # OneBot v11: an unofficial QQ client; for trying things out
    MATRIX = "matrix"  # a Matrix application service
    RELAY = "relay"  # a teacher posts what we hand over: the way into ordinary WeChat groups
    WEBHOOK = "webhook"  # ours: signed JSON both ways


class GroupKind(StrEnum):
    """What a chat group is for."""

    CAMPUS = "campus"  # the one group of the whole school
    CLASS = "class"  # one class's families
    DUTY = "duty"  # officers among themselves; never in an audience
    COMMUNITY = "community"  # tenants, landlords, volunteers outside the school


class GroupStatus(StrEnum):
    """Whether a group is written to."""

    ACTIVE = "active"
    RETIRED = "retired"  # left out by `groups import --prune`; keeps its history


class DeliveryStatus(StrEnum):
    """Where one message owed to one recipient stands."""

    QUEUED = "queued"  # waiting for its time or for another try
    SENDING = "sending"  # a worker holds the claim and its request may be out
    SENT = "sent"  # the platform took it; says nothing about anyone having read it
    UNCONFIRMED = "unconfirmed"  # the request went out and no answer came; waits for a person
    FAILED = "failed"  # the platform refused it for good
    CANCELLED = "cancelled"  # called back before it left
    EXPIRED = "expired"  # its window closed before it could leave, or before whoever has it posted it
    RELAY_PENDING = "relay_pending"  # a teacher has it and has yet to post it
    RELAYED = "relayed"  # the teacher says that it is posted


UNFINISHED = (DeliveryStatus.QUEUED, DeliveryStatus.SENDING)
STRANDED = (DeliveryStatus.FAILED, DeliveryStatus.UNCONFIRMED, DeliveryStatus.EXPIRED)  # not reached; a person decides


class DeliveryMove(StrEnum):
    """What can happen to a delivery; from which states to which, DELIVERY_MOVES says."""

    CLAIM = "claim"  # a worker takes it
    GIVE_BACK = "give_back"  # the worker returns it untried: pace, a platform that is down, a claim that ran out
    FINISH = "finish"  # a try ended, or there is nothing to send
    LOSE = "lose"  # the claim ran out: the worker died or stopped while the request may have been out
    SEND_AGAIN = "send_again"  # lost, and a repeat does less harm than a loss
    LEARN = "learn"  # the worker that was thought lost says after all how its try ended
    EXPIRE = "expire"  # its window is over
    CALL_BACK = "call_back"  # the broadcast was cancelled, or the case has its officer
    REPLAY = "replay"  # a person wants it sent after all
    CONFIRM = "confirm"  # whoever was to post it says that it is posted
    OVERSTAY = "overstay"  # nobody posted what was handed over, and it is too late now


DELIVERY_MOVES: dict[DeliveryMove, tuple[frozenset[DeliveryStatus], frozenset[DeliveryStatus]]] = {
    DeliveryMove.CLAIM: (frozenset({DeliveryStatus.QUEUED}), frozenset({DeliveryStatus.SENDING})),
    DeliveryMove.GIVE_BACK: (
        frozenset({DeliveryStatus.SENDING, DeliveryStatus.UNCONFIRMED}),
        frozenset({DeliveryStatus.QUEUED}),
    ),
    DeliveryMove.FINISH: (
        frozenset({DeliveryStatus.SENDING}),
        frozenset(
            {
                DeliveryStatus.QUEUED,
                DeliveryStatus.SENT,
                DeliveryStatus.RELAY_PENDING,
                DeliveryStatus.CANCELLED,
                *STRANDED,
            }
        ),
    ),
    DeliveryMove.LOSE: (frozenset({DeliveryStatus.SENDING}), frozenset({DeliveryStatus.UNCONFIRMED})),
    DeliveryMove.SEND_AGAIN: (frozenset({DeliveryStatus.UNCONFIRMED}), frozenset({DeliveryStatus.QUEUED})),
    DeliveryMove.LEARN: (
        frozenset({DeliveryStatus.UNCONFIRMED, DeliveryStatus.QUEUED}),
        frozenset({DeliveryStatus.SENT, DeliveryStatus.RELAY_PENDING, DeliveryStatus.FAILED}),
    ),
    DeliveryMove.EXPIRE: (frozenset({DeliveryStatus.QUEUED}), frozenset({DeliveryStatus.EXPIRED})),
    DeliveryMove.CALL_BACK: (
        frozenset({DeliveryStatus.QUEUED, DeliveryStatus.RELAY_PENDING}),
        frozenset({DeliveryStatus.CANCELLED}),
    ),
    DeliveryMove.REPLAY: (frozenset(STRANDED), frozenset({DeliveryStatus.QUEUED})),
    DeliveryMove.CONFIRM: (
        frozenset({DeliveryStatus.RELAY_PENDING, DeliveryStatus.SENDING, DeliveryStatus.QUEUED, *STRANDED}),
        frozenset({DeliveryStatus.RELAYED}),
    ),
    DeliveryMove.OVERSTAY: (frozenset({DeliveryStatus.RELAY_PENDING}), frozenset({DeliveryStatus.EXPIRED})),
}


class AttemptOutcome(StrEnum):
    """How one try at a delivery ended."""

    ACCEPTED = "accepted"
    THROTTLED = "throttled"  # the platform's rate limit; wait what it says
    RETRYABLE = "retryable"  # busy or unreachable; nothing was taken
    DENIED = "denied"  # our credentials were not accepted; they are renewed once
    REJECTED = "rejected"  # refused for good; a person has to look
    HELD = "held"  # the platform's content check refused the words; a person has to look at them
    UNKNOWN = "unknown"  # the bytes left, no usable answer came


class BroadcastStatus(StrEnum):
    """Where a broadcast stands; counted from its deliveries, only CANCELLED is stored."""

    PENDING = "pending"  # nothing has left yet
    STARTED = "started"
    COMPLETED = "completed"  # nothing is queued or sending any more
    CANCELLED = "cancelled"


class Priority(IntEnum):
    """The order in which deliveries leave, smallest first."""

    ESCALATION = 0  # a case notice to an officer
    REPLY = 1  # an answer to somebody who waits
    ALERT = 2  # an urgent broadcast
    BROADCAST = 3  # everything else


class CaseStatus(StrEnum):
    """Where a case stands."""

    OPEN = "open"  # nobody has said "mine" yet
    ACKNOWLEDGED = "acknowledged"  # an officer has it; nobody is woken any more
    CLOSED = "closed"


CASE_MOVES: dict[CaseStatus, frozenset[CaseStatus]] = {
    CaseStatus.OPEN: frozenset({CaseStatus.ACKNOWLEDGED, CaseStatus.CLOSED}),
    CaseStatus.ACKNOWLEDGED: frozenset({CaseStatus.OPEN, CaseStatus.CLOSED}),  # open again: given to another desk
    CaseStatus.CLOSED: frozenset({CaseStatus.OPEN}),
}


class CaseEventKind(StrEnum):
    """One line of a case's history."""

    OPENED = "opened"
    NOTIFIED = "notified"  # an officer is owed a notice
    NO_ONE_ON_DUTY = "no_one_on_duty"  # the roster had nobody for this step
    NOTICE_FAILED = "notice_failed"  # an officer's notice could not be delivered
    TIP_ADDED = "tip_added"  # the reporter said more
    ESCALATED = "escalated"  # nobody acknowledged in time, the next step was called
    ACKNOWLEDGED = "acknowledged"
    OPENED_WORDS = "opened_words"  # an officer read the tip's words
    OPENED_REPORTER = "opened_reporter"  # an officer looked who reported it, and wrote why
    TRANSFERRED = "transferred"  # to another desk
    NOTED = "noted"  # an officer wrote a note
    ANSWERED = "answered"  # an officer wrote to the reporter
    REMINDED = "reminded"  # whoever has it was reminded
    DUE_SET = "due_set"  # something is to be put right by a date
    REOPENED = "reopened"
    RECHECK_ASKED = "recheck_asked"  # the date by which something was to be put right has come
    CLOSED = "closed"


class TipStep(StrEnum):
    """What a reporter who is led through a tip is asked next."""

    WHAT = "what"
    WHERE = "where"
    WHEN = "when"
    CONTACT = "contact"  # a picture, how to be reached, or neither


class AlarmLevel(StrEnum):
    """How serious an alarm of a machine is."""

    HIGH = "high"  # a case in danger, the officer on duty is called
    MIDDLE = "middle"  # a case
    LOW = "low"  # is written down


class NoteKind(StrEnum):
    """Who says something about a case, and to whom."""

    NOTE = "note"  # an officer to colleagues
    TO_REPORTER = "to_reporter"
    FROM_REPORTER = "from_reporter"


class SenderRole(StrEnum):
    """Who is writing, as the channel says."""

    PARENT = "parent"
    STUDENT = "student"
    TEACHER = "teacher"
    OFFICER = "officer"


class OfficerRole(StrEnum):
    """What a person of the station may do."""

    OFFICER = "officer"  # takes duty shifts and works on cases
    CHIEF = "chief"  # hears when nobody is on duty
    EDITOR = "editor"  # owns the words in content/
    SECURITY = "security"  # the school's security office
    OPERATOR = "operator"  # keeps the service alive, never reads a tip


class FindingKind(StrEnum):
    """What a person should know about: found by the auditor, or by a delivery that a platform refused."""

    CAMPAIGN_MISSED = "campaign_missed"  # the calendar had it, no broadcast was made
    CAMPAIGN_SKIPPED = "campaign_skipped"  # nobody of its audience was to hear it then; the words say why
    BROADCAST_INCOMPLETE = "broadcast_incomplete"  # groups of its audience are owed nothing
    CLAIM_OVERDUE = "claim_overdue"  # a claim ran out long ago and nobody swept it
    POST_MISSING = "post_missing"  # teachers have not posted what they were handed
    REPLY_MISSING = "reply_missing"  # somebody asked, and the answer was never owed
    CASE_UNCALLED = "case_uncalled"  # an open case that nobody will be called for
    OUTBOX_LATE = "outbox_late"  # due deliveries wait and no worker takes them
    ROUTE_BROKEN = "route_broken"  # a group cannot be reached on its channel any more
    ROUTE_MOVED = "route_moved"  # a code typed in a chat moved a group that had a working route
    CREDENTIALS_REFUSED = "credentials_refused"  # a platform does not accept our credentials
    CONTENT_REFUSED = "content_refused"  # a platform's content check refused a text
    PLATFORM_DOWN = "platform_down"  # a platform does not answer; what is owed there waits
    ANSWER_HELD = "answer_held"  # a class teacher says that an answer is wrong
    CHILD_DATA_POSTED = "child_data_posted"  # a list of children's personal data stands in a group
    PUSHES_UNWELCOME = "pushes_unwelcome"  # a group does not want to hear so much; its next routine push is skipped
    ALARMS_FLOODED = "alarms_flooded"  # a system of the campus sends more alarms than anybody can look at


READS_TIPS = frozenset({OfficerRole.OFFICER, OfficerRole.CHIEF})


class Action(StrEnum):
    """What the bot does about a message."""

    ANSWER = "answer"
    TIP = "tip"
    EMERGENCY = "emergency"
    STATUS = "status"
    MENU = "menu"
    HUMAN = "human"
    SILENT = "silent"


class HushReason(StrEnum):
    """Why the bot keeps quiet somewhere."""

    MUTED = "muted"  # a teacher's word in the class's group
    HANDED_OVER = "handed_over"  # somebody asked for a person, who has the conversation now
    STOPPED = "stopped"  # the operator silenced every group at once
    UNWELCOME = "unwelcome"  # the last push drew complaints: the group is spared the next routine one


class QuestionStatus(StrEnum):
    """Where a question stands that the bot could not answer well."""

    OPEN = "open"  # an editor has yet to look at it
    ATTACHED = "attached"  # an editor made it a sample question of a topic
    DISMISSED = "dismissed"  # an editor says that it needs no answer

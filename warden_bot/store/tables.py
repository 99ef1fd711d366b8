"""Every table in one place, for migrations and for tests; importing this fills SQLModel's metadata."""

from sqlmodel import SQLModel

from warden_bot.store.alerts import Alert, AlertEvent, AlertRecipient, FeedMessage
from warden_bot.store.audit import AuditEntry
from warden_bot.store.binding import BindCode
from warden_bot.store.broadcasts import Broadcast
from warden_bot.store.bulletins import Bulletin
from warden_bot.store.case_notes import CaseNote
from warden_bot.store.cases import Case, CaseEvent, Tip
from warden_bot.store.class_cards import ClassCard
from warden_bot.store.findings import Finding
from warden_bot.store.groups import Group
from warden_bot.store.guard_alarms import GuardAlarm
from warden_bot.store.held_answers import HeldAnswer
from warden_bot.store.hushes import Hush
from warden_bot.store.inbox import InboxMessage
from warden_bot.store.leases import Lease
from warden_bot.store.lesson_answers import LessonAnswer
from warden_bot.store.machine_alarms import MachineAlarm
from warden_bot.store.missed_questions import MissedQuestion
from warden_bot.store.officers import DutyShift, Officer
from warden_bot.store.opinions import Opinion
from warden_bot.store.outages import PlatformOutage
from warden_bot.store.outbox import Attempt, Delivery
from warden_bot.store.pacing import Pace
from warden_bot.store.pictures import Picture
from warden_bot.store.receipts import Receipt
from warden_bot.store.rooms import RoomMessage
from warden_bot.store.tip_media import TipMedia
from warden_bot.store.tip_talks import TipTalk
from warden_bot.store.tokens import PlatformToken

TABLES: tuple[type[SQLModel], ...] = (
    Group,
    Officer,
    DutyShift,
    Broadcast,
    Case,
    Delivery,
    Attempt,
    Tip,
    CaseEvent,
    InboxMessage,
    Pace,
    PlatformOutage,
    Finding,
    AuditEntry,
    RoomMessage,
    PlatformToken,
    Lease,
    BindCode,
    Hush,
    HeldAnswer,
    MissedQuestion,
    GuardAlarm,
    Receipt,
    CaseNote,
    TipMedia,
    MachineAlarm,
    TipTalk,
    Alert,
    AlertEvent,
    AlertRecipient,
    FeedMessage,
    Picture,
    Bulletin,
    ClassCard,
    LessonAnswer,
    Opinion,
)
METADATA = SQLModel.metadata

"""Alerts, the bulletin, class cards, lessons, the council hall, and where a reporter stands in the questions."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

IDENTITY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
NEW = (
    "opinion",
    "alert",
    "class_card",
    "lesson_answer",
    "alert_event",
    "alert_recipient",
    "bulletin",
    "feed_message",
    "picture",
    "tip_talk",
)


def upgrade() -> None:
    """Bring the schema from the one before to this one."""
    op.create_table(
        "opinion",
        sa.Column("id", IDENTITY, nullable=False),
        sa.Column("school_id", sa.Integer(), nullable=False),
        sa.Column("question", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("sealed_text", sa.LargeBinary(), nullable=False),
        sa.Column("visitor_hash", sa.String(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_opinion")),
        sa.UniqueConstraint("school_id", "code", name=op.f("uq_opinion_school_id_code")),
    )
    op.create_index(op.f("ix_opinion_question"), "opinion", ["question"], unique=False)

    op.create_table(
        "alert",
        sa.Column("id", IDENTITY, nullable=False),
        sa.Column("school_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("severity", sa.String(length=32), nullable=False),
        sa.Column("status", sa.String(length=32), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("audience", sa.String(), nullable=False),
        sa.Column("needs_ack", sa.Boolean(), nullable=False),
        sa.Column("training", sa.Boolean(), nullable=False),
        sa.Column("lasts_minutes", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("raised_by", IDENTITY, nullable=True),
        sa.Column("approved_by", IDENTITY, nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("approved_at", sa.BigInteger(), nullable=True),
        sa.Column("expected", sa.Integer(), nullable=False),
        sa.Column("leaves_at", sa.BigInteger(), nullable=True),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["approved_by"], ["officer.id"], name=op.f("fk_alert_approved_by")),
        sa.ForeignKeyConstraint(["raised_by"], ["officer.id"], name=op.f("fk_alert_raised_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert")),
    )
    op.create_index("alert_of_status", "alert", ["school_id", "status"], unique=False)

    op.create_table(
        "class_card",
        sa.Column("id", IDENTITY, nullable=False),
        sa.Column("school_id", sa.Integer(), nullable=False),
        sa.Column("group_id", IDENTITY, nullable=False),
        sa.Column("month", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["group_id"], ["chat_group.id"], name=op.f("fk_class_card_group_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_class_card")),
        sa.UniqueConstraint("group_id", "month", name=op.f("uq_class_card_group_id_month")),
    )
    op.create_table(
        "lesson_answer",
        sa.Column("id", IDENTITY, nullable=False),
        sa.Column("school_id", sa.Integer(), nullable=False),
        sa.Column("lesson", sa.String(), nullable=False),
        sa.Column("group_id", IDENTITY, nullable=False),
        sa.Column("visitor_hash", sa.String(), nullable=False),
        sa.Column("right_answers", sa.Integer(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["group_id"], ["chat_group.id"], name=op.f("fk_lesson_answer_group_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lesson_answer")),
        sa.UniqueConstraint(
            "school_id",
            "lesson",
            "group_id",
            "visitor_hash",
            name=op.f("uq_lesson_answer_school_id_lesson_group_id_visitor_hash"),
        ),
    )
    op.create_table(
        "alert_event",
        sa.Column("id", IDENTITY, nullable=False),
        sa.Column("school_id", sa.Integer(), nullable=False),
        sa.Column("alert_id", IDENTITY, nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("officer_id", IDENTITY, nullable=True),
        sa.Column("detail", sa.String(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["alert_id"], ["alert.id"], name=op.f("fk_alert_event_alert_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert_event")),
    )
    op.create_index(op.f("ix_alert_event_alert_id"), "alert_event", ["alert_id"], unique=False)

    op.create_table(
        "alert_recipient",
        sa.Column("id", IDENTITY, nullable=False),
        sa.Column("school_id", sa.Integer(), nullable=False),
        sa.Column("alert_id", IDENTITY, nullable=False),
        sa.Column("group_id", IDENTITY, nullable=False),
        sa.Column("acknowledged_at", sa.BigInteger(), nullable=True),
        sa.Column("acknowledged_by", sa.String(length=32), nullable=True),
        sa.Column("reminders", sa.Integer(), nullable=False),
        sa.Column("reminded_at", sa.BigInteger(), nullable=True),
        sa.Column("handed_on_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["alert_id"], ["alert.id"], name=op.f("fk_alert_recipient_alert_id")),
        sa.ForeignKeyConstraint(["group_id"], ["chat_group.id"], name=op.f("fk_alert_recipient_group_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert_recipient")),
        sa.UniqueConstraint("alert_id", "group_id", name=op.f("uq_alert_recipient_alert_id_group_id")),
    )
    op.create_index("alert_recipient_of_group", "alert_recipient", ["group_id", "alert_id"], unique=False)

    op.create_table(
        "bulletin",
        sa.Column("id", IDENTITY, nullable=False),
        sa.Column("school_id", sa.Integer(), nullable=False),
        sa.Column("monday", sa.String(), nullable=False),
        sa.Column("figures", sa.String(), nullable=False),
        sa.Column("entered_by", IDENTITY, nullable=True),
        sa.Column("entered_at", sa.BigInteger(), nullable=False),
        sa.Column("alert_id", IDENTITY, nullable=True),
        sa.ForeignKeyConstraint(["alert_id"], ["alert.id"], name=op.f("fk_bulletin_alert_id")),
        sa.ForeignKeyConstraint(["entered_by"], ["officer.id"], name=op.f("fk_bulletin_entered_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bulletin")),
        sa.UniqueConstraint("school_id", "monday", name=op.f("uq_bulletin_school_id_monday")),
    )
    op.create_table(
        "feed_message",
        sa.Column("id", IDENTITY, nullable=False),
        sa.Column("school_id", sa.Integer(), nullable=False),
        sa.Column("sender", sa.String(), nullable=False),
        sa.Column("identifier", sa.String(), nullable=False),
        sa.Column("alert_id", IDENTITY, nullable=True),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["alert_id"], ["alert.id"], name=op.f("fk_feed_message_alert_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_feed_message")),
        sa.UniqueConstraint(
            "school_id", "sender", "identifier", name=op.f("uq_feed_message_school_id_sender_identifier")
        ),
    )
    op.create_table(
        "picture",
        sa.Column("id", IDENTITY, nullable=False),
        sa.Column("school_id", sa.Integer(), nullable=False),
        sa.Column("alert_id", IDENTITY, nullable=True),
        sa.Column("broadcast_id", IDENTITY, nullable=True),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("media_type", sa.String(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["alert_id"], ["alert.id"], name=op.f("fk_picture_alert_id")),
        sa.ForeignKeyConstraint(["broadcast_id"], ["broadcast.id"], name=op.f("fk_picture_broadcast_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_picture")),
    )
    op.create_index(op.f("ix_picture_alert_id"), "picture", ["alert_id"], unique=False)
    op.create_index(op.f("ix_picture_broadcast_id"), "picture", ["broadcast_id"], unique=False)

    op.create_table(
        "tip_talk",
        sa.Column("id", IDENTITY, nullable=False),
        sa.Column("school_id", sa.Integer(), nullable=False),
        sa.Column("reporter_hash", sa.String(), nullable=False),
        sa.Column("channel", sa.String(length=32), nullable=False),
        sa.Column("step", sa.String(length=32), nullable=False),
        sa.Column("case_id", IDENTITY, nullable=True),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["duty_case.id"], name=op.f("fk_tip_talk_case_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tip_talk")),
        sa.UniqueConstraint("school_id", "reporter_hash", name=op.f("uq_tip_talk_school_id_reporter_hash")),
    )
    op.create_index(op.f("ix_tip_talk_expires_at"), "tip_talk", ["expires_at"], unique=False)

    with op.batch_alter_table("broadcast", schema=None) as batch_op:
        batch_op.add_column(sa.Column("alert_id", IDENTITY, nullable=True))
        batch_op.add_column(sa.Column("part", sa.String(length=32), nullable=True))
        batch_op.add_column(sa.Column("follows", IDENTITY, nullable=True))
        batch_op.add_column(sa.Column("training", sa.Boolean(), nullable=False, server_default=sa.false()))
        batch_op.create_index(batch_op.f("ix_broadcast_alert_id"), ["alert_id"], unique=False)

    with op.batch_alter_table("duty_case", schema=None) as batch_op:
        batch_op.add_column(sa.Column("recheck_asked_at", sa.BigInteger(), nullable=True))

    with op.batch_alter_table("officer", schema=None) as batch_op:
        batch_op.add_column(sa.Column("signed_out_at", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    """Bring the schema back to the one before."""
    with op.batch_alter_table("officer", schema=None) as batch_op:
        batch_op.drop_column("signed_out_at")
    with op.batch_alter_table("duty_case", schema=None) as batch_op:
        batch_op.drop_column("recheck_asked_at")
    with op.batch_alter_table("broadcast", schema=None) as batch_op:
        batch_op.drop_index(op.f("ix_broadcast_alert_id"))
        for name in ("training", "follows", "part", "alert_id"):
            batch_op.drop_column(name)
    for table in NEW[::-1]:
        op.drop_table(table)

"""First tables.

Revision 0001, the first.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# SQLite counts up only a column that is exactly INTEGER.
IDENTITY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Bring the schema to this revision."""
    op.create_table(
        "audit_entry",
        sa.Column("id", IDENTITY, nullable=False),
        sa.Column("school_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("action", sa.String(32), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_entry")),
    )
    op.create_table(
        "broadcast",
        sa.Column("id", IDENTITY, nullable=False),
        sa.Column("school_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("campaign", sa.String(), nullable=True),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.Column("audience", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("priority", sa.SmallInteger(), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("cancelled_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_broadcast")),
        sa.UniqueConstraint("key", name=op.f("uq_broadcast_key")),
        sa.UniqueConstraint("school_id", "campaign", "due_at", name=op.f("uq_broadcast_school_id_campaign_due_at")),
    )
    op.create_table(
        "chat_group",
        sa.Column("id", IDENTITY, nullable=False),
        sa.Column("school_id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("grade", sa.String(), nullable=False),
        sa.Column("channel", sa.String(32), nullable=False),
        sa.Column("sealed_address", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_secret", sa.LargeBinary(), nullable=True),
        sa.Column("teacher", sa.String(), nullable=False),
        sa.Column("teacher_address", sa.String(), nullable=False),
        sa.Column("officer", sa.String(), nullable=False),
        sa.Column("status", sa.String(32), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_chat_group")),
        sa.UniqueConstraint("school_id", "code", name=op.f("uq_chat_group_school_id_code")),
    )
    op.create_table(
        "inbox_message",
        sa.Column("id", IDENTITY, nullable=False),
        sa.Column("school_id", sa.Integer(), nullable=False),
        sa.Column("channel", sa.String(32), nullable=False),
        sa.Column("message_id", sa.String(), nullable=False),
        sa.Column("text_hash", sa.String(), nullable=False),
        sa.Column("group_code", sa.String(), nullable=True),
        sa.Column("action", sa.String(32), nullable=False),
        sa.Column("topic", sa.String(), nullable=True),
        sa.Column("reply", sa.String(), nullable=True),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inbox_message")),
        sa.UniqueConstraint(
            "school_id", "channel", "message_id", name=op.f("uq_inbox_message_school_id_channel_message_id")
        ),
    )
    op.create_table(
        "officer",
        sa.Column("id", IDENTITY, nullable=False),
        sa.Column("school_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("role", sa.String(32), nullable=False),
        sa.Column("channel", sa.String(32), nullable=True),
        sa.Column("sealed_address", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_officer")),
        sa.UniqueConstraint("school_id", "name", name=op.f("uq_officer_school_id_name")),
    )
    op.create_table(
        "pace",
        sa.Column("id", IDENTITY, nullable=False),
        sa.Column("school_id", sa.Integer(), nullable=False),
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("arrival", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pace")),
        sa.UniqueConstraint("school_id", "scope", name=op.f("uq_pace_school_id_scope")),
    )
    op.create_table(
        "room_message",
        sa.Column("id", IDENTITY, nullable=False),
        sa.Column("school_id", sa.Integer(), nullable=False),
        sa.Column("room", sa.String(), nullable=False),
        sa.Column("author", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("sealed_words", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_room_message")),
    )
    with op.batch_alter_table("room_message", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_room_message_room"), ["room"], unique=False)

    op.create_table(
        "duty_case",
        sa.Column("id", IDENTITY, nullable=False),
        sa.Column("school_id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("category", sa.String(), nullable=False),
        sa.Column("danger", sa.Boolean(), nullable=False),
        sa.Column("status", sa.String(32), nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("call_next_at", sa.BigInteger(), nullable=True),
        sa.Column("acknowledged_at", sa.BigInteger(), nullable=True),
        sa.Column("acknowledged_by", IDENTITY, nullable=True),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["acknowledged_by"], ["officer.id"], name=op.f("fk_duty_case_acknowledged_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_duty_case")),
        sa.UniqueConstraint("school_id", "code", name=op.f("uq_duty_case_school_id_code")),
    )
    with op.batch_alter_table("duty_case", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_duty_case_call_next_at"), ["call_next_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_duty_case_status"), ["status"], unique=False)

    op.create_table(
        "duty_shift",
        sa.Column("id", IDENTITY, nullable=False),
        sa.Column("school_id", sa.Integer(), nullable=False),
        sa.Column("officer_id", IDENTITY, nullable=False),
        sa.Column("starts_at", sa.BigInteger(), nullable=False),
        sa.Column("ends_at", sa.BigInteger(), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["officer_id"], ["officer.id"], name=op.f("fk_duty_shift_officer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_duty_shift")),
    )
    with op.batch_alter_table("duty_shift", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_duty_shift_starts_at"), ["starts_at"], unique=False)

    op.create_table(
        "case_event",
        sa.Column("id", IDENTITY, nullable=False),
        sa.Column("school_id", sa.Integer(), nullable=False),
        sa.Column("case_id", IDENTITY, nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("officer_id", IDENTITY, nullable=True),
        sa.Column("step", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["duty_case.id"], name=op.f("fk_case_event_case_id")),
        sa.ForeignKeyConstraint(["officer_id"], ["officer.id"], name=op.f("fk_case_event_officer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_event")),
    )
    with op.batch_alter_table("case_event", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_case_event_case_id"), ["case_id"], unique=False)

    op.create_table(
        "delivery",
        sa.Column("id", IDENTITY, nullable=False),
        sa.Column("school_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("broadcast_id", IDENTITY, nullable=True),
        sa.Column("case_id", IDENTITY, nullable=True),
        sa.Column("group_id", IDENTITY, nullable=True),
        sa.Column("officer_id", IDENTITY, nullable=True),
        sa.Column("channel", sa.String(32), nullable=False),
        sa.Column("sealed_address", sa.LargeBinary(), nullable=True),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("priority", sa.SmallInteger(), nullable=False),
        sa.Column("repeatable", sa.Boolean(), nullable=False),
        sa.Column("status", sa.String(32), nullable=False),
        sa.Column("not_before", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("claimed_by", sa.String(), nullable=True),
        sa.Column("claimed_until", sa.BigInteger(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("throttles", sa.Integer(), nullable=False),
        sa.Column("sent_parts", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("platform_words", sa.String(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=True),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["broadcast_id"], ["broadcast.id"], name=op.f("fk_delivery_broadcast_id")),
        sa.ForeignKeyConstraint(["case_id"], ["duty_case.id"], name=op.f("fk_delivery_case_id")),
        sa.ForeignKeyConstraint(["group_id"], ["chat_group.id"], name=op.f("fk_delivery_group_id")),
        sa.ForeignKeyConstraint(["officer_id"], ["officer.id"], name=op.f("fk_delivery_officer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery")),
    )
    with op.batch_alter_table("delivery", schema=None) as batch_op:
        batch_op.create_index(
            "delivery_held",
            ["claimed_until"],
            unique=False,
            postgresql_where=sa.text("status = 'sending'"),
            sqlite_where=sa.text("status = 'sending'"),
        )
        batch_op.create_index("delivery_of_broadcast", ["broadcast_id", "status"], unique=False)
        batch_op.create_index(
            "delivery_waiting",
            ["priority", "not_before", "id"],
            unique=False,
            postgresql_where=sa.text("status = 'queued'"),
            sqlite_where=sa.text("status = 'queued'"),
        )

    op.create_table(
        "tip",
        sa.Column("id", IDENTITY, nullable=False),
        sa.Column("school_id", sa.Integer(), nullable=False),
        sa.Column("case_id", IDENTITY, nullable=False),
        sa.Column("channel", sa.String(32), nullable=False),
        sa.Column("from_group", sa.Boolean(), nullable=False),
        sa.Column("sealed_text", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_reporter", sa.LargeBinary(), nullable=False),
        sa.Column("reporter_hash", sa.String(), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["duty_case.id"], name=op.f("fk_tip_case_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tip")),
    )
    with op.batch_alter_table("tip", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_tip_case_id"), ["case_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_tip_reporter_hash"), ["reporter_hash"], unique=False)

    op.create_table(
        "attempt",
        sa.Column("id", IDENTITY, nullable=False),
        sa.Column("school_id", sa.Integer(), nullable=False),
        sa.Column("delivery_id", IDENTITY, nullable=False),
        sa.Column("worker", sa.String(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("finished_at", sa.BigInteger(), nullable=False),
        sa.Column("outcome", sa.String(32), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("platform_code", sa.String(), nullable=False),
        sa.Column("platform_words", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["delivery_id"], ["delivery.id"], name=op.f("fk_attempt_delivery_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attempt")),
    )
    with op.batch_alter_table("attempt", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_attempt_delivery_id"), ["delivery_id"], unique=False)


def downgrade() -> None:
    """Bring the schema back to the one before."""
    with op.batch_alter_table("attempt", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_attempt_delivery_id"))

    op.drop_table("attempt")
    with op.batch_alter_table("tip", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_tip_reporter_hash"))
        batch_op.drop_index(batch_op.f("ix_tip_case_id"))

    op.drop_table("tip")
    with op.batch_alter_table("delivery", schema=None) as batch_op:
        batch_op.drop_index(
            "delivery_waiting", postgresql_where=sa.text("status = 'queued'"), sqlite_where=sa.text("status = 'queued'")
        )
        batch_op.drop_index("delivery_of_broadcast")
        batch_op.drop_index(
            "delivery_held", postgresql_where=sa.text("status = 'sending'"), sqlite_where=sa.text("status = 'sending'")
        )

    op.drop_table("delivery")
    with op.batch_alter_table("case_event", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_case_event_case_id"))

    op.drop_table("case_event")
    with op.batch_alter_table("duty_shift", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_duty_shift_starts_at"))

    op.drop_table("duty_shift")
    with op.batch_alter_table("duty_case", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_duty_case_status"))
        batch_op.drop_index(batch_op.f("ix_duty_case_call_next_at"))

    op.drop_table("duty_case")
    with op.batch_alter_table("room_message", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_room_message_room"))

    op.drop_table("room_message")
    op.drop_table("pace")
    op.drop_table("officer")
    op.drop_table("inbox_message")
    op.drop_table("chat_group")
    op.drop_table("broadcast")
    op.drop_table("audit_entry")

"""Manners, held answers, missed questions and the guard's alarms."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

IDENTITY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
SAID = sa.text("reply IS NOT NULL")


def upgrade() -> None:
    """Bring the schema from the one before to this one."""
    with op.batch_alter_table("inbox_message", schema=None) as batch_op:
        batch_op.add_column(sa.Column("addressed", sa.Boolean(), nullable=False, server_default="1"))
        batch_op.create_index(
            "inbox_said_in_group", ["group_code", "received_at"], unique=False, postgresql_where=SAID, sqlite_where=SAID
        )
    op.create_table(
        "hush",
        sa.Column("id", IDENTITY, nullable=False),
        sa.Column("school_id", sa.Integer(), nullable=False),
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("reason", sa.String(length=32), nullable=False),
        sa.Column("made_by", sa.String(), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hush")),
        sa.UniqueConstraint("school_id", "scope", "reason", name=op.f("uq_hush_school_id_scope_reason")),
    )
    op.create_table(
        "held_answer",
        sa.Column("id", IDENTITY, nullable=False),
        sa.Column("school_id", sa.Integer(), nullable=False),
        sa.Column("topic", sa.String(), nullable=False),
        sa.Column("group_code", sa.String(), nullable=False),
        sa.Column("held_at", sa.BigInteger(), nullable=False),
        sa.Column("released_at", sa.BigInteger(), nullable=True),
        sa.Column("released_by", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_held_answer")),
        sa.UniqueConstraint("school_id", "topic", "group_code", name=op.f("uq_held_answer_school_id_topic_group_code")),
    )
    op.create_table(
        "missed_question",
        sa.Column("id", IDENTITY, nullable=False),
        sa.Column("school_id", sa.Integer(), nullable=False),
        sa.Column("text_hash", sa.String(), nullable=False),
        sa.Column("sealed_text", sa.LargeBinary(), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.Column("near_topic", sa.String(), nullable=True),
        sa.Column("near_score", sa.Float(), nullable=False),
        sa.Column("status", sa.String(length=32), nullable=False),
        sa.Column("first_at", sa.BigInteger(), nullable=False),
        sa.Column("last_at", sa.BigInteger(), nullable=False),
        sa.Column("topic", sa.String(), nullable=True),
        sa.Column("decided_at", sa.BigInteger(), nullable=True),
        sa.Column("decided_by", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_missed_question")),
        sa.UniqueConstraint("school_id", "text_hash", name=op.f("uq_missed_question_school_id_text_hash")),
    )
    op.create_index(op.f("ix_missed_question_status"), "missed_question", ["status"], unique=False)
    op.create_table(
        "guard_alarm",
        sa.Column("id", IDENTITY, nullable=False),
        sa.Column("school_id", sa.Integer(), nullable=False),
        sa.Column("group_code", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("reasons", sa.String(), nullable=False),
        sa.Column("text_hash", sa.String(), nullable=False),
        sa.Column("case_id", IDENTITY, nullable=False),
        sa.Column("alarmed_at", sa.BigInteger(), nullable=False),
        sa.Column("false_at", sa.BigInteger(), nullable=True),
        sa.Column("false_by", IDENTITY, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_guard_alarm")),
        sa.ForeignKeyConstraint(["case_id"], ["duty_case.id"], name=op.f("fk_guard_alarm_case_id")),
        sa.ForeignKeyConstraint(["false_by"], ["officer.id"], name=op.f("fk_guard_alarm_false_by")),
    )
    op.create_index(op.f("ix_guard_alarm_text_hash"), "guard_alarm", ["text_hash"], unique=False)
    op.create_index(op.f("ix_guard_alarm_case_id"), "guard_alarm", ["case_id"], unique=False)
    op.create_index("guard_alarm_in_group", "guard_alarm", ["group_code", "alarmed_at"], unique=False)


def downgrade() -> None:
    """Bring the schema back to the one before."""
    for table in ("guard_alarm", "missed_question", "held_answer", "hush"):
        op.drop_table(table)
    with op.batch_alter_table("inbox_message", schema=None) as batch_op:
        batch_op.drop_index("inbox_said_in_group", postgresql_where=SAID, sqlite_where=SAID)
        batch_op.drop_column("addressed")

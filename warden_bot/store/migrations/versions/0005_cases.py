"""Desks, receipts of one's own, notes, pictures, and alarms from machines."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

IDENTITY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Bring the schema from the one before to this one."""
    with op.batch_alter_table("duty_case", schema=None) as batch_op:
        batch_op.add_column(sa.Column("desk", sa.String(), nullable=False, server_default="duty"))
        batch_op.add_column(sa.Column("due_at", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("touched_at", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("reminded_at", sa.BigInteger(), nullable=True))
    op.create_table(
        "receipt",
        sa.Column("id", IDENTITY, nullable=False),
        sa.Column("school_id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("case_id", IDENTITY, nullable=False),
        sa.Column("reporter_hash", sa.String(), nullable=False),
        sa.Column("sealed_reply_to", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_receipt")),
        sa.ForeignKeyConstraint(["case_id"], ["duty_case.id"], name=op.f("fk_receipt_case_id")),
        sa.UniqueConstraint("school_id", "code", name=op.f("uq_receipt_school_id_code")),
    )
    op.create_index(op.f("ix_receipt_case_id"), "receipt", ["case_id"], unique=False)
    op.create_table(
        "case_note",
        sa.Column("id", IDENTITY, nullable=False),
        sa.Column("school_id", sa.Integer(), nullable=False),
        sa.Column("case_id", IDENTITY, nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("officer_id", IDENTITY, nullable=True),
        sa.Column("receipt_id", IDENTITY, nullable=True),
        sa.Column("sealed_text", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_note")),
        sa.ForeignKeyConstraint(["case_id"], ["duty_case.id"], name=op.f("fk_case_note_case_id")),
        sa.ForeignKeyConstraint(["officer_id"], ["officer.id"], name=op.f("fk_case_note_officer_id")),
        sa.ForeignKeyConstraint(["receipt_id"], ["receipt.id"], name=op.f("fk_case_note_receipt_id")),
    )
    op.create_index(op.f("ix_case_note_case_id"), "case_note", ["case_id"], unique=False)
    op.create_table(
        "tip_media",
        sa.Column("id", IDENTITY, nullable=False),
        sa.Column("school_id", sa.Integer(), nullable=False),
        sa.Column("case_id", IDENTITY, nullable=False),
        sa.Column("tip_id", IDENTITY, nullable=False),
        sa.Column("sealed_picture", sa.LargeBinary(), nullable=False),
        sa.Column("media_type", sa.String(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tip_media")),
        sa.ForeignKeyConstraint(["case_id"], ["duty_case.id"], name=op.f("fk_tip_media_case_id")),
        sa.ForeignKeyConstraint(["tip_id"], ["tip.id"], name=op.f("fk_tip_media_tip_id")),
    )
    op.create_index(op.f("ix_tip_media_case_id"), "tip_media", ["case_id"], unique=False)
    op.create_index(op.f("ix_tip_media_tip_id"), "tip_media", ["tip_id"], unique=False)
    op.create_table(
        "machine_alarm",
        sa.Column("id", IDENTITY, nullable=False),
        sa.Column("school_id", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("alarm_id", sa.String(), nullable=False),
        sa.Column("severity", sa.String(), nullable=False),
        sa.Column("case_id", IDENTITY, nullable=True),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.Column("first_at", sa.BigInteger(), nullable=False),
        sa.Column("last_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_machine_alarm")),
        sa.ForeignKeyConstraint(["case_id"], ["duty_case.id"], name=op.f("fk_machine_alarm_case_id")),
        sa.UniqueConstraint("school_id", "source", "alarm_id", name=op.f("uq_machine_alarm_school_id_source_alarm_id")),
    )
    op.create_index(op.f("ix_machine_alarm_first_at"), "machine_alarm", ["first_at"], unique=False)


def downgrade() -> None:
    """Bring the schema back to the one before."""
    for table in ("machine_alarm", "tip_media", "case_note", "receipt"):
        op.drop_table(table)
    with op.batch_alter_table("duty_case", schema=None) as batch_op:
        for name in ("reminded_at", "touched_at", "due_at", "desk"):
            batch_op.drop_column(name)

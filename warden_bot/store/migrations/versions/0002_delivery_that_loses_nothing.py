"""What delivery needs to lose nothing: windows, findings, outages, grants of the pacer, and replies linked to what asked."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

IDENTITY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
STRANDED = sa.text("status IN ('failed', 'unconfirmed', 'expired')")


def upgrade() -> None:
    """Bring the schema from the one before to this one."""
    with op.batch_alter_table("broadcast", schema=None) as batch_op:
        batch_op.add_column(sa.Column("expires_at", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("expected", sa.Integer(), nullable=False, server_default="0"))
        batch_op.create_index(batch_op.f("ix_broadcast_created_at"), ["created_at"], unique=False)
    op.execute("UPDATE broadcast SET expected = (SELECT count(*) FROM delivery WHERE broadcast_id = broadcast.id)")
    with op.batch_alter_table("chat_group", schema=None) as batch_op:
        batch_op.add_column(sa.Column("route_broken_at", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("route_broken_code", sa.String(), nullable=False, server_default=""))
    with op.batch_alter_table("inbox_message", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_inbox_message_received_at"), ["received_at"], unique=False)
    with op.batch_alter_table("delivery", schema=None) as batch_op:
        batch_op.add_column(sa.Column("inbox_id", IDENTITY, nullable=True))
        batch_op.add_column(sa.Column("unknowns", sa.Integer(), nullable=False, server_default="0"))
        batch_op.create_index(
            "delivery_of_inbox",
            ["inbox_id"],
            unique=True,
            postgresql_where=sa.text("inbox_id IS NOT NULL"),
            sqlite_where=sa.text("inbox_id IS NOT NULL"),
        )
        batch_op.create_index(
            "delivery_stranded",
            ["status", "id"],
            unique=False,
            postgresql_where=STRANDED,
            sqlite_where=STRANDED,
        )
    op.drop_table("pace")  # bookings of the last seconds; nothing is lost with them
    op.create_table(
        "pace",
        sa.Column("id", IDENTITY, nullable=False),
        sa.Column("school_id", sa.Integer(), nullable=False),
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("arrival", sa.BigInteger(), nullable=False),
        sa.Column("step", sa.BigInteger(), nullable=False),
        sa.Column("tolerance", sa.BigInteger(), nullable=False),
        sa.Column("asked_at", sa.BigInteger(), nullable=False),
        sa.Column("wanted", sa.Integer(), nullable=False),
        sa.Column("granted", sa.Integer(), nullable=False),
        sa.Column("blocked_until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pace")),
        sa.UniqueConstraint("school_id", "scope", name=op.f("uq_pace_school_id_scope")),
    )
    op.create_table(
        "platform_outage",
        sa.Column("id", IDENTITY, nullable=False),
        sa.Column("school_id", sa.Integer(), nullable=False),
        sa.Column("platform", sa.String(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("probes", sa.Integer(), nullable=False),
        sa.Column("probe_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_platform_outage")),
        sa.UniqueConstraint("school_id", "platform", name=op.f("uq_platform_outage_school_id_platform")),
    )
    op.create_table(
        "finding",
        sa.Column("id", IDENTITY, nullable=False),
        sa.Column("school_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("words", sa.String(), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.Column("found_at", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.Column("repaired_at", sa.BigInteger(), nullable=True),
        sa.Column("told_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_finding")),
        sa.UniqueConstraint("school_id", "kind", "subject", name=op.f("uq_finding_school_id_kind_subject")),
    )


def downgrade() -> None:
    """Bring the schema back to the one before."""
    op.drop_table("finding")
    op.drop_table("platform_outage")
    op.drop_table("pace")
    op.create_table(
        "pace",
        sa.Column("id", IDENTITY, nullable=False),
        sa.Column("school_id", sa.Integer(), nullable=False),
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("arrival", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pace")),
        sa.UniqueConstraint("school_id", "scope", name=op.f("uq_pace_school_id_scope")),
    )
    with op.batch_alter_table("delivery", schema=None) as batch_op:
        batch_op.drop_index("delivery_stranded", postgresql_where=STRANDED, sqlite_where=STRANDED)
        batch_op.drop_index("delivery_of_inbox")
        batch_op.drop_column("unknowns")
        batch_op.drop_column("inbox_id")
    with op.batch_alter_table("inbox_message", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_inbox_message_received_at"))
    with op.batch_alter_table("chat_group", schema=None) as batch_op:
        batch_op.drop_column("route_broken_code")
        batch_op.drop_column("route_broken_at")
    with op.batch_alter_table("broadcast", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_broadcast_created_at"))
        batch_op.drop_column("expected")
        batch_op.drop_column("expires_at")

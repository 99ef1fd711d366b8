"""What many channels need: groups found by address, tokens and leases shared by processes, batches, relay, bind codes."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

IDENTITY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
WAITING = sa.text("status = 'queued'")
TO_BE_POSTED = sa.text("status = 'relay_pending'")


def upgrade() -> None:
    """Bring the schema from the one before to this one.

    Defaults are plain texts: for an expression Alembic would copy the whole table on SQLite.
    """
    with op.batch_alter_table("chat_group", schema=None) as batch_op:
        batch_op.add_column(sa.Column("address_hash", sa.String(), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("takes_key", sa.Boolean(), nullable=False, server_default="0"))
        batch_op.add_column(sa.Column("checked_at", sa.BigInteger(), nullable=True))
        batch_op.create_index("group_at_address", ["school_id", "channel", "address_hash"], unique=False)
    op.execute(sa.text("UPDATE chat_group SET takes_key = :yes WHERE channel = 'webhook'").bindparams(yes=True))
    with op.batch_alter_table("delivery", schema=None) as batch_op:
        batch_op.add_column(sa.Column("forgets_after", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("batch", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("leads", sa.Boolean(), nullable=False, server_default="1"))
        batch_op.add_column(sa.Column("reminds_of", IDENTITY, nullable=True))
        batch_op.add_column(sa.Column("external_ids", sa.String(), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("recalled_at", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("reminders", sa.Integer(), nullable=False, server_default="0"))
        batch_op.create_index(
            "delivery_of_batch", ["batch"], unique=False, postgresql_where=WAITING, sqlite_where=WAITING
        )
        batch_op.create_index(
            "delivery_to_be_posted",
            ["finished_at"],
            unique=False,
            postgresql_where=TO_BE_POSTED,
            sqlite_where=TO_BE_POSTED,
        )
    op.create_table(
        "platform_token",
        sa.Column("id", IDENTITY, nullable=False),
        sa.Column("school_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("sealed_token", sa.LargeBinary(), nullable=True),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("fetching_until", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_platform_token")),
        sa.UniqueConstraint("school_id", "name", name=op.f("uq_platform_token_school_id_name")),
    )
    op.create_table(
        "lease",
        sa.Column("id", IDENTITY, nullable=False),
        sa.Column("school_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("holder", sa.String(), nullable=False),
        sa.Column("held_until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lease")),
        sa.UniqueConstraint("school_id", "name", name=op.f("uq_lease_school_id_name")),
    )
    op.create_table(
        "bind_code",
        sa.Column("id", IDENTITY, nullable=False),
        sa.Column("school_id", sa.Integer(), nullable=False),
        sa.Column("code_hash", sa.String(), nullable=False),
        sa.Column("group_id", IDENTITY, nullable=False),
        sa.Column("made_by", sa.String(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("used_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bind_code")),
        sa.UniqueConstraint("school_id", "code_hash", name=op.f("uq_bind_code_school_id_code_hash")),
        sa.ForeignKeyConstraint(["group_id"], ["chat_group.id"], name=op.f("fk_bind_code_group_id")),
    )


def downgrade() -> None:
    """Bring the schema back to the one before."""
    op.drop_table("bind_code")
    op.drop_table("lease")
    op.drop_table("platform_token")
    with op.batch_alter_table("delivery", schema=None) as batch_op:
        batch_op.drop_index("delivery_to_be_posted", postgresql_where=TO_BE_POSTED, sqlite_where=TO_BE_POSTED)
        batch_op.drop_index("delivery_of_batch", postgresql_where=WAITING, sqlite_where=WAITING)
        for name in ("reminders", "recalled_at", "external_ids", "reminds_of", "leads", "batch", "forgets_after"):
            batch_op.drop_column(name)
    with op.batch_alter_table("chat_group", schema=None) as batch_op:
        batch_op.drop_index("group_at_address")
        for name in ("checked_at", "takes_key", "address_hash"):
            batch_op.drop_column(name)

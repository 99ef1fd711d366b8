"""Alembic's entry: run the migrations over the connection that `upgrade` hands in."""

from alembic import context

from warden_bot.store.tables import METADATA

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=METADATA, render_as_batch=True, compare_type=True)
with context.begin_transaction():
    context.run_migrations()

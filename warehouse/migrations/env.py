"""What Alembic runs: the steps on the connection it was handed, inside that connection's transaction."""

from alembic import context

from warehouse.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    render_as_batch=True,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()

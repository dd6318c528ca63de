"""How Alembic runs a revision here: on the connection that it is given, in the transaction that has begun on it."""

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    version_table=context.config.attributes["version_table"],
    render_as_batch=True,
)
context.run_migrations()

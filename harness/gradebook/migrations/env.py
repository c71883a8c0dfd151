"""Alembic runs this: migrations over the connection that the gradebook gives, in its transaction."""

from alembic import context

from harness.gradebook.models import Base

context.configure(connection=context.config.attributes["connection"], target_metadata=Base.metadata)
context.run_migrations()

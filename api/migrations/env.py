"""Alembic's environment: one history for the tables of all packages."""

from alembic import context

from api.db.engine import make_engine
from api.db.metadata import all_metadata


def run() -> None:
    """Run the migrations online, in one transaction."""
    engine = make_engine(context.config.attributes["url"])
    with engine.execution_options(writing=True).connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=all_metadata(),
            render_as_batch=connection.dialect.name == "sqlite",
            compare_type=True,
        )
        with context.begin_transaction():
            context.run_migrations()
    engine.dispose()


run()

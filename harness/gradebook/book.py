"""The database behind the gradebook: migrated when opened, read in snapshots, written in whole transactions.

SQLite in WAL mode and PostgreSQL run the same code. A transaction is a function, so that a
lock, a dropped connection or a full disk is met by trying the whole of it again; it must
therefore come to the same when it has secretly succeeded before.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, Self, TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, NoSuchModuleError, OperationalError
from sqlalchemy.orm import Session

from harness.errors import GradebookError

HEAD: Final = "0001"
"""The newest migration."""
PATIENCE_SECONDS: Final = 60.0
LONGEST_NAP_SECONDS: Final = 2.0
BUSY_SECONDS: Final = 5.0
WRITES: Final = "roadmark_writes"
LOCK: Final = 0x726F6164
"""Under which PostgreSQL lets one process migrate at a time."""
LASTING: Final = (
    "no such table",
    "no such column",
    "unable to open",
    "syntax error",
    "authentication",
    "fatal: database",
)
"""In what words a database says what no patience mends."""
Done = TypeVar("Done")


class Gradebook:
    """A gradebook at a URL: `grades.db`, `sqlite:///grades.db` or `postgresql://…`.

    Args:
        url: Where it lies; a path without a scheme is a SQLite file.
        patience: How many seconds a transaction is tried again.

    Raises:
        GradebookError: it cannot be opened, or a newer Roadmark made it.
    """

    def __init__(self, url: str, *, patience: float = PATIENCE_SECONDS) -> None:
        self.url = full_url(url)
        self._patience = patience
        try:
            self.engine = _engine(self.url)
        except (ArgumentError, NoSuchModuleError, ImportError) as error:
            raise GradebookError(f"{url} is no gradebook: {error}", hint=_hint(self.url)) from None
        try:
            self._patiently(self._migrate)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let go of all connections."""
        self.engine.dispose()

    def __enter__(self) -> Self:
        """Return the gradebook; leaving the block closes it."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Give a session on one snapshot, which nobody waits for."""
        try:
            with Session(self.engine) as session:
                yield session
        except (OperationalError, InterfaceError) as error:
            raise _told(self.url, error) from error

    def write(self, work: Callable[[Session], Done]) -> Done:
        """Return what the function makes of a session, all of it committed or nothing.

        Raises:
            GradebookError: it could not be written, however often it was tried.
        """

        def transaction() -> Done:
            engine = self.engine.execution_options(**{WRITES: True})
            with Session(engine, expire_on_commit=False) as session, session.begin():
                return work(session)

        return self._patiently(transaction)

    def _patiently(self, work: Callable[[], Done]) -> Done:
        """Try until it works or patience is at an end."""
        end, nap = time.monotonic() + self._patience, 0.02
        while True:
            try:
                return work()
            except (DBAPIError, sqlite3.OperationalError) as error:  # the second while a connection is made
                if not _passes(error) or time.monotonic() + nap > end:
                    raise _told(self.url, error) from error
            time.sleep(nap)
            nap = min(2 * nap, LONGEST_NAP_SECONDS)

    def _migrate(self) -> None:
        """Bring the tables up to date; of several processes the first does it."""
        with self.engine.connect() as connection:
            if _version(connection) == HEAD:
                return
        with self.engine.execution_options(**{WRITES: True}).begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(sa.text("select pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
            found = _version(connection)
            if found is not None and found > HEAD:
                hint = "use the Roadmark that made it, or a newer one"
                raise GradebookError(f"{self.url} was made by a newer Roadmark ({found})", hint=hint)
            if found != HEAD:
                upgrade(connection)


def upgrade(connection: sa.Connection, revision: str = "head") -> None:
    """Run migrations inside the connection's transaction."""
    from alembic import command

    from harness.gradebook.migrations import config

    command.upgrade(config(connection), revision)


def full_url(text: str) -> str:
    """Return a URL with its driver; what has no scheme is the path of a SQLite file."""
    scheme, separator, rest = text.partition("://")
    if not separator:
        return f"sqlite:///{text}"
    return f"postgresql+psycopg://{rest}" if scheme in ("postgresql", "postgres") else text


def _engine(url: str) -> sa.Engine:
    if not url.startswith("sqlite"):
        return sa.create_engine(url, pool_pre_ping=True, isolation_level="READ COMMITTED")
    engine = sa.create_engine(url, connect_args={"timeout": BUSY_SECONDS})
    sa.event.listen(engine, "connect", _prepare)
    sa.event.listen(engine, "begin", _begin)
    return engine


def _prepare(connection: Any, _record: object) -> None:
    """Have SQLite allow readers beside a writer, and leave transactions to us."""
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin(connection: sa.Connection) -> None:
    """Take the write lock at the start: taken in the middle, it could not be waited for."""
    writes = connection.get_execution_options().get(WRITES)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _version(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    found = connection.execute(sa.text("select version_num from alembic_version")).scalar()
    return None if found is None else str(found)


def _passes(error: DBAPIError | sqlite3.OperationalError) -> bool:
    """Whether trying again can help: a lock, a lost connection, a full disk, a lost race."""
    text = str(getattr(error, "orig", error)).lower()
    if isinstance(error, (OperationalError, InterfaceError, sqlite3.OperationalError)) or (
        isinstance(error, DBAPIError) and error.connection_invalidated
    ):
        return not any(sign in text for sign in LASTING)
    return isinstance(error, sa.exc.IntegrityError) and "unique" in text


def _told(url: str, error: Exception) -> GradebookError:
    cause = getattr(error, "orig", error)
    shown = sa.make_url(url).render_as_string(hide_password=True)
    return GradebookError(f"the gradebook {shown} cannot be used: {cause}", hint=_hint(url))


def _hint(url: str) -> str:
    if url.startswith("sqlite"):
        return "is there room on the disk, and may this user write there? Then run the same command again"
    return "is PostgreSQL running, and is roadmark[postgres] installed? Then run the same command again"

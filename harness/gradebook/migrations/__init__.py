"""The migrations of the gradebook's tables, and how Alembic finds them."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic.config import Config


def config(connection: sa.Connection) -> Config:
    """Return Alembic's configuration for a connection; the folder is this package."""
    made = Config()
    made.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    made.set_main_option("path_separator", "os")
    made.attributes["connection"] = connection
    return made

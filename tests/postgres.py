"""A PostgreSQL server of the tests' own, from Debian's packages, in a folder and on a socket of its own."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path


class Postgres:
    """A server that can be stopped and started again."""

    def __init__(self) -> None:
        self.bin = find_bin()
        self.folder = Path(tempfile.mkdtemp(prefix="roadmark-postgres-"))
        if os.geteuid() == 0:
            shutil.chown(self.folder, "postgres", "postgres")
        self._run(
            "initdb",
            "--pgdata",
            str(self.folder / "data"),
            "--auth",
            "trust",
            "--username",
            "roadmark",
            "--no-sync",
        )
        self._databases = 0

    def start(self, *, durable: bool = False) -> None:
        """Start it; a durable one waits for its disk, which tests need not do."""
        options = f"-c listen_addresses='' -c unix_socket_directories={self.folder} -c max_connections=50"
        options += "" if durable else " -c fsync=off"
        self._run(
            "pg_ctl",
            "-D",
            str(self.folder / "data"),
            "-w",
            "-o",
            options,
            "-l",
            str(self.folder / "log"),
            "start",
        )

    def stop(self) -> None:
        self._run("pg_ctl", "-D", str(self.folder / "data"), "-m", "immediate", "-w", "stop")

    def new_url(self) -> str:
        self._databases += 1
        name = f"book{self._databases}"
        self._run("createdb", "-h", str(self.folder), "-U", "roadmark", name)
        return f"postgresql://roadmark@/{name}?host={self.folder}"

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self.folder)

    def _run(self, program: str, *arguments: str) -> None:
        become = (
            ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.geteuid() == 0 else []
        )
        command = [*become, str(self.bin / program), *arguments]
        done = subprocess.run(
            command, cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )
        assert done.returncode == 0, done.stdout


def find_bin() -> Path | None:
    """The newest PostgreSQL of Debian's packages, or the one on the path."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    on_path = shutil.which("initdb")
    return found[-1].parent if found else Path(on_path).parent if on_path else None

"""A Docker engine of the tests' own, beside the machine's: it may be stopped and started."""

import contextlib
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from harness.errors import NoEngine
from harness.sandbox.engine import connect


class OwnEngine:
    """dockerd with data, sockets and a containerd's namespace that no other engine has."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="rm-engine-", dir="/tmp"))  # sockets want short paths
        self.url = f"unix://{self.folder}/docker.sock"
        self._process: subprocess.Popen | None = None

    def start(self) -> None:
        command = ["dockerd", "--data-root", f"{self.folder}/data", "--exec-root", f"{self.folder}/exec"]
        command += ["--pidfile", f"{self.folder}/pid", "--host", self.url]
        command += ["--containerd-namespace", self.folder.name]
        command += ["--containerd-plugins-namespace", f"{self.folder.name}-plugins"]
        command += ["--bridge=none", "--iptables=false"]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        end = time.monotonic() + 120
        while not self.answers():
            assert self._process.poll() is None, self.log()
            assert time.monotonic() < end, self.log()
            time.sleep(0.2)

    def answers(self) -> bool:
        try:
            connect(self.url).close()
        except NoEngine:
            return False
        return True

    def stop(self, how: int = signal.SIGTERM) -> None:
        """End it: with SIGTERM it ends its containers first, with SIGKILL it does not."""
        assert self._process is not None
        self._process.send_signal(how)
        self._process.wait(120)

    def take(self, image: str) -> None:
        """Load an image from the machine's engine."""
        command = ["docker", "--host", self.url, "load"]
        with subprocess.Popen(["docker", "save", image], stdout=subprocess.PIPE) as save:
            load = subprocess.run(command, stdin=save.stdout, capture_output=True, check=False)
        assert (save.returncode, load.returncode) == (0, 0), load.stderr

    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")[-3000:]

    def remove(self) -> None:
        if self._process and self._process.poll() is None:
            self.stop()
        for point in mounts_below(self.folder):
            subprocess.run(["umount", "--lazy", point], check=False)
        with contextlib.suppress(OSError):
            shutil.rmtree(self.folder)


def mounts_below(folder: Path) -> list[str]:
    points = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
    return sorted((point for point in points if point.startswith(f"{folder}/")), reverse=True)

"""The wall as data: what a container is created with, control by control, without an engine."""

import json
import time

import pytest

from harness.records import Exercise, Limits
from harness.sandbox.docker import DEADLINE, GRACE_SECONDS, LABEL, OWNER, SECCOMP, parameters
from harness.sandbox.images import ENTRY
from harness.sandbox.owners import alive, owner
from harness.sandbox.process import environment
from harness.sandbox.protocol import Slot

LIMITS = Limits(memory_mb=700, cpus=3, pids=99, disk_mb=64, total_seconds=1000.0)
EXERCISE = Exercise(id="stage/small", title="", summary="", entry="small.py", limits=LIMITS)
SLOT = Slot(index=4, cpus=(2, 3))
GIVEN = parameters(EXERCISE, "sha256:abc", SLOT, "run1")
CONTROLS = {
    "image-by-id-so-that-nothing-is-pulled": ("image", "sha256:abc"),
    "name-of-its-own": ("name", "roadmark-run1"),
    "our-command": ("command", list(ENTRY)),
    "no-entrypoint-of-an-image": ("entrypoint", []),
    "E29-fixed-host-name": ("hostname", "sandbox"),
    "E02-no-resolver": ("dns", ["127.0.0.1"]),
    "E29-no-search-list": ("dns_search", ["."]),
    "E01-no-network": ("network_mode", "none"),
    "E20-own-shared-memory": ("ipc_mode", "private"),
    "R08-nothing-writable": ("read_only", True),
    "E30-never-privileged": ("privileged", False),
    "E10-no-capabilities": ("cap_drop", ["ALL"]),
    "R01-processes": ("pids_limit", 99),
    "R03-memory": ("mem_limit", "700m"),
    "R05-no-swap": ("memswap_limit", "700m"),
    "R07-shared-memory": ("shm_size", "64m"),
    "R30-cpu-time": ("nano_cpus", 3_000_000_000),
    "R30-processors": ("cpuset_cpus", "2,3"),
    "dies-first-when-the-machine-is-short": ("oom_score_adj", 500),
    "own-user-of-the-slot": ("user", "20015:20015"),
    "zombies-are-reaped": ("init", True),
    "stdin-is-open": ("stdin_open", True),
    "stdin-ends-with-us": ("detach", False),
    "no-terminal-that-merges-streams": ("tty", False),
    "we-still-ask-how-it-ended": ("auto_remove", False),
    "no-health-check": ("healthcheck", {"test": ["NONE"]}),
}


@pytest.mark.parametrize(("key", "value"), CONTROLS.values(), ids=CONTROLS)
def test_a_control(key, value):
    assert GIVEN[key] == value


ABSENT = (
    "volumes",
    "mounts",
    "volumes_from",
    "binds",
    "devices",
    "device_requests",
    "cap_add",
    "userns_mode",
    "pid_mode",
)
ABSENT += (
    "network",
    "ports",
    "restart_policy",
    "group_add",
    "sysctls",
    "links",
    "extra_hosts",
    "runtime",
    "platform",
)


@pytest.mark.parametrize("key", ABSENT)
def test_what_would_open_the_wall_is_absent(key):
    assert key not in GIVEN


def test_every_parameter_is_known_here():
    """A new one needs a row above."""
    other = {"working_dir", "environment", "labels", "security_opt", "tmpfs", "ulimits", "log_config"}
    assert set(GIVEN) == {key for key, _ in CONTROLS.values()} | other


def test_privileges_cannot_grow_and_calls_are_filtered():
    options = GIVEN["security_opt"]
    assert options[0] == "no-new-privileges:true"
    assert len(options) == 2
    profile = json.loads(options[1].removeprefix("seccomp="))  # a path would be refused at the start
    assert profile == json.loads(SECCOMP.read_text())
    assert profile["defaultAction"] == "SCMP_ACT_ERRNO"


@pytest.mark.parametrize("folder", ["/tmp", "/submission"])
def test_what_can_be_written_is_small_and_starts_nothing(folder):
    options = GIVEN["tmpfs"][folder].split(",")
    assert set(GIVEN["tmpfs"]) == {"/tmp", "/submission"}
    assert {"nosuid", "nodev", "noexec", "size=64m", "nr_inodes=16k"} <= set(options)


def test_the_submission_is_its_own_users():
    assert GIVEN["tmpfs"]["/submission"].endswith("mode=0700,uid=20015,gid=20015")
    assert GIVEN["working_dir"] == "/submission"


def test_resource_limits_of_a_process():
    limits = {limit["Name"]: (limit["Soft"], limit["Hard"]) for limit in GIVEN["ulimits"]}
    assert limits == {
        "core": (0, 0),
        "nofile": (1024, 1024),
        "fsize": (64 << 20, 64 << 20),
        "memlock": (65536, 65536),
    }


def test_prints_are_not_kept_by_the_engine():
    assert GIVEN["log_config"]["Type"] == "none"


def test_the_environment_is_ours_and_fixed(monkeypatch, tmp_path):
    monkeypatch.setenv("ROADMARK_SECRET", "x")
    monkeypatch.setenv("PYTHONPATH", "/evil")
    for variables in (
        parameters(EXERCISE, "i", SLOT, "r")["environment"],
        environment(tmp_path, LIMITS, SLOT),
    ):
        assert not {"ROADMARK_SECRET", "PYTHONPATH", "CI"} & set(variables)
        assert "x" not in variables.values()
        assert (variables["PYTHONHASHSEED"], variables["TZ"], variables["LANG"]) == ("0", "UTC", "C.UTF-8")
        assert variables["OMP_NUM_THREADS"] == "2"


def test_without_processors_of_its_own_a_slot_takes_what_there_is():
    given = parameters(EXERCISE, "i", Slot(), "r")
    assert (given["cpuset_cpus"], given["user"], given["environment"]["OMP_NUM_THREADS"]) == (
        "",
        "20011:20011",
        "3",
    )


def test_labels_say_whose_it_is_and_until_when():
    labels = parameters(EXERCISE, "sha256:abc", SLOT, "run1")["labels"]
    assert labels[LABEL] == "run1"
    assert labels[OWNER] == owner()
    assert alive(labels[OWNER])
    assert float(labels[DEADLINE]) == pytest.approx(time.time() + 1000 + GRACE_SECONDS, abs=120)


def test_a_container_knows_nothing_of_grading():
    text = json.dumps(GIVEN, default=str)
    for word in ("grader", "hidden", "expected", "secret", "checks"):
        assert word not in text.lower()

"""The doctor finds every broken setup: told by the engine, seen by the probe, or met under strain."""

import copy
import time

import pytest
from click.testing import CliRunner

from harness import doctor
from harness.doctor import controls, probing, proof
from harness.doctor.controls import CONTROLS, LIMITS
from harness.doctor.engine import engine_findings
from harness.doctor.probing import gather, judged, probe, strain
from harness.errors import NoEngine, SandboxError

INFO = {
    "ID": "ABCD",
    "OSType": "linux",
    "KernelVersion": "6.1",
    "CgroupVersion": "2",
    "CgroupDriver": "systemd",
    "Architecture": "x86_64",
    "NCPU": 8,
    "MemoryLimit": True,
    "SwapLimit": True,
    "PidsLimit": True,
    "CPUSet": True,
    "CpuCfsQuota": True,
    "SecurityOptions": ["name=seccomp,profile=builtin", "name=cgroupns"],
    "Runtimes": {"runc": {}, "io.containerd.runc.v2": {}},
    "DefaultRuntime": "runc",
    "Warnings": None,
}
VERSION = {
    "Version": "28.3.2",
    "ApiVersion": "1.51",
    "Components": [{"Name": "Engine", "Version": "28.3.2"}, {"Name": "runc", "Version": "1.2.5"}],
}
PODMAN = {"Components": [{"Name": "Podman Engine", "Version": "4.3.1"}]}
OLD_RUNC = {"Components": [{"Name": "runc", "Version": "1.1.9"}]}
ENGINES = {
    "no-memory-accounting": ({"MemoryLimit": False}, {}, "", "memory limit"),
    "no-swap-accounting": ({"SwapLimit": False}, {}, "", "swap limit"),
    "no-process-accounting": ({"PidsLimit": False}, {}, "", "process limit"),
    "no-processor-sets": ({"CPUSet": False}, {}, "", "processor set limit"),
    "no-processor-quota": ({"CpuCfsQuota": False}, {}, "", "processor time limit"),
    "no-seccomp": ({"SecurityOptions": ["name=apparmor"]}, {}, "", "seccomp"),
    "nothing-told-of-security": ({"SecurityOptions": None}, {}, "", "seccomp"),
    "open-on-tcp": (
        {"Warnings": ["[DEPRECATION NOTICE]: API is accessible on http://0.0.0.0:2375 without encryption."]},
        {},
        "",
        "engine's door",
    ),
    "windows-containers": ({"OSType": "windows"}, {}, "", "containers"),
    "podman": ({}, PODMAN, "", "containers"),
    "old-engine": ({}, {"ApiVersion": "1.40"}, "", "engine"),
    "runtime-with-known-holes": ({}, OLD_RUNC, "", "runc"),
    "runtime-that-is-not-there": ({}, {}, "runsc", "runtime"),
    "rootless-without-control-groups": (
        {"SecurityOptions": ["name=seccomp", "name=rootless"], "MemoryLimit": False},
        {},
        "",
        "memory limit",
    ),
}


def bad(findings) -> dict[str, str]:
    """Return what stands in the way, with what to do."""
    found = {finding.subject: finding.fix for finding in findings if not finding.good}
    assert all(found.values()), "a finding without a next step"
    return found


def test_a_sound_engine_has_no_finding():
    assert bad(engine_findings(INFO, VERSION, "")) == {}


@pytest.mark.parametrize(("info", "version", "runtime", "subject"), ENGINES.values(), ids=ENGINES)
def test_a_broken_setup_is_found(info, version, runtime, subject):
    assert list(bad(engine_findings(INFO | info, VERSION | version, runtime))) == [subject]


@pytest.mark.parametrize(
    ("info", "version", "subject", "words"),
    [
        pytest.param(
            {"SecurityOptions": ["name=seccomp", "name=userns"]}, {}, "user namespaces", "userns", id="userns"
        ),
        pytest.param(
            {"SecurityOptions": ["name=seccomp", "name=rootless"]},
            {},
            "user namespaces",
            "rootless",
            id="rootless",
        ),
        pytest.param({"Runtimes": {"runc": {}, "runsc": {}}}, {}, "runtime", "--runtime runsc", id="runsc"),
        pytest.param(
            {"Runtimes": {"runc": {}, "nvidia": {}}}, {}, "GPU toolkit", "runtime", id="nvidia-runtime"
        ),
        pytest.param({"CDISpecDirs": ["/etc/cdi"]}, {}, "GPU toolkit", "CDI", id="cdi"),
        pytest.param(
            {},
            {
                "Components": [
                    {"Name": "runc", "Version": "1.1.5+ds1", "Details": {"GitCommit": "1.1.5-1+deb12u1"}}
                ]
            },
            "runc",
            "patched",
            id="patched-runc",
        ),
        pytest.param({}, {"Components": None}, "runc", "not told", id="no-components"),
    ],
)
def test_what_an_engine_has_is_told(info, version, subject, words):
    findings = {one.subject: one for one in engine_findings(INFO | info, VERSION | version, "")}
    assert findings[subject].good
    assert words in findings[subject].detail


def test_room_and_image(monkeypatch):
    assert doctor.room(80.0).good
    assert bad([doctor.room(1.5)]) == {"disk": "roadmark clean, or make room on the disk"}
    for state, good in (("current", True), ("stale", False), ("missing", False)):
        monkeypatch.setattr("harness.sandbox.images.status", lambda *_, state=state: state)
        assert doctor.image(None, "cpu").good is good


def test_without_an_engine_that_is_all_there_is_to_say(monkeypatch):
    def none():
        raise NoEngine("no Docker engine answers at x", hint="make setup")

    monkeypatch.setattr("harness.sandbox.engine.connect", none)
    assert bad(doctor.examine()) == {"engine": "make setup"}


# ---- each control ------------------------------------------------------------------------------

HOST = {
    "CpusetCpus": "3",
    "IpcMode": "private",
    "LogConfig": {"Type": "none", "Config": {}},
    "Binds": None,
    "Devices": [],
    "Privileged": False,
}
INERT = "rw,nosuid,nodev,noexec,relatime"
SOUND = {
    "status": dict.fromkeys(("CapEff", "CapBnd", "CapPrm", "CapInh", "CapAmb"), "0000000000000000")
    | {"NoNewPrivs": "1", "Seccomp": "2", "Uid": "20011"},
    "limits": {
        "memory": str(LIMITS.memory_mb << 20),
        "swap": "0",
        "pids": str(LIMITS.pids),
        "cpus": "1",
        "cpu": 1.0,
        "version": "2",
    },
    "ulimits": {name: [most, most] for name, most in controls.ULIMITS.items()},
    "writable": [],
    "mounts": {
        "/": ["ro,relatime", "rw"],
        "/tmp": [INERT, ""],
        "/submission": [INERT, ""],
        "/dev/shm": [INERT, ""],
    },
    "scratch": {
        "/tmp": [LIMITS.disk_mb << 20, 16384],
        "/submission": [LIMITS.disk_mb << 20, 16384],
        "/dev/shm": [LIMITS.disk_mb << 20, 10**6],
    },
    "interfaces": ["lo"],
    "reaches_out": False,
    "resolvers": ["127.0.0.1"],
    "system_calls": [],
    "socket_families": [],
    "environment": ["HOME", "PATH"],
    "neighbours": 2,
    "host_name": "sandbox",
    "devices": [],
    "processors": 1,
    "outside": {
        "Config": {"User": "20011:20011", "StdinOnce": True, "OpenStdin": True},
        "HostConfig": HOST,
        "Mounts": [],
    },
}
FIRST = {"version": "1", "swap": str(LIMITS.memory_mb << 20)}
BROKEN = {
    "no capabilities": [
        ("status", {"CapBnd": "00000000a80425fb"}),
        ("status", {"CapEff": "0000000000000001"}),
    ],
    "no new privileges": [("status", {"NoNewPrivs": "0"})],
    "system calls are filtered": [("status", {"Seccomp": "0"})],
    "dangerous system calls are refused": [("system_calls", ["ptrace"])],
    "odd socket families are refused": [("socket_families", ["AF_VSOCK"])],
    "the user of its place, and not root": [("status", {"Uid": "0"}), ("status", {"Uid": "1000"})],
    "system is read-only": [("writable", ["/var/tmp"]), ("mounts", {"/": ["rw,relatime", "rw"]})],
    "scratch folders are limited in size and files": [
        ("scratch", {"/tmp": [1 << 40, 16384]}),
        ("scratch", {"/tmp": [1024, 0]}),
        ("scratch", {"/submission": [1024, 10**9]}),
    ],
    "scratch folders run nothing": [("mounts", {"/tmp": ["rw,relatime", ""]})],
    "memory is limited": [("limits", {"memory": str(1 << 62)}), ("limits", {"memory": ""})],
    "no swap": [
        ("limits", {"swap": "max"}),
        ("limits", FIRST | {"swap": str(1 << 40)}),
        ("limits", {"swap": ""}),
    ],
    "processes are limited": [("limits", {"pids": "max"}), ("limits", {"pids": ""})],
    "processor time is limited": [("limits", {"cpu": 0.0}), ("limits", {"cpu": 8.0})],
    "processors are its own": [("limits", {"cpus": "8"}), ("processors", 2)],
    "limits of a process": [("ulimits", {"core": [-1, -1]}), ("ulimits", {"nofile": [1024, 1 << 20]})],
    "no network": [("interfaces", ["lo", "eth0"]), ("reaches_out", True)],
    "no resolver": [("resolvers", ["10.0.0.53"]), ("resolvers", ["127.0.0.1", "corp.example"])],
    "own shared memory": [("host", {"IpcMode": "host"}), ("host", {"IpcMode": "shareable"})],
    "own process space": [("neighbours", 200)],
    "environment is ours": [("environment", ["HOME", "AWS_SECRET_ACCESS_KEY"])],
    "host's name is hidden": [("host_name", "build-17")],
    "prints are not kept by the engine": [("host", {"LogConfig": {"Type": "json-file"}})],
    "nothing of the host is mounted": [
        ("host", {"Binds": ["/:/host"]}),
        ("host", {"Privileged": True}),
        ("host", {"Devices": [{"PathOnHost": "/dev/sda"}]}),
    ],
    "no devices": [("devices", ["sda"])],
    "ends when the harness does": [("config", {"StdinOnce": False})],
}
CASES = [(subject, place, change) for subject, changes in BROKEN.items() for place, change in changes]


def changed(place, change) -> dict:
    answers = copy.deepcopy(SOUND)
    target = {"host": answers["outside"]["HostConfig"], "config": answers["outside"]["Config"]}.get(place)
    if target is None and isinstance(change, dict):
        target = answers[place]
    if target is None:
        answers[place] = change
    else:
        target.update(change)
    return answers


def test_a_sound_sandbox_has_no_finding():
    assert bad(judged(SOUND)) == {}
    assert bad(judged(changed("limits", FIRST))) == {}, "control groups of version 1"
    assert bad(judged(changed("host", {"CpusetCpus": ""}) | {"processors": 0})) == {}, (
        "no choice of processors"
    )


def test_every_control_has_a_broken_setup():
    assert list(BROKEN) == list(CONTROLS)


@pytest.mark.parametrize(("subject", "place", "change"), CASES, ids=[f"{s}-{p}" for s, p, _ in CASES])
def test_a_control_that_does_not_hold_is_found(subject, place, change):
    assert subject in bad(judged(changed(place, change)))


@pytest.mark.parametrize("name", [name for name in SOUND if name != "processors"])
@pytest.mark.parametrize("answer", [None, "x", 30, [[]]], ids=repr)
def test_an_answer_that_is_none_verifies_nothing(name, answer):
    """A probe that says nothing or nonsense proves nothing."""
    assert bad(judged(SOUND | {name: answer}))
    without = {key: value for key, value in SOUND.items() if key != name}
    assert any("could not be verified" in one.detail for one in judged(without))


# ---- for real ----------------------------------------------------------------------------------


@pytest.mark.docker
def test_every_control_holds_here(engine, image, no_leftovers):
    with probe(engine, "cpu") as asked:
        answers = gather(engine, asked)
    assert bad(judged(answers)) == {}
    assert set(answers) >= set(SOUND)


@pytest.mark.docker
def test_every_greed_ends_here(engine, image, no_leftovers, monkeypatch):
    monkeypatch.setattr(probing, "KILL_SECONDS", 30.0)  # the machine of a test may be busy
    assert bad(strain(engine)) == {}


# ---- grading waits for a proof -----------------------------------------------------------------


class Proving:
    """Stands for the engine and the probe: counts proofs, and breaks a control when told to."""

    def __init__(self, monkeypatch, tmp_path) -> None:
        self.proofs, self.answers, self.info_now = 0, SOUND, dict(INFO)
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
        monkeypatch.setattr(proof, "prove", self._prove)

    def _prove(self, *_):
        self.proofs += 1
        return judged(self.answers)

    def info(self):
        return dict(self.info_now)

    def version(self):
        return VERSION


@pytest.fixture
def proving(monkeypatch, tmp_path):
    return Proving(monkeypatch, tmp_path)


def test_a_proof_holds_for_an_hour_of_one_engine_and_one_wall(proving, monkeypatch):
    for _ in range(3):
        proof.require_proof(proving, "cpu")
    assert proving.proofs == 1
    proving.info_now["ID"] = "another"
    proof.require_proof(proving, "cpu")
    assert proving.proofs == 2
    monkeypatch.setattr("harness.sandbox.images.image_digest", lambda _: "another image")
    proof.require_proof(proving, "cpu")
    assert proving.proofs == 3
    now = time.time() + proof.HOUR + 1
    monkeypatch.setattr(proof.time, "time", lambda: now)
    proof.require_proof(proving, "cpu")
    assert proving.proofs == 4


@pytest.mark.parametrize("text", ["", "{", "[1]", '{"a": "b"}', '{"a": 9e99}'], ids=repr)
def test_a_damaged_proof_proves_nothing(proving, text):
    proof._file().write_text(text)
    proof.require_proof(proving, "cpu")
    assert proving.proofs == 1


def test_a_proof_from_the_future_proves_nothing(proving):
    proof.require_proof(proving, "cpu")
    text = proof._file().read_text()
    key = text.split('"')[1]
    proof._file().write_text(f'{{"{key}": {time.time() + 1000}}}')
    proof.require_proof(proving, "cpu")
    assert proving.proofs == 2


def test_what_cannot_be_verified_refuses_to_grade_every_time(proving):
    proving.answers = changed("status", {"Seccomp": "0"})
    for _ in range(2):
        with pytest.raises(SandboxError, match="system calls are filtered: no filter is on") as error:
            proof.require_proof(proving, "cpu")
        assert error.value.hint == "roadmark doctor"
    assert proving.proofs == 2


def test_an_engine_that_lacks_a_limit_refuses_before_anything_runs(proving):
    proving.info_now["SwapLimit"] = False
    with pytest.raises(SandboxError, match="swap limit: not supported"):
        proof.require_proof(proving, "cpu")
    assert proving.proofs == 0


@pytest.mark.docker
def test_the_command_ends_with_3_when_a_control_does_not_hold(engine, image, monkeypatch, tmp_path, course):
    """For real: a wall without its filter, the command line, and the words that an operator reads."""
    from harness.cli import main
    from harness.sandbox import docker

    real = docker._walls
    open_calls = ["no-new-privileges:true", "seccomp=unconfined"]
    monkeypatch.setattr(docker, "_walls", lambda *given: real(*given) | {"security_opt": open_calls})
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    solution = course.reference_folder("transformers/attention") / "solution" / "attention.py"
    result = CliRunner().invoke(main, ["grade", "attention", str(solution)])
    assert result.exit_code == 3, result.output
    assert "a control of the sandbox could not be verified: system calls are filtered" in result.output
    assert "roadmark doctor" in result.output
    result = CliRunner().invoke(main, ["doctor"])
    assert result.exit_code == 3
    assert "BAD  system calls are filtered: no filter is on" in result.output

"""Every control of the sandbox and a way to take it away, for `make prove-controls`.

A control that is taken away has to be missed: by a submission of the catalogue whose verdict
or words are others then, and by the doctor. Where one of the two cannot see it, `why` says so.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pytest

from harness import failures, grading, session, verdict, wire
from harness.sandbox import docker, stream

Wanted = dict[str, Any]
Remove = Callable[[pytest.MonkeyPatch], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """One control."""

    remove: Remove
    missed_by: tuple[str, ...] = ()
    """Submissions, each of which has to come to something else without it."""
    doctor: str = ""
    """What the doctor calls it; empty where it is none of the container's."""
    exercise: str = ""
    """Exercise with other limits to ask in, so that what never ends without the control ends soon."""
    why: str = ""
    """Why no submission can miss it here."""


def without(change: Callable[[Wanted], Wanted]) -> Remove:
    """Return what creates every container otherwise."""

    def remove(monkeypatch: pytest.MonkeyPatch) -> None:
        real = docker.parameters
        monkeypatch.setattr(docker, "parameters", lambda *given: change(real(*given)))

    return remove


def put(**changes: Any) -> Remove:
    """Return what creates every container with these parameters instead."""
    return without(lambda wanted: wanted | changes)


def in_tmpfs(*options: str, **instead: str) -> Remove:
    """Return what leaves options out of the scratch folders, or gives them other values."""

    def changed(line: str) -> str:
        kept = [one for one in line.split(",") if one.partition("=")[0] not in options]
        return ",".join(
            f"{key}={instead[key]}" if (key := one.partition("=")[0]) in instead else one for one in kept
        )

    return without(
        lambda wanted: wanted | {"tmpfs": {place: changed(line) for place, line in wanted["tmpfs"].items()}}
    )


def without_ulimit(name: str) -> Remove:
    """Return what sets no limit of that name: the container then has the engine's own."""
    return without(
        lambda wanted: wanted | {"ulimits": [one for one in wanted["ulimits"] if one["Name"] != name]}
    )


def allowing(*names: str, args: list[dict[str, object]] | None = None) -> Remove:
    """Return what adds system calls to those that the filter lets through."""

    def change(wanted: Wanted) -> Wanted:
        profile = json.loads(wanted["security_opt"][1].removeprefix("seccomp="))
        refused = {"socket"} if args else set(names)
        for rule in profile["syscalls"]:
            if rule["action"] != "SCMP_ACT_ALLOW" and not args:
                rule["names"] = [name for name in rule["names"] if name not in refused]
        rules = [rule for rule in profile["syscalls"] if rule["names"] and not (args and _same(rule, args))]
        rules.append({"names": list(names), "action": "SCMP_ACT_ALLOW", **({"args": args} if args else {})})
        profile["syscalls"] = rules
        return wanted | {"security_opt": [wanted["security_opt"][0], f"seccomp={json.dumps(profile)}"]}

    return without(change)


def _same(rule: Mapping[str, Any], args: list[dict[str, object]]) -> bool:
    return rule["names"] == ["socket"] and rule.get("args") == args


def family(number: int) -> Remove:
    """Return what lets sockets of a family through."""
    return allowing("socket", args=[{"index": 0, "value": number, "op": "SCMP_CMP_EQ"}])


def any_protocol(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let sockets of the internet through whatever their kind and protocol."""
    family(2)(monkeypatch)


def as_root(wanted: Wanted) -> Wanted:
    uid = wanted["user"].partition(":")[0]
    folders = {place: line.replace(f"id={uid}", "id=0") for place, line in wanted["tmpfs"].items()}
    return wanted | {"user": "0:0", "tmpfs": folders}


def as_the_same_user(wanted: Wanted) -> Wanted:
    uid = wanted["user"].partition(":")[0]
    folders = {place: line.replace(f"id={uid}", "id=20011") for place, line in wanted["tmpfs"].items()}
    return wanted | {"user": "20011:20011", "tmpfs": folders}


def shared_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the second container join the first one's shared memory."""
    real, first = docker.parameters, []

    def joined(*given: Any) -> Wanted:
        wanted = real(*given)
        mode = f"container:{first[0]}" if first else "shareable"
        first.append(wanted["name"])
        return wanted | {"ipc_mode": mode}

    monkeypatch.setattr(docker, "parameters", joined)


def uncapped_prints(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream.Log, "add", lambda *_: None)


def deadline_of_each_read(monkeypatch: pytest.MonkeyPatch) -> None:
    real = stream.Stream._wait
    monkeypatch.setattr(stream.Stream, "_wait", lambda self, _: real(self, time.monotonic() + 2))


def any_id(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take every answer for the one to the question that is open."""
    asked: list[str] = []
    post, parse = session.Session._post, wire.parse

    def posted(self: session.Session, *given: Any) -> str:
        asked.append(post(self, *given))
        return asked[-1]

    monkeypatch.setattr(session.Session, "_post", posted)
    monkeypatch.setattr(wire, "parse", lambda header: parse(header) | {"id": asked[-1]})


def the_usual_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grading.Rng, "of", classmethod(lambda cls, *_: cls(np.random.PCG64(0))))


def nan_is_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grading, "_require_finite", lambda *_: None)


def text_as_it_came(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (failures, verdict):
        monkeypatch.setattr(module, "plain", lambda text, *_: str(text))


CONTROLS: Final[Mapping[str, Control]] = {
    "no-root": Control(
        remove=without(as_root), missed_by=("E10-is-root",), doctor="the user of its place, and not root"
    ),
    "a-user-for-each-place": Control(
        remove=without(as_the_same_user),
        missed_by=("R30-takes-its-neighbours-watches",),
    ),
    "no-capabilities": Control(
        remove=put(cap_drop=[]), missed_by=("E10-holds-capabilities",), doctor="no capabilities"
    ),
    "no-new-privileges": Control(
        remove=without(lambda wanted: wanted | {"security_opt": wanted["security_opt"][1:]}),
        missed_by=("E10-grows-by-a-program",),
        doctor="no new privileges",
    ),
    "never-privileged": Control(
        remove=put(privileged=True), missed_by=("E30-opens-devices",), doctor="no devices"
    ),
    "seccomp": Control(
        remove=put(security_opt=["no-new-privileges:true", "seccomp=unconfined"]),
        missed_by=("E13-keeps-keys", "E18-io-uring", "E22-userfaultfd", "E22-file-handles", "E15-vsock"),
        doctor="system calls are filtered",
    ),
    "seccomp-keyrings": Control(
        remove=allowing("keyctl", "add_key", "request_key"),
        missed_by=("E13-keeps-keys",),
        doctor="dangerous system calls are refused",
    ),
    "seccomp-io-uring": Control(
        remove=allowing("io_uring_setup", "io_uring_enter", "io_uring_register"),
        missed_by=("E18-io-uring",),
        doctor="dangerous system calls are refused",
    ),
    "seccomp-ptrace": Control(
        remove=allowing("ptrace"),
        missed_by=("F21-attaches-to-its-judge",),
        doctor="dangerous system calls are refused",
    ),
    "seccomp-memory-of-others": Control(
        remove=allowing("process_vm_readv", "process_vm_writev"),
        missed_by=("F21-attaches-to-its-judge",),
        doctor="dangerous system calls are refused",
    ),
    "seccomp-descriptors-of-others": Control(
        remove=allowing("pidfd_getfd"),
        missed_by=("F21-attaches-to-its-judge",),
        doctor="dangerous system calls are refused",
    ),
    "seccomp-namespaces": Control(
        remove=allowing("unshare", "setns"),
        missed_by=("E22-new-namespaces",),
        doctor="dangerous system calls are refused",
    ),
    "seccomp-userfaultfd": Control(
        remove=allowing("userfaultfd"),
        missed_by=("E22-userfaultfd",),
        doctor="dangerous system calls are refused",
    ),
    "seccomp-perf": Control(
        remove=allowing("perf_event_open"),
        missed_by=("E22-perf-events",),
        doctor="dangerous system calls are refused",
    ),
    "seccomp-file-handles": Control(
        remove=allowing("name_to_handle_at"),
        missed_by=("E22-file-handles",),
        doctor="dangerous system calls are refused",
    ),
    "seccomp-message-queues": Control(
        remove=allowing("msgget"),
        missed_by=("E21-queues-messages",),
        doctor="dangerous system calls are refused",
    ),
    "seccomp-vsock": Control(remove=family(40), missed_by=("E15-vsock",)),
    "seccomp-crypto-sockets": Control(remove=family(38), missed_by=("E19-crypto-sockets",)),
    "seccomp-protocols": Control(remove=any_protocol, missed_by=("E19-sctp",)),
    "read-only-system": Control(
        remove=put(read_only=False), missed_by=("R08-writes-to-the-disk",), doctor="system is read-only"
    ),
    "nothing-mounted": Control(
        remove=put(volumes={"/usr/share/doc": {"bind": "/mnt", "mode": "ro"}}),
        missed_by=("E05-reads-other-submissions",),
        doctor="nothing of the host is mounted",
    ),
    "size-of-scratch": Control(
        remove=in_tmpfs(size="2g"),
        missed_by=("R06-fills-tmp-in-small-files",),
        doctor="scratch folders are limited in size and files",
    ),
    "files-in-scratch": Control(
        remove=in_tmpfs("nr_inodes"),
        missed_by=("R09-inodes",),
        doctor="scratch folders are limited in size and files",
    ),
    "scratch-runs-nothing": Control(
        remove=without(
            lambda wanted: (
                wanted
                | {
                    "tmpfs": {
                        place: line.replace("noexec", "exec")
                        .replace("nosuid", "suid")
                        .replace("nodev", "dev")
                        for place, line in wanted["tmpfs"].items()
                    }
                }
            )
        ),
        missed_by=("E10-makes-a-setuid-program",),
        doctor="scratch folders run nothing",
    ),
    "size-of-shared-memory": Control(
        remove=put(shm_size="2g"),
        missed_by=("R07-fills-shared-memory",),
        doctor="scratch folders are limited in size and files",
    ),
    "processes": Control(
        remove=put(pids_limit=-1), missed_by=("R01-counts-its-children",), doctor="processes are limited"
    ),
    "memory": Control(
        remove=put(mem_limit="4g", memswap_limit="4g"), missed_by=("R05-swaps",), doctor="memory is limited"
    ),
    "swap": Control(
        remove=put(memswap_limit=-1),
        doctor="no swap",
        why="a machine without swap has none to give; the doctor reads the limit",
    ),
    "processors": Control(
        remove=put(cpuset_cpus=""),
        missed_by=("R30-starves-its-neighbours",),
        doctor="processors are its own",
    ),
    "processor-time": Control(
        remove=put(nano_cpus=0), missed_by=("R30-has-no-quota",), doctor="processor time is limited"
    ),
    "core-dumps": Control(
        remove=without_ulimit("core"), missed_by=("R28-dumps-core",), doctor="limits of a process"
    ),
    "descriptors": Control(
        remove=without_ulimit("nofile"), missed_by=("R28-descriptors",), doctor="limits of a process"
    ),
    "size-of-files": Control(
        remove=without_ulimit("fsize"), missed_by=("R10-sparse-file",), doctor="limits of a process"
    ),
    "locked-memory": Control(
        remove=without_ulimit("memlock"), missed_by=("R28-locks-memory",), doctor="limits of a process"
    ),
    "network": Control(
        remove=put(network_mode="host"), missed_by=("E01-finds-an-interface",), doctor="no network"
    ),
    "resolver": Control(
        remove=put(dns=["192.0.2.53"]), missed_by=("E02-finds-a-resolver",), doctor="no resolver"
    ),
    "search-list": Control(
        remove=put(dns_search=["corp.example"]), missed_by=("E29-learns-the-host",), doctor="no resolver"
    ),
    "shared-memory-of-its-own": Control(
        remove=shared_memory, missed_by=("E20-shares-memory",), doctor="own shared memory"
    ),
    "processes-of-its-own": Control(
        remove=put(pid_mode="host"), missed_by=("F20-reads-the-parent",), doctor="own process space"
    ),
    "init": Control(remove=put(init=False), missed_by=("F42-kills-its-judge",)),
    "host-name": Control(
        remove=put(hostname="build-17"), missed_by=("E29-learns-the-host",), doctor="host's name is hidden"
    ),
    "environment": Control(
        remove=without(lambda wanted: wanted | {"environment": wanted["environment"] | {"TOKEN": "x"}}),
        missed_by=("E14-scrapes-the-environment",),
        doctor="environment is ours",
    ),
    "prints-are-not-kept": Control(
        remove=put(log_config={"Type": "json-file", "Config": {}}),
        doctor="prints are not kept by the engine",
        why="what the engine writes on its disk cannot be seen from inside",
    ),
    "ends-with-the-harness": Control(
        remove=put(detach=True),
        doctor="ends when the harness does",
        why="a submission ends with its grading; tests/sandbox kills harnesses to see it",
    ),
    "cap-on-prints": Control(
        remove=uncapped_prints, missed_by=("R11-endless-output", "R13-one-endless-line"), exercise="hasty"
    ),
    "deadline-of-the-whole-answer": Control(remove=deadline_of_each_read, missed_by=("R26-drips",)),
    "answers-have-ids": Control(remove=any_id, missed_by=("F22-writes-answers-itself",)),
    "fresh-questions": Control(remove=the_usual_seed, missed_by=("F27-knows-the-usual-seeds",)),
    "nan-is-no-number": Control(remove=nan_is_a_number, missed_by=("F37-nan-passes-comparisons",)),
    "text-is-cleaned": Control(remove=text_as_it_came, missed_by=("B38-colours-the-terminal",)),
}

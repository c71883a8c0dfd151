"""The system-call filter, asked from inside real containers: what must work does, what must not does not."""

import json
import uuid

import pytest

from harness.records import Exercise
from harness.sandbox.docker import SECCOMP, parameters
from harness.sandbox.protocol import Slot

EXERCISE = Exercise(id="test/seccomp", title="", summary="", entry="x.py")

CALLS = {  # name: (number on x86_64, number on aarch64, arguments that get past every other check)
    "ptrace": (101, 117, (0, 0, 0, 0)),
    "process_vm_readv": (310, 270, (-1, 0, 0, 0, 0, 0)),
    "process_vm_writev": (311, 271, (-1, 0, 0, 0, 0, 0)),
    "pidfd_getfd": (438, 438, (-1, 0, 0)),
    "kcmp": (312, 272, (1, 1, 0, 0, 0)),
    "io_uring_setup": (425, 425, (1, 0)),
    "add_key": (248, 217, (0, 0, 0, 0, 0)),
    "request_key": (249, 218, (0, 0, 0, 0)),
    "keyctl": (250, 219, (0, 0, 0, 0, 0)),
    "userfaultfd": (323, 282, (1,)),
    "perf_event_open": (298, 241, (0, 0, 0, 0, 0)),
    "bpf": (321, 280, (0, 0, 0)),
    "unshare-newuser": (272, 97, (0x10000000,)),
    "clone-newuser": (56, 220, (0x10000000 | 17, 0, 0, 0, 0)),
    "setns": (308, 268, (-1, 0)),
    "mount": (165, 40, (0, 0, 0, 0, 0)),
    "name_to_handle_at": (303, 264, (-1, 0, 0, 0, 0)),
    "vmsplice": (278, 75, (-1, 0, 0, 0)),
    "msgget": (68, 186, (0, 0)),
}
SOCKETS = {  # name: (family, kind, protocol)
    "vsock": (40, 1, 0),
    "alg": (38, 5, 0),
    "netlink": (16, 3, 0),
    "packet": (17, 3, 0),
    "can": (29, 3, 1),
    "bluetooth": (31, 3, 0),
    "tipc": (30, 2, 0),
    "sctp": (2, 1, 132),
    "sctp-by-kind": (2, 5, 0),
    "sctp-ipv6": (10, 1, 132),
    "mptcp": (2, 1, 262),
    "udp-lite": (2, 2, 136),
}
PROBE = """
import ctypes, errno, json, os, platform, socket
calls, sockets = json.loads(CASES)
libc = ctypes.CDLL(None, use_errno=True)
said = {}
for name, (x86, arm, arguments) in calls.items():
    number = x86 if platform.machine() == "x86_64" else arm
    done = libc.syscall(number, *arguments)
    said[name] = errno.errorcode[ctypes.get_errno()] if done < 0 else "done"
for name, wanted in sockets.items():
    try:
        socket.socket(*wanted)
        said[name] = "done"
    except OSError as error:
        said[name] = errno.errorcode[error.errno]
print(json.dumps(said))
"""


def run(engine, image, code, **changes):
    """Return the exit status and the output of Python code behind the wall."""
    from docker.types import LogConfig

    wanted = parameters(EXERCISE, image, Slot(), uuid.uuid4().hex)
    wanted |= {"command": ["python3", "-I", "-B", "-c", code], "stdin_open": False}
    container = engine.containers.create(**wanted | {"log_config": LogConfig(type="json-file")} | changes)
    try:
        container.start()
        return container.wait(timeout=120)["StatusCode"], container.logs().decode()
    finally:
        container.remove(force=True, v=True)


def probe(engine, image, calls, **changes):
    status, said = run(engine, image, PROBE.replace("CASES", repr(json.dumps([calls, SOCKETS]))), **changes)
    assert status == 0, said
    return json.loads(said)


@pytest.fixture(scope="module")
def answers(engine, image):
    """What each call and socket came to, behind the wall."""
    return probe(engine, image, CALLS | {"clone3": (435, 435, (0, 0))})


@pytest.fixture(scope="module")
def answers_without_profile(engine, image):
    """The same behind a wall that lacks only the filter; a clone there would run on as a second probe."""
    calls = {name: call for name, call in CALLS.items() if name != "clone-newuser"}
    return probe(engine, image, calls, security_opt=["no-new-privileges:true", "seccomp=unconfined"])


@pytest.mark.docker
@pytest.mark.parametrize("name", [*CALLS, *SOCKETS])
def test_refused(answers, name):
    assert answers[name] == ("ENOTSUP" if name == "netlink" else "EPERM")


@pytest.mark.docker
@pytest.mark.parametrize("name", [n for n in [*CALLS, "netlink", "vsock", "mptcp"] if n != "clone-newuser"])
def test_the_profile_is_what_refuses(answers_without_profile, name):
    assert answers_without_profile[name] != "EPERM", "this case proves nothing about the profile"


@pytest.mark.docker
def test_clone3_says_that_it_does_not_exist(answers):
    assert answers["clone3"] == "ENOSYS", "with EPERM the C library would not fall back to clone"


@pytest.mark.docker
def test_a_32_bit_call_ends_the_process(engine, image):
    code = """
import ctypes, mmap, platform
page = mmap.mmap(-1, 4096, prot=7)
page.write(bytes.fromhex("b814000000cd80c3"))  # getpid by the old road
if platform.machine() == "x86_64":
    print(ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))())
"""
    if engine.version()["Arch"] != "amd64":
        pytest.skip("only x86_64 has this second way in")
    assert run(engine, image, code) == (128 + 31, "")  # SIGSYS


@pytest.mark.docker
@pytest.mark.parametrize(
    "code",
    [
        pytest.param(
            """
import torch
layer = torch.nn.Linear(64, 64)
layer(torch.randn(32, 64)).square().mean().backward()
assert layer.weight.grad.isfinite().all()
""",
            id="torch-forward-and-backward",
        ),
        pytest.param(
            """
import torch
from torch.utils.data import DataLoader, TensorDataset
loader = DataLoader(TensorDataset(torch.arange(64.0)), batch_size=8, num_workers=2)
assert sum(float(batch.sum()) for batch, in loader) == 2016
""",
            id="data-loader-with-two-workers",
        ),
        pytest.param(
            """
import math, multiprocessing
with multiprocessing.get_context("spawn").Pool(2) as pool:
    assert pool.map(math.sqrt, [4, 9]) == [2, 3]
""",
            id="multiprocessing-spawn",
        ),
        pytest.param(
            """
import subprocess, sys
assert subprocess.check_output(["sh", "-c", "ls / | head -1"], text=True).strip() == "bin"
assert subprocess.check_output([sys.executable, "-c", "print(6 * 7)"], text=True) == "42\\n"
""",
            id="subprocess",
        ),
        pytest.param(
            """
import io
import matplotlib.pyplot as plt
plt.plot([1, 2])
plt.savefig("figure.png")
assert open("figure.png", "rb").read(4) == b"\\x89PNG"
""",
            id="matplotlib-savefig",
        ),
        pytest.param(
            """
import http.server, threading, urllib.request
server = http.server.HTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
threading.Thread(target=server.serve_forever, daemon=True).start()
assert urllib.request.urlopen(f"http://127.0.0.1:{server.server_port}/").status == 200
""",
            id="http-on-loopback",
        ),
        pytest.param(
            """
import asyncio
async def main():
    process = await asyncio.create_subprocess_exec("true")
    assert await process.wait() == 0
asyncio.run(main())
""",
            id="asyncio-subprocess",
        ),
        pytest.param(
            """
import numpy as np
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier
x = np.random.default_rng(0).normal(size=(200, 8))
PCA(2).fit(x)
assert RandomForestClassifier(20, n_jobs=2).fit(x, x[:, 0] > 0).score(x, x[:, 0] > 0) > 0.9
""",
            id="scikit-learn-in-parallel",
        ),
    ],
)
def test_allowed(engine, image, code):
    status, said = run(engine, image, code)
    assert status == 0, said


def test_the_profile_is_an_allow_list_with_a_version():
    profile = json.loads(SECCOMP.read_text())
    assert profile["defaultAction"] == "SCMP_ACT_ERRNO"
    assert "version 2" in profile["syscalls"][0]["comment"]
    assert [entry["subArchitectures"] for entry in profile["archMap"]] == [[], []]


def test_no_call_is_listed_twice_and_what_is_listed_freely_makes_no_socket_and_no_namespace():
    free = [
        name
        for rule in json.loads(SECCOMP.read_text())["syscalls"]
        if "args" not in rule
        for name in rule["names"]
    ]
    assert len(free) == len(set(free))
    assert not {name.partition("-")[0] for name in CALLS} & set(free)
    assert not {
        "socket",
        "socketpair",
        "clone",
        "io_uring_enter",
        "io_uring_register",
        "open_by_handle_at",
    } & set(free)

"""Submissions that use more than they may. Each ends soon, in words, and the next check is asked."""

import time

import pytest

from tests.conftest import outcomes

GRADER = '''
    @check(points=1)
    def test_greedy(submission):
        """greedy() is 1"""
        assert submission.greedy() == 1

    @check(points=1)
    def test_honest(submission):
        """honest() is 1"""
        assert submission.honest() == 1
'''
GREEDY = {
    "R01-fork-bomb": (
        "import os\ndef greedy():\n    while True:\n        os.fork()\n",
        {"exception", "timeout", "exit"},
    ),
    "R01-forks-and-waits": (
        "import os, time\ndef greedy():\n    try:\n        while True:\n            if not os.fork(): time.sleep(60)\n"
        "    except OSError:\n        return 2\n",
        {"wrong-values"},
    ),
    "R02-threads": (
        "import threading, time\ndef greedy():\n    while True:\n        threading.Thread(target=time.sleep, args=(60,)).start()\n",
        {"exception", "timeout"},
    ),
    "R03-memory": (
        "def greedy():\n    keep = []\n    while True:\n        keep.append(bytearray(2**28))\n",
        {"memory"},
    ),
    "R06-fills-tmp": (
        "def greedy():\n    with open('/tmp/big', 'wb') as f:\n        while True:\n            f.write(bytes(2**20))\n",
        {"exception"},
    ),
    "R07-fills-shared-memory": (
        "def greedy():\n    with open('/dev/shm/big', 'wb') as f:\n        while True:\n            f.write(bytes(2**20))\n",
        {"exception", "memory"},
    ),
    "R09-inodes": (
        "def greedy():\n    for i in range(10**6):\n        open(f'/tmp/{i}', 'w').close()\n    return 1\n",
        {"exception"},
    ),
    "R10-sparse-file": (
        "def greedy():\n    open('/tmp/s', 'wb').truncate(2**40)\n    return 1\n",
        {"exception"},
    ),
    "R11-endless-output": ("def greedy():\n    while True:\n        print('spam ' * 100)\n", {"output"}),
    "R13-one-endless-line": (
        "import os\ndef greedy():\n    while True:\n        os.write(1, b'\\xff' * 65536)\n",
        {"output"},
    ),
    "R14-loop": ("def greedy():\n    while True:\n        pass\n", {"timeout"}),
    "R15-sleeps": ("import time\ndef greedy():\n    time.sleep(1000)\n", {"timeout"}),
    "R16-ignores-signals": (
        "import signal\nfor s in set(signal.valid_signals()) - {9, 19}:\n    signal.signal(s, signal.SIG_IGN)\n"
        "def greedy():\n    while True:\n        pass\n",
        {"timeout"},
    ),
    "R17-stops-itself": (
        "import os, signal\ndef greedy():\n    os.kill(os.getpid(), signal.SIGSTOP)\n",
        {"timeout"},
    ),
    "R20-segfault": ("import ctypes\ndef greedy():\n    ctypes.string_at(0)\n", {"exit"}),
    "R21-huge-answer": (
        "import numpy as np\ndef greedy():\n    return np.zeros(2**26)\n",
        {"unsendable", "memory"},
    ),
    "R28-descriptors": (
        "import os\ndef greedy():\n    return [os.open('/dev/null', 0) for _ in range(10**6)]\n",
        {"exception"},
    ),
}
HONEST = "\ndef honest():\n    return 1\n"


@pytest.mark.docker
@pytest.mark.parametrize(("text", "reasons"), GREEDY.values(), ids=GREEDY)
def test_greed_costs_its_own_check(small_course, graded, no_leftovers, text, reasons):
    began = time.monotonic()
    result = graded(small_course(GRADER), text + HONEST, sandbox="docker")
    greedy = result.checks[0]
    assert greedy.reason in reasons, (greedy.reason, greedy.message)
    assert outcomes(result)["honest"] == "passed"
    assert time.monotonic() - began < 60, "a submission without end has an end"


@pytest.mark.docker
def test_out_of_memory_is_said_with_the_limit(small_course, graded, no_leftovers):
    text, _ = GREEDY["R03-memory"]
    message = graded(small_course(GRADER), text + HONEST, sandbox="docker").checks[0].message
    assert "512 MiB" in message

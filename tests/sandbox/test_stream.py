"""Bytes to and from a worker: caps, absolute deadlines, floods, and Docker's frames cut anywhere."""

import os
import random
import socket
import struct
import threading
import time
from contextlib import ExitStack
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.sandbox.protocol import Stopped
from harness.sandbox.stream import CHUNK, STRAY_CAP, Answers, DockerFrames, Log, Stream


class Peer:
    """A stream and the other ends of its three pipes, as a worker has them."""

    def __init__(self, stack: ExitStack, log_cap: int = 1 << 16) -> None:
        (stdin, writer), (out, stdout), (err, stderr) = os.pipe(), os.pipe(), os.pipe()
        for number in (writer, out, err):
            stack.callback(os.close, number)
        self.stdin = stack.enter_context(os.fdopen(stdin, "rb", buffering=0))
        self.stdout = stack.enter_context(os.fdopen(stdout, "wb", buffering=0))
        self.stderr = stack.enter_context(os.fdopen(stderr, "wb", buffering=0))
        answers, log = Answers(), Log(log_cap)
        self.stream = Stream(writer, {out: answers.add, err: log.add}, answers, log)


@pytest.fixture
def peer():
    with ExitStack() as stack:
        yield Peer(stack)


def soon(seconds: float = 5) -> float:
    return time.monotonic() + seconds


def reason_of(call) -> str:
    with pytest.raises(Stopped) as stopped:
        call()
    return stopped.value.reason


def in_thread(work) -> threading.Thread:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


# ---- answers and deadlines -------------------------------------------------------------------


def test_an_answer_in_pieces_is_put_together(peer):
    peer.stdout.write(b"abc")
    assert peer.stream.receive(2, soon()) == b"ab"
    peer.stdout.write(b"de")
    assert peer.stream.receive(3, soon()) == b"cde"
    assert peer.stream.answers.empty


def test_no_bytes_are_there_at_once(peer):
    assert peer.stream.receive(0, soon(-1)) == b""


def drips(peer: Peer, period: float) -> None:
    try:
        while True:
            peer.stdout.write(b"x")
            time.sleep(period)
    except (OSError, ValueError):
        pass


def floods(peer: Peer, period: float) -> None:
    try:
        while True:
            peer.stderr.write(b"x" * 64)
            time.sleep(period)
    except (OSError, ValueError):
        pass


@pytest.mark.parametrize("work", [drips, floods, lambda *_: None], ids=["byte-drip", "prints", "silence"])
def test_the_deadline_is_of_the_whole_answer(peer, work):
    in_thread(lambda: work(peer, 0.01))
    began = time.monotonic()
    assert reason_of(lambda: peer.stream.receive(10_000, began + 0.3)) == "timeout"
    assert 0.25 < time.monotonic() - began < 1


def test_a_deadline_holds_for_sending_too(peer):
    began = time.monotonic()
    assert reason_of(lambda: peer.stream.send([bytes(1 << 20)], began + 0.2)) == "timeout"
    assert time.monotonic() - began < 1


def test_large_messages_both_ways_at_once_do_not_block_each_other(peer):
    """A worker that answers before it has read all would wait for us while we wait for it."""
    size = 8 << 20

    def work() -> None:
        for _ in range(size >> 15):
            peer.stdout.write(bytes(1 << 15))
            left = 1 << 15
            while left:
                left -= len(peer.stdin.read(left))

    answers = peer.stream.answers
    answers.want(bytearray(size))  # else what comes while we send counts as unasked
    thread = in_thread(work)
    peer.stream.send([bytes(size // 2), memoryview(bytes(size // 2))], soon(20))
    while thread.is_alive():
        peer.stream.drain()
    peer.stream.drain()
    assert answers.complete
    assert answers.empty


def test_chunks_of_any_buffer_go_out_in_order(peer):
    peer.stream.send([b"ab", bytearray(b"cd"), memoryview(b"ef"), b""], soon())
    assert peer.stdin.read(100) == b"abcdef"


# ---- caps ------------------------------------------------------------------------------------


def test_a_flood_of_prints_is_capped_and_ends_it(peer):
    in_thread(lambda: floods(peer, 0))
    assert reason_of(lambda: peer.stream.receive(1, soon())) == "output"
    assert len(peer.stream.log.take()) == 1 << 16


def test_bytes_that_nobody_asked_for_are_capped(peer):
    thread = in_thread(lambda: peer.stdout.write(bytes(STRAY_CAP + 10)))
    while thread.is_alive():
        peer.stream.drain()
    peer.stream.drain()
    assert not peer.stream.answers.empty
    assert reason_of(lambda: peer.stream.receive(STRAY_CAP + 20, soon())) == "protocol"


def test_a_flood_met_between_two_questions_ends_the_next(peer):
    os.set_blocking(peer.stderr.fileno(), False)
    peer.stderr.write(b"x" * (1 << 16))
    peer.stream.drain()
    peer.stderr.write(b"x")
    peer.stream.drain()
    peer.stdout.write(b"a")
    assert reason_of(lambda: peer.stream.receive(1, soon())) == "output"


def test_a_log_counts_what_was_already_taken():
    log = Log(10)
    log.add(memoryview(b"12345678"))
    assert log.take() == b"12345678"
    with pytest.raises(Stopped, match="KiB"):
        log.add(memoryview(b"abc"))
    assert log.take() == b"ab"


# ---- ends ------------------------------------------------------------------------------------


def test_the_end_of_answers_is_the_end(peer):
    peer.stdout.write(b"ab")
    peer.stdout.close()
    assert reason_of(lambda: peer.stream.receive(3, soon())) == "died"
    assert peer.stream.ended


def test_the_end_of_prints_is_not(peer):
    peer.stderr.close()
    peer.stdout.write(b"ab")
    assert peer.stream.receive(2, soon()) == b"ab"
    assert not peer.stream.ended


def test_an_end_met_while_draining_is_told_by_the_next_question(peer):
    """Else the next answer would be waited for until its deadline."""
    peer.stdout.close()
    peer.stream.drain()
    began = time.monotonic()
    peer.stream.send([b"x"], soon())
    assert reason_of(lambda: peer.stream.receive(1, soon())) == "died"
    assert time.monotonic() - began < 1


@pytest.mark.parametrize(
    "left", [(), ("stderr",), ("stdout", "stderr")], ids=["all-closed", "prints-open", "both-open"]
)
def test_writing_to_one_that_is_gone_ends_at_once(peer, left):
    """Also where a child of it still holds the other pipes open."""
    for name in {"stdin", "stdout", "stderr"} - set(left):
        getattr(peer, name).close()
    began = time.monotonic()
    assert reason_of(lambda: peer.stream.send([b"x"], soon())) == "died"
    assert time.monotonic() - began < 1


# ---- Docker's one stream ---------------------------------------------------------------------

HEADER = struct.Struct(">BxxxL")


def framed(*parts: tuple[int, bytes]) -> bytes:
    return b"".join(HEADER.pack(kind, len(data)) + data for kind, data in parts)


PARTS = st.lists(st.tuples(st.integers(0, 255), st.binary(max_size=40)), max_size=8)


@given(parts=PARTS, cuts=st.lists(st.integers(0, 500), max_size=12))
def test_docker_frames_cut_anywhere(parts, cuts):
    data, out, log = framed(*parts), bytearray(), bytearray()
    frames = DockerFrames(out.extend, log.extend)
    places = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    for start, end in pairwise(places):
        frames.add(memoryview(data)[start:end])
    assert out == b"".join(data for kind, data in parts if kind == 1)
    assert log == b"".join(data for kind, data in parts if kind != 1)  # what is unknown is only print


def test_docker_frames_byte_by_byte():
    data, out = framed((1, b"abc"), (2, b"d"), (1, b""), (7, b"e"), (1, b"f")), bytearray()
    frames = DockerFrames(out.extend, lambda _: None)
    for place in range(len(data)):
        frames.add(memoryview(data)[place : place + 1])
    assert out == b"abcf"


@pytest.fixture
def connection():
    """A stream over one socket for both ways, as the engine gives it, and the engine's end."""
    ours, theirs = socket.socketpair()
    answers, log = Answers(), Log(1 << 16)
    frames = DockerFrames(answers.add, log.add)
    with ours, theirs:
        yield Stream(ours.fileno(), {ours.fileno(): frames.add}, answers, log), theirs


def test_one_socket_carries_both_ways(connection):
    stream, engine = connection
    stream.send([b"question"], soon())
    assert engine.recv(100) == b"question"
    engine.sendall(framed((2, b"printed"), (1, b"ans"), (1, b"wer")))
    assert stream.receive(6, soon()) == b"answer"
    assert stream.log.take() == b"printed"


@pytest.mark.parametrize("size", [100, CHUNK // 2, CHUNK - 100, CHUNK, CHUNK + 100, 3 * CHUNK], ids=str)
def test_an_answer_that_came_whole_is_taken_in_parts(connection, size):
    """A busy harness comes to read when all is there; what it has not asked for yet is no violation."""
    stream, engine = connection
    engine.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 * size)
    data = random.Random(size).randbytes(size)
    thread = in_thread(lambda: engine.sendall(framed((1, data))))
    thread.join(0.2)
    parts = [stream.receive(part, soon()) for part in (12, 70, size - 82)]
    assert b"".join(parts) == data
    assert stream.answers.empty


@pytest.mark.parametrize("size", [1, 32 << 20], ids=["small", "more-than-fits"])
def test_a_socket_that_ends_while_we_send(connection, size):
    stream, engine = connection
    in_thread(lambda: (time.sleep(0.05 if size > 1 else 0), engine.close()))
    time.sleep(0.02 if size == 1 else 0)
    assert reason_of(lambda: stream.send([bytes(size)], soon())) == "died"
    assert stream.ended

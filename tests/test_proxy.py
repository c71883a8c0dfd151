"""What stays inside and is used from outside: attributes, calls, items, gradients, and letting go."""

import gc

import pytest
import torch

from harness import wire
from harness.failures import LearnerFailure
from harness.proxy import MOST_ITEMS, Reference, Remote, SubmissionProxy
from harness.records import Exercise, Limits, SourceFile, Submission
from harness.sandbox.process import ProcessSandbox
from harness.session import Session

SOURCE = b"""
import torch

WIDTH = 3
within = "the learner's own name"

def vjp():
    return "also theirs"

class Box:
    label = "box"

    def __init__(self, items):
        self.items = items

    def doubled(self, by=2):
        return [by * item for item in self.items]

    def inner(self):
        return Box(self.items[1:])

    def __len__(self):
        return len(self.items)

    def __getitem__(self, index):
        return self.items[index]

    def __eq__(self, other):
        return True

    __hash__ = None

    @property
    def broken(self):
        raise AttributeError("no such luck")

class Sized:
    def __init__(self, length):
        self.length = length

    def __len__(self):
        return self.length

class Odd:
    def __len__(self):
        return "three"

def count(most):
    index = 0
    while index < most:
        yield index
        index += 1

def forever():
    while True:
        yield 0

def fails_late():
    yield 1
    raise ValueError("spent")

def same(x):
    return x

def total(box):
    return sum(box.items)

def square(x, y=None):
    return x ** 2 if y is None else x ** 2 + 0 * y.detach()

def detached(x):
    return x.detach() ** 2

def listed(x):
    return [x]

class Scale(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.tensor([2.0, 3.0]))
        self.unused = torch.nn.Parameter(torch.ones(1))
        self.frozen = torch.nn.Parameter(torch.ones(1), requires_grad=False)
        self.register_buffer("offset", torch.zeros(1))

    def forward(self, x):
        return self.weight * x * self.frozen + self.offset

def modules():
    return torch.nn.ModuleList([Scale(), Scale()])
"""


@pytest.fixture(scope="module")
def session():
    exercise = Exercise(
        id="stage/small",
        title="",
        summary="",
        entry="small.py",
        preload=("torch",),
        limits=Limits(memory_mb=4096, call_seconds=60.0, reply_mb=8),
    )
    files = (SourceFile(path="small.py", data=SOURCE),)
    session = Session(
        ProcessSandbox(), exercise, Submission(files=files, entry="small.py", digest=""), b"seed"
    )
    yield session
    session.close()


@pytest.fixture
def submission(session):
    yield SubmissionProxy(session)
    session.next_check()
    assert session.starts == 1, "a test of the proxy ended the worker that all share"


def failure_of(call) -> LearnerFailure:
    with pytest.raises(LearnerFailure) as failure:
        call()
    return failure.value


# ---- names, calls, attributes ----------------------------------------------------------------


def test_data_comes_as_data_and_the_rest_stays_inside(submission):
    assert submission["WIDTH"] == 3
    assert "a int, not a function" in str(failure_of(lambda: submission.WIDTH))
    box = submission.Box([1, 2])
    assert isinstance(box, Remote)
    assert repr(box) == "<Box in the sandbox>"
    assert repr(submission) == "<small.py in the sandbox>"
    assert (box.label, box.doubled(), box.doubled(by=3)) == ("box", [2, 4], [3, 6])
    assert box.inner().doubled() == [4]


def test_names_that_the_proxy_uses_are_reached_as_items(submission):
    assert submission["within"] == "the learner's own name"
    assert submission["vjp"]() == "also theirs"
    assert submission.within(seconds=5)["WIDTH"] == 3


def test_objects_go_back_in_alone_and_in_containers(submission):
    box = submission.Box([1, 2])
    assert submission.total(box) == 3
    back = submission.same({"boxes": [box, (box, 1)]})
    assert submission.total(back["boxes"][1][0]) == 3


def test_objects_outside_are_compared_by_identity(submission):
    """Inside, theirs says that it equals everything."""
    one, other = submission.Box([1]), submission.Box([1])
    assert one == one
    assert one != other
    assert one != 1
    assert len({one, other}) == 2


MISSING = {
    "of-the-module": (
        lambda submission: submission.skuare,
        "small.py has no 'skuare'. Did you mean 'square' or 'same'?",
    ),
    "of-an-object": (
        lambda submission: submission.Box([]).dubled,
        "the Box object has no 'dubled'. Did you mean 'doubled'?",
    ),
    "nothing-near": (lambda submission: submission.zzz, "small.py has no 'zzz'."),
}


@pytest.mark.parametrize(("use", "words"), MISSING.values(), ids=MISSING)
def test_a_missing_name_is_said_with_near_ones(submission, use, words):
    failure = failure_of(lambda: use(submission))
    assert (failure.reason, str(failure)) == ("missing", words)


def test_a_property_that_fails_is_not_a_missing_name(submission):
    failure = failure_of(lambda: submission.Box([]).broken)
    assert (failure.reason, "no such luck" in str(failure)) == ("exception", True)


@pytest.mark.parametrize("name", ["_secret", "__class_getitem__", "__array__", "__torch_function__"])
def test_private_names_are_never_asked(submission, name):
    """NumPy, torch and copy look for such names, and must find nothing."""
    for value in (submission, submission.Box([1])):
        with pytest.raises(AttributeError):
            getattr(value, name)


# ---- items and lengths -----------------------------------------------------------------------


@pytest.mark.parametrize("count", [0, 1, 63, 64, 65, 200])
def test_iterators_are_taken_in_parts_and_once(submission, count):
    numbers = submission.count(count)
    assert list(numbers) == list(range(count))
    assert list(numbers) == []


def test_what_can_be_iterated_again_still_can(submission):
    """Taking items must not put an iterator in the place of the object."""
    modules = submission.modules()
    assert len(list(modules)) == len(list(modules)) == 2
    assert repr(modules[0]) == "<Scale in the sandbox>"
    box = submission.Box([1, 2, 3])
    assert (list(box), list(box), box[1], len(box), 2 in box) == ([1, 2, 3], [1, 2, 3], 2, 3, True)


def test_iteration_ends_where_the_grader_stops(submission):
    numbers = submission.forever()
    assert [next(iter(numbers)) for _ in range(3)] == [0, 0, 0]


def test_a_fault_in_mid_iteration_is_theirs(submission):
    failure = failure_of(lambda: list(submission.fails_late()))
    assert (failure.reason, "spent" in str(failure)) == ("exception", True)
    assert failure_of(lambda: list(submission.Scale())).reason == "exception"


class Endless:
    """A session whose iterators never end, without a worker to wait for."""

    starts = 1

    def require_alive(self, _start):
        pass

    def drop(self, *_):
        pass

    def ask(self, operation, _seconds, **arguments):
        if operation == "call":
            raise LearnerFailure("missing", "it has no length")
        return [0] * arguments["count"] if operation == "take" else object_in(self)


def object_in(session, number: int = 2) -> Remote:
    return Remote(Reference(session, wire.Handle(number, "Thing")))


def test_an_iterator_without_an_end_is_cut():
    taken = []
    assert "Does it ever end" in str(failure_of(lambda: taken.extend(object_in(Endless()))))
    assert len(taken) == MOST_ITEMS


LENGTHS = {"negative": -1, "huge": MOST_ITEMS + 1}


@pytest.mark.parametrize("length", LENGTHS.values(), ids=LENGTHS)
def test_a_length_that_cannot_be_is_refused(submission, length):
    assert failure_of(lambda: len(submission.Sized(length))).reason == "unsendable"


def test_a_length_that_is_no_number_is_refused(submission):
    assert "str" in str(failure_of(lambda: len(submission.Odd())))
    assert failure_of(lambda: len(submission.square)).reason == "missing"


def test_an_object_is_true_unless_it_is_empty(submission):
    assert [bool(thing) for thing in (submission.Box([1]), submission.Box([]), submission.square)] == [
        True,
        False,
        True,
    ]


# ---- limits and letting go -------------------------------------------------------------------


class Recording(Endless):
    """A session that keeps what it was asked and what it was told to forget."""

    def __init__(self):
        self.asked, self.dropped = [], []

    def drop(self, handle, start):
        self.dropped.append((handle, start))

    def ask(self, operation, seconds, **arguments):
        self.asked.append((operation, seconds))
        return object_in(self, 9)


def test_a_limit_holds_for_what_is_reached_through_it():
    session = Recording()
    slow = object_in(session).within(seconds=7)
    slow.part(1)
    slow()
    assert session.asked == [("get", 7), ("call", 7), ("call", 7)]
    assert SubmissionProxy(session).within(seconds=3).train()._seconds is None
    assert session.asked[-2:] == [("get", None), ("call", 3)]


def test_an_object_is_forgotten_with_its_last_holder():
    session = Recording()
    one = object_in(session, 5)
    slow = one.within(seconds=1)
    del one
    gc.collect()
    assert session.dropped == []
    del slow
    gc.collect()
    assert session.dropped == [(5, 1)]


# ---- gradients -------------------------------------------------------------------------------

X = torch.tensor([1.0, -2.0])
C = torch.tensor([10.0, 1.0])


def test_gradients_of_a_function(submission):
    got = submission["square"].vjp(X, cotangent=C)
    assert torch.equal(got.output, X**2)
    assert torch.equal(got.inputs[0], 2 * X * C)
    assert got.parameters == {}
    again = SubmissionProxy.vjp(submission, submission.square, X, cotangent=C)
    assert torch.equal(again.inputs[0], got.inputs[0])


def test_gradients_of_a_module_by_name(submission):
    got = submission.Scale().vjp(X, cotangent=C)
    assert torch.equal(got.parameters["weight"], X * C)
    assert torch.equal(got.inputs[0], torch.tensor([2.0, 3.0]) * C)
    assert got.parameters["unused"] is None, "nothing depends on it"
    assert set(got.parameters) == {"weight", "unused"}


def test_what_has_no_gradient_is_none(submission):
    got = submission["square"].vjp(X, torch.ones(2), cotangent=C)
    assert got.inputs[1] is None, "the function cuts it off"
    got = submission["square"].vjp(X, torch.ones(2, dtype=torch.int64), cotangent=C)
    assert got.inputs[1] is None, "integers have none"
    assert submission["detached"].vjp(X, cotangent=C).inputs == (None,)


def test_the_same_tensor_twice_has_two_gradients(submission):
    got = submission["same"].vjp(X, cotangent=C)
    assert torch.equal(got.inputs[0], C)


def test_only_a_tensor_can_be_differentiated(submission):
    failure = failure_of(lambda: submission["listed"].vjp(X, cotangent=C))
    assert (failure.reason, "expected a tensor" in str(failure)) == ("exception", True)
    assert "int" in str(
        failure_of(lambda: SubmissionProxy.vjp(submission, submission["WIDTH"], X, cotangent=C))
    )


@pytest.mark.parametrize(
    "answer",
    [None, [], {}, {"inputs": 3, "parameters": {}}, {"inputs": [], "parameters": []}],
    ids=["none", "list", "empty", "inputs-number", "parameters-list"],
)
def test_gradients_of_another_shape_were_not_said_by_our_worker(answer):
    class Forging(Recording):
        def ask(self, *_, **__):
            return answer

    assert failure_of(lambda: object_in(Forging()).vjp(X, cotangent=C)).reason == "protocol"

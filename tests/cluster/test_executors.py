"""What every executor keeps to, the local one and the one on a Ray cluster."""

import os
from contextlib import contextmanager
from dataclasses import replace

import pytest
from ray import cloudpickle

from harness.cluster import ray_executor
from harness.cluster.engaging import ray_cluster
from harness.cohort.crew import crew
from harness.cohort.executor import Manner
from harness.cohort.fingerprint import digest_of
from harness.cohort.grading import end_waiting
from harness.cohort.leases import Leases
from harness.cohort.local import Local
from harness.gradings import places
from harness.sandbox.owners import owner
from tests.cluster import fakes
from tests.cluster.conftest import wait_until
from tests.cohort.conftest import planned

cloudpickle.register_pickle_by_value(fakes)
MANNER = Manner(sandbox="process", jobs=2)


@contextmanager
def local(function, course, works):
    with crew(function, places(2), end_waiting) as members:
        yield Local(members, MANNER, Leases())


@contextmanager
def on_ray(function, course, works):
    with ray_cluster(os.environ["RAY_ADDRESS"], function)(course, works, MANNER) as executor:
        wait_until(lambda: list(executor.hear(0.1)) == [] and executor.size == 6)
        yield executor


@pytest.fixture(params=["local", "ray"])
def engaged(request):
    if request.param == "ray":
        request.getfixturevalue("nodes")
    return {"local": local, "ray": on_ray}[request.param]


@pytest.fixture
def works(cohort, tiny, tmp_path):
    """So many submissions, planned."""

    def make(count):
        cohort(count)
        return planned(tmp_path / "g.db", tiny, tmp_path).works

    return make


def worked(executor, works):
    """Give all of it, and return what is heard, by learner."""
    left, heard, most = list(works), {}, 0
    while left or executor.busy:
        while left and executor.can_begin(left[0].exercise):
            executor.give(left.pop(0), left[0].exercise if left else None, len(left))
        most = max(most, executor.busy)
        for work, report in executor.hear(0.5):
            assert work.learner not in heard, "heard of twice"
            heard[work.learner] = report
    assert 1 < most <= executor.size, "places are used, and no more than there are"
    assert executor.free == executor.size
    return heard


def test_each_is_heard_of_once_with_its_own_result(engaged, works, tiny):
    """What is read is what was handed in, and it is told as lying where it was."""
    given = works(14)
    with engaged(fakes.slow, tiny, given) as executor:
        heard = worked(executor, given)
    assert heard.keys() == {work.learner for work in given}
    for work in given:
        result = heard[work.learner].result
        assert (result.learner, result.origin) == (work.learner, str(work.handed.path))
        assert result.log == work.handed.path.read_text()


def test_whatever_becomes_of_a_grading_is_told(engaged, works, tiny):
    given = works(6)
    with engaged(fakes.by_kind, tiny, given) as executor:
        heard = worked(executor, given)
        again = worked(executor, [one for one in given if one.learner in ("right000", "wrong002")])
    faults = {learner: report.fault for learner, report in heard.items() if not report.graded}
    assert set(faults) == {"half001", "dies004", "raises005"}
    assert faults["half001"].endswith("a fault of ours")
    assert faults["dies004"].endswith("the grading process died")
    assert not any(report.again for report in heard.values())
    assert (heard["right000"].result.score.earned, heard["wrong002"].result.score.earned) == (1.0, 0.0)
    assert again["right000"].graded, "places of those that died are filled again"


def test_what_is_under_way_ends_with_the_block(engaged, works, tiny, tmp_path):
    first, *_ = works(2)
    file = first.handed.path
    file.write_text(str(tmp_path / "process"))
    with engaged(fakes.endless, tiny, [first]) as executor:
        executor.give(replace(first, digest=digest_of(first.handed)), None, 0)
        wait_until(lambda: list(executor.hear(0.1)) == [] and (tmp_path / "process").exists())
        wait_until((tmp_path / "process").read_text)
        number = int((tmp_path / "process").read_text())
        mark = owner(number)
    wait_until(lambda: owner(number) != mark)


@pytest.mark.slow
def test_a_node_that_never_answers_is_given_up(nodes, works, tiny, tmp_path, monkeypatch):
    """Ray sees nothing wrong with it; the longest that a grading takes has passed."""
    given = works(1)
    given[0].handed.path.write_text(str(tmp_path / "process"))
    work = replace(given[0], digest=digest_of(given[0].handed))
    monkeypatch.setattr(ray_executor, "_longest", lambda _: 3.0)
    said = []
    manner = replace(MANNER, say=said.append)
    with ray_cluster(nodes.address, fakes.endless)(tiny, given, manner) as executor:
        wait_until(lambda: list(executor.hear(0.1)) == [] and executor.size == 6)
        executor.give(work, None, 0)
        heard = []
        wait_until(lambda: heard.extend(executor.hear(0.5)) or heard)
    ((_, report),) = heard
    assert report.again
    assert [one.partition(" is lost")[0] for one in said] == [
        report.fault.partition(" was lost")[0].capitalize()
    ]

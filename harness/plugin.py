"""The pytest plugin: collects a grader's checks, gives them their fixtures, and records verdicts.

pytest's own outcome of a test is an input here, never the verdict: what an exception means
is decided in `verdict`, and only checks of the manifest, which is fixed at collection,
can earn points.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import pytest

from harness.errors import GraderError, SpecError
from harness.exhibits import Show
from harness.failures import LearnerFailure, plain
from harness.grading import MARK, Mark, Rng, Wrong, check_name
from harness.headings import heading_above
from harness.intake.notebook import as_module
from harness.proxy import SubmissionProxy
from harness.records import Check, CheckResult, MetricSpec, Outcome, Visibility
from harness.scoring import require_marks
from harness.session import Session
from harness.verdict import Unmet, verdict

FILES: Final = {Visibility.PUBLIC: "public.py", Visibility.HIDDEN: "hidden.py"}
LOG_CAP: Final = 1 << 16
OPTIONS: Final = (
    "-c/dev/null",
    "--import-mode=importlib",
    "--assert=plain",  # a rewritten assertion would put hidden values into messages
    "--capture=no",
    "-pno:cacheprovider",
    "-pno:terminal",
    "-pno:faulthandler",
    "-pno:unraisableexception",
    "-pno:threadexception",
    "-pno:junitxml",
    "-pno:doctest",
    "-pno:stepwise",
    "-pno:logging",
)


@dataclass(slots=True)
class Run:
    """What one grading writes while it runs."""

    session: Session
    seed: bytes
    marks: Mapping[str, Mapping[str, float]]
    """Zero and full mark of each metric."""
    on_manifest: Callable[[tuple[Check, ...]], None]
    on_result: Callable[[CheckResult], None]
    candid: bool = False
    """Whether hidden checks say all that they saw."""
    stop_early: bool = False
    """Whether nothing more is asked after a check that does not earn all its points."""
    manifest: dict[str, Check] = field(default_factory=dict)
    results: dict[str, CheckResult] = field(default_factory=dict)
    public_log: str = ""
    values: dict[str, object] = field(default_factory=dict)
    """What each check returned; for a metric its value."""
    fault: BaseException | None = None


class GraderPlugin:
    """Turns the outcome of each test into the result of its check."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._met: dict[int, tuple[BaseException, str]] = {}
        """Failures of shared fixtures by identity, and who met them: pytest raises them again."""
        self._shared: dict[str, tuple[pytest.FixtureDef[Any], Any]] = {}
        self._show = Show()
        self._began = 0.0

    # ---- fixtures ----------------------------------------------------------------------------

    @pytest.fixture(scope="session")
    def submission(self) -> SubmissionProxy:
        """The module that was handed in."""
        return SubmissionProxy(self._run.session)

    @pytest.fixture(scope="session")
    def source(self) -> dict[str, str]:
        """The submission's Python files as text, by path: to be parsed by a policy, never run.

        A notebook's cells stand one below the other under the name of the file that the exercise asks for.
        """
        submission, entry = self._run.session.submission, self._run.session.exercise.entry
        files = {file.path: file.data for file in submission.files if file.path.endswith(".py")}
        texts = {path: data.decode("utf-8", "replace") for path, data in files.items()}
        return {**texts, entry: as_module(submission.cells)} if submission.cells else texts

    @pytest.fixture
    def printed(self) -> Callable[[], str]:
        """What the submission has printed since this check began."""
        return self._run.session.printed

    @pytest.fixture
    def rng(self, request: pytest.FixtureRequest) -> Rng:
        """A generator of inputs for this check of this run."""
        return Rng.of(self._run.seed, check_name(request.node.originalname))

    @pytest.fixture(scope="session")
    def run_rng(self) -> Rng:
        """A generator for what several checks share, such as a trained model."""
        return Rng.of(self._run.seed, "the run")

    @pytest.fixture
    def show(self) -> Show:
        """Pictures, texts and curves for the report."""
        return self._show

    # ---- collection --------------------------------------------------------------------------

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Fix the manifest: every test is a check, every name is new, every need comes before."""
        config.option.tbstyle = "no"  # a verdict is made from the exception; drawing it takes 50 ms
        for item in items:
            check = self._check_of(item)
            if check.name in self._run.manifest:
                raise SpecError(f"two checks are called '{check.name}'", hint="rename one of them")
            for need in check.needs:
                if need not in self._run.manifest:
                    raise SpecError(f"check '{check.name}' needs '{need}', which is not a check before it")
            self._run.manifest[check.name] = check
        self._run.on_manifest(tuple(self._run.manifest.values()))

    def _check_of(self, item: pytest.Item) -> Check:
        function = getattr(item, "function", None)
        mark = getattr(function, MARK, None)
        if not isinstance(mark, Mark) or getattr(item, "callspec", None):
            raise SpecError(
                f"{item.nodeid} has no @check or @metric", hint="mark it, or do not call it test_…"
            )
        title = (getattr(function, "__doc__", "") or "").strip().partition("\n")[0]
        if not title or not mark.points > 0:
            raise SpecError(f"{item.nodeid} needs a docstring and points above 0")
        name = check_name(item.name)
        visibility = Visibility.PUBLIC if item.path.name == FILES[Visibility.PUBLIC] else Visibility.HIDDEN
        return Check(
            name=name,
            title=title,
            points=mark.points,
            visibility=visibility,
            needs=mark.needs,
            hint=mark.hint,
            teaches=heading_above(item.path, (item.location[1] or 0) + 1),
            metric=self._metric_of(name, mark),
        )

    def _metric_of(self, name: str, mark: Mark) -> MetricSpec | None:
        if mark.better is None:
            return None
        marks = self._run.marks.get(name)
        if marks is None:
            raise SpecError(
                f"metric '{name}' has no marks in calibration.json", hint="roadmark calibrate EXERCISE"
            )
        spec = MetricSpec(
            better=mark.better,
            unit=mark.unit,
            zero=marks["zero"],
            full=marks["full"],
            scale=mark.scale,
            pass_share=mark.pass_share,
        )
        try:
            require_marks(spec)
        except ValueError as error:
            raise SpecError(f"metric '{name}': {error}", hint="roadmark calibrate EXERCISE") from None
        return spec

    # ---- running -----------------------------------------------------------------------------

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Function) -> None:
        """Begin a check: what it needs, a live worker, and shared fixtures that died with an old one."""
        self._show = Show()
        self._began = time.monotonic()
        if self._run.session.next_check():
            self._forget_fixtures()
        check = self._run.manifest[check_name(item.name)]
        if self._run.stop_early:
            self._require_no_loss()
        for need in check.needs:
            outcome = self._run.results[need].outcome
            if outcome is not Outcome.PASSED:
                raise Unmet(self._run.manifest[need].title, ours=outcome is Outcome.UNGRADED)

    def _require_no_loss(self) -> None:
        for result in self._run.results.values():
            if result.earned < result.points:
                raise Unmet(result.title)

    def pytest_fixture_setup(self, fixturedef: pytest.FixtureDef[Any], request: Any) -> None:
        """Remember what several checks share."""
        if fixturedef.scope != "function":
            self._shared[fixturedef.argname] = (fixturedef, request)

    def _forget_fixtures(self) -> None:
        """Have shared fixtures made again whose objects were lost with a worker; failed ones stay failed."""
        lost = {"submission"}
        for name, (definition, request) in self._shared.items():  # what one uses was made before it
            if lost & set(definition.argnames):
                lost.add(name)
                if definition.cached_result is not None and definition.cached_result[2] is None:
                    definition.finish(request)

    @pytest.hookimpl(tryfirst=True)
    def pytest_pyfunc_call(self, pyfuncitem: pytest.Function) -> bool:
        """Call the test and keep what it returns: a metric's value."""
        names = pyfuncitem._fixtureinfo.argnames
        value = pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in names})
        if value is not None:
            self._run.values[check_name(pyfuncitem.name)] = value
        return True

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
        """Record the verdict once per check, after its call or its failed set-up."""
        report = yield
        error = call.excinfo.value if call.excinfo else None
        if call.when == "call":
            self._record(item, error)
        elif call.when == "setup" and error is not None:
            self._record(item, self._charged_once(item, error))
        return report

    def _charged_once(self, item: pytest.Item, error: BaseException) -> BaseException:
        """Return the error for the check that met it; a later dependant is skipped with that cause."""
        if isinstance(error, LearnerFailure) and error.reason in ("import", "invalid"):
            return error
        if type(error) is AssertionError:  # pytest's own, or a fixture's that should have said `wrong`
            return GraderError(f"an assertion failed in a fixture: {error}")
        earlier = self._met.get(id(error))
        if earlier:
            return Unmet(earlier[1])
        if isinstance(error, (LearnerFailure, Wrong)):
            self._met[id(error)] = (error, self._run.manifest[check_name(item.name)].title)
        return error

    def _record(self, item: pytest.Item, error: BaseException | None) -> None:
        check = self._run.manifest[check_name(item.name)]
        log = self._run.session.take_log()
        if check.visibility is Visibility.PUBLIC:
            self._run.public_log = plain(self._run.public_log + log, LOG_CAP)
        told = replace(check, visibility=Visibility.PUBLIC) if self._run.candid else check
        result = verdict(told, error, self._run.values.get(check.name))
        seconds = time.monotonic() - self._began
        result = replace(result, seconds=round(seconds, 4), exhibits=self._show.exhibits)
        self._run.results[check.name] = result
        self._run.on_result(result)

    # ---- faults ------------------------------------------------------------------------------

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Keep why a grader's file could not be read."""
        if report.failed:
            self._run.fault = self._run.fault or GraderError(f"the grader cannot be read: {report.longrepr}")

    def pytest_internalerror(self, excinfo: pytest.ExceptionInfo[BaseException]) -> bool:
        """Keep the fault; nothing is printed."""
        self._run.fault = self._run.fault or excinfo.value
        return True


@contextmanager
def _own_pytest() -> Iterator[None]:
    """Keep out what this machine adds to pytest: plugins that are installed, options in the environment."""
    foreign = ("PYTEST_ADDOPTS", "PYTEST_PLUGINS", "PYTEST_DISABLE_PLUGIN_AUTOLOAD")
    kept = {name: os.environ.pop(name) for name in foreign if name in os.environ}
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    try:
        yield
    finally:
        del os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"]
        os.environ.update(kept)


def run_checks(run: Run, files: Sequence[Path]) -> None:
    """Collect and ask the checks of a grader's files; raises what went wrong with the grader."""
    plugin = GraderPlugin(run)
    arguments = [*map(str, files), f"--rootdir={files[0].parent}", f"--confcutdir={files[0].parent}"]
    with _own_pytest():
        status = pytest.main([*OPTIONS, *arguments], plugins=[plugin])
    if run.fault:
        raise run.fault
    if status not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED) or not run.manifest:
        raise GraderError(f"pytest ended with status {status} before every check was asked")

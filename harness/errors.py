"""The errors Roadmark raises, drawn once, each with who must act.

    RoadmarkError
      SpecError         an exercise is described wrongly         fix: the exercise's author
      SubmissionError   the files handed in cannot be graded     fix: the learner
        NothingThere      the path handed in does not exist
      SandboxError      the sandbox could not be used            fix: the operator
        NoEngine          no Docker engine answers
        ImageMissing      the sandbox image is absent or stale
      GraderError       a grader raised something unexpected     fix: the exercise's author
      NotRecorded       re-scoring lacks an answer to a question fix: the operator grades again
      GradebookError    the gradebook cannot be read or written  fix: the operator

A learner's wrong answer or crash is none of these: it is data, and becomes a check result.
"""


class RoadmarkError(Exception):
    """Shown without a traceback; `hint` is the command or edit to do next."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class SpecError(RoadmarkError):
    """An exercise or a course is described wrongly."""


class SubmissionError(RoadmarkError):
    """The files handed in cannot be graded as they are."""


class NothingThere(SubmissionError):
    """The path handed in does not exist: nobody's work, so nothing to grade."""


class SandboxError(RoadmarkError):
    """The sandbox could not be started or used; the learner is not to blame."""


class NoEngine(SandboxError):
    """No Docker engine answers."""


class ImageMissing(SandboxError):
    """The sandbox image does not exist or was built from other inputs."""


class GraderError(RoadmarkError):
    """A grader raised something that is not a verdict."""


class NotRecorded(RoadmarkError):
    """It cannot be re-scored: an answer that it would take was not kept."""


class GradebookError(RoadmarkError):
    """The gradebook cannot be read or written."""

"""From what a learner has to a checked copy: paths, kinds and encodings, before anything runs."""

from harness.intake.names import shown
from harness.intake.read import learner_of, read_submission

__all__ = ["learner_of", "read_submission", "shown"]

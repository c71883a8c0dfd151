"""What a submission answered, kept so that a mended grader can be applied to it without running it again.

A recording lies at the wall itself: `Recorder` goes around a sandbox and writes down each
question and what came back, `Replay` is a sandbox in which nothing runs and which gives the
same answers to the same questions. All that is above, callbacks and failures included, is
the same code as for a submission that runs.
"""

from harness.recording.recorder import Recorder
from harness.recording.records import (
    Recording,
    conditions,
    file_of,
    load,
    save,
    unpacked,
)
from harness.recording.replay import Replay, looks_at_the_clock

__all__ = [
    "Recorder",
    "Recording",
    "Replay",
    "conditions",
    "file_of",
    "load",
    "looks_at_the_clock",
    "save",
    "unpacked",
]

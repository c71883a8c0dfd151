"""Puts the learners' course into the wheel; everything else stands in pyproject.toml."""

import shutil
import sys
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

HERE = Path(__file__).resolve().parent


class BuildWithCourse(build_py):
    """Builds the packages, and beside them the course without hidden checks and references."""

    def run(self) -> None:
        """Build; an editable install uses the course of the repository."""
        super().run()
        if self.editable_mode:
            return
        sys.path.insert(0, str(HERE))
        from harness.release import release_course

        target = Path(self.build_lib) / "harness" / "course"
        shutil.rmtree(target, ignore_errors=True)  # of an earlier build, perhaps of another course
        release_course(HERE, target)


setup(cmdclass={"build_py": BuildWithCourse})

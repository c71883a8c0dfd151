"""Pages for people and text for machines, made from stored results: pure functions from records to text."""

from reports.learner import learner_page
from reports.notebook import notebook_page
from reports.single import pages_of

__all__ = ["learner_page", "notebook_page", "pages_of"]

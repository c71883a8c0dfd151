"""The gradebook: a database of learners, attempts, results and adjustments, and the policies over them."""

from harness.gradebook.book import Gradebook

__all__ = ["Gradebook"]

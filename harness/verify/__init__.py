"""Proof that every exercise grades rightly: references pass, wrong solutions and nonsense do not."""

from harness.verify.proving import Demands, Step, verify
from harness.verify.report import Mutation, Proof, Report, Survivor, Verified

__all__ = ["Demands", "Mutation", "Proof", "Report", "Step", "Survivor", "Verified", "verify"]

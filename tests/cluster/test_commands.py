"""What commands say of clusters, and that nobody else pays for Ray."""

import subprocess
import sys

from harness.cli.clusters import told
from tests.cohort.conftest import batch

LOCAL = """
import sys
from click.testing import CliRunner
from harness.cli.main import main

done = CliRunner().invoke(main, sys.argv[1:])
print(done.exit_code, done.output, sorted({"ray", "harness.cluster"} & set(sys.modules)))
"""


def test_a_local_batch_imports_nothing_of_a_cluster(cohort, tiny, tmp_path):
    cohort(1)
    command = [sys.executable, "-c", LOCAL, "--course", str(tiny.root), *batch("g.db")]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.stdout.startswith("0 "), (done.stdout, done.stderr)
    assert done.stdout.rstrip().endswith("[]")


def test_what_would_be_kept_on_a_node_is_refused(cohort, command):
    cohort(1)
    said = command(*batch("g.db", "--executor", "ray", "--keep-artifacts", "kept"), check=2).stderr
    assert "--executor local" in said


def test_submissions_are_not_run_unwalled_on_nodes_unasked(cohort, command):
    cohort(1)
    arguments = ("batch", "small", "handed-in", "--sandbox", "process", "--executor", "ray")
    assert "--trust-submissions" in command(*arguments, check=3).stderr


def test_tables_have_aligned_columns():
    assert told([("node", "slots"), ("a", 16)]) == ["node  slots", "a     16"]

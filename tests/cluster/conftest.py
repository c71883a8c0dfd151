"""A real Ray cluster of three nodes on this machine, which share its Docker engine."""

import os
import shutil
import time

import pytest

from tests.cohort.conftest import cohort, command, roadmark, start, tiny  # noqa: F401 - fixtures
from tests.gradebook.conftest import postgres  # noqa: F401 - fixture

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
os.environ["RAY_prestart_worker_first_driver"] = (
    "0"  # a process per place of three nodes, none of which is used
)
os.environ["RAY_enable_worker_prestart"] = "0"
STORE_BYTES = 80 << 20
SLOTS = 2


class Nodes:
    """A cluster whose nodes come and go."""

    def __init__(self):
        from ray.cluster_utils import Cluster

        head = {"num_cpus": 0, "include_dashboard": False, "object_store_memory": STORE_BYTES}
        self._cluster = Cluster(initialize_head=True, head_node_args=head)
        self._nodes = {}
        self.address = self._cluster.address
        self._session = self._cluster.head_node.get_session_dir_path()

    def add(self, name, slots=SLOTS, **environment):
        self._nodes[name] = self._cluster.add_node(
            num_cpus=slots,
            resources={"roadmark_engine": slots},
            object_store_memory=STORE_BYTES,
            node_name=name,
            env_vars=environment,
        )

    def kill(self, name):
        """As if the machine's power failed."""
        self._cluster.remove_node(self._nodes.pop(name), allow_graceful=False)

    def restore(self):
        """Have the three nodes again, and no others."""
        for name in set(self._nodes) - {"ada", "bob", "cyd"}:
            self.kill(name)
        for name in ("ada", "bob", "cyd"):
            if name not in self._nodes:
                self.add(name)

    def shutdown(self):
        self._cluster.shutdown()
        shutil.rmtree(self._session, ignore_errors=True)


@pytest.fixture(scope="package")
def ray_nodes():
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Ray's own
        made = Nodes()
        yield made
        made.shutdown()


@pytest.fixture
def nodes(ray_nodes, monkeypatch):
    """The three nodes."""
    ray_nodes.restore()
    monkeypatch.setenv("RAY_ADDRESS", ray_nodes.address)
    return ray_nodes


def wait_until(true, seconds=60.0):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)

"""Which files of tests one process has when they run side by side: those that share a cluster.

A cluster costs half a minute of one core to form, and some of it all the time that it is there. So
there are two for all files that want one, of about the same length.
"""

from typing import Any

from xdist.scheduler import LoadFileScheduling

__all__ = ["CLUSTER_OF", "ByCluster"]

_SHARED = {
    "first cluster": ("test_accidents", "test_drain", "test_links", "test_restoring", "test_watch"),
    "second cluster": (
        "test_added",
        "test_bad_input",
        "test_cluster",
        "test_compose",
        "test_upgrading",
    ),
}
CLUSTER_OF = {
    f"tests/lab/{file}.py": cluster for cluster, files in _SHARED.items() for file in files
}


class ByCluster(LoadFileScheduling):  # type: ignore[misc,unused-ignore]
    """A file's tests go to one process, and so do those of all files that share a cluster."""

    def _split_scope(self, nodeid: str) -> Any:
        file = super()._split_scope(nodeid)
        return CLUSTER_OF.get(file, file)

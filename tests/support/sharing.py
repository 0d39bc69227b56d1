"""Which files of tests one process has when they run side by side, and which of them comes next.

A cluster costs half a minute of one core to form, and some of it all the time that it is there. So
there are two for all files that want one, of about the same length: each is one piece of work.

Pieces of the lab keep the processor busy; most others wait for half of their time. So half of the
processes have such of the lab as long as there are any, and the others the rest: the long ones
first, then what comes next in the order of testpaths.
"""

from typing import Any

from xdist.scheduler import LoadFileScheduling

__all__ = ["CLUSTER_OF", "LONG", "ByCluster"]

_SHARED = {
    "first cluster": (
        *(
            "test_accidents",
            "test_compose",
            "test_drain",
            "test_links",
            "test_refusals",
            "test_restoring",
        ),
        "test_watch",
    ),
    # the last of them leaves masters with an etcd of its own
    "second cluster": ("test_added", "test_bad_input", "test_cluster", "test_upgrading"),
}
CLUSTER_OF = {
    f"tests/lab/{file}.py": cluster for cluster, files in _SHARED.items() for file in files
}
_LAB, _SERVICES = "tests/lab/", "tests/services/"
#: Pieces that take minutes, the longest first: begun late, one would be waited for by all.
LONG = (
    *("second cluster", "first cluster"),
    *(f"{_LAB}{file}.py" for file in ("test_masters", "test_identity", "test_drills")),
    *(
        f"{_SERVICES}{file}.py"
        for file in (
            *("ambassador/test_docker", "ambassador/test_first_instruction", "etcd/test_join"),
            *("ambassador/test_cgroups", "test_engine", "test_isolation", "etcd/test_disasters"),
            *("ambassador/test_userns", "etcd/test_leaves", "test_third_party", "test_images"),
        )
    ),
)


class ByCluster(LoadFileScheduling):  # type: ignore[misc,unused-ignore]
    """A file's tests go to one process, and so do those of all files that share a cluster."""

    def _split_scope(self, nodeid: str) -> Any:
        file = super()._split_scope(nodeid)
        return CLUSTER_OF.get(file, file)

    def _assign_work_unit(self, node: Any) -> None:
        others = [work for one, work in self.assigned_work.items() if one is not node]
        of_the_lab = sum(any(_left(scope, unit) for scope, unit in w.items()) for w in others)
        wanted = of_the_lab < (len(self.assigned_work) + 1) // 2
        fitting = [scope for scope in self.workqueue if _is_of_the_lab(scope) == wanted]
        if found := fitting or list(self.workqueue):
            first = min(found, key=lambda one: LONG.index(one) if one in LONG else len(LONG))
            self.workqueue.move_to_end(first, last=False)
        super()._assign_work_unit(node)


def _is_of_the_lab(scope: str) -> bool:
    return scope in _SHARED or scope.startswith(_LAB)


def _left(scope: str, unit: dict[str, bool]) -> bool:
    """Whether a process has still to do with a piece, which is of the lab."""
    return _is_of_the_lab(scope) and not all(unit.values())

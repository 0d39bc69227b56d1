"""Who has which tests next, when they run side by side."""

from collections import OrderedDict

import pytest

from tests.contract.house import ROOT
from tests.support.sharing import CLUSTER_OF, LONG, ByCluster

CASES = [
    "tests/lab/test_accidents.py::test_a",
    "tests/lab/test_cgroups.py::test_b",
    "tests/lab/test_drills.py::test_c",
    "tests/lab/test_watch.py::test_d",
    "tests/services/etcd/test_access.py::test_e",
    "tests/services/test_engine.py::test_f",
    "tests/unit/test_codec.py::test_g",
]


class Process:
    """Takes what it is given."""

    def __init__(self):
        self.given = []

    def send_runtest_some(self, indices):
        self.given.append([CASES[one] for one in indices])


@pytest.fixture
def processes():
    return [Process() for _ in range(4)]


@pytest.fixture
def sharing(processes):
    """What it knows once all processes have collected the same."""
    made = ByCluster.__new__(ByCluster)
    made.assigned_work = {one: {} for one in processes}
    made.registered_collections = dict.fromkeys(processes, CASES)
    made.workqueue = OrderedDict()
    for case in CASES:
        made.workqueue.setdefault(made._split_scope(case), {})[case] = False
    return made


def has(sharing, process):
    sharing._assign_work_unit(process)
    return process.given[-1]


def test_half_of_them_have_pieces_of_the_lab_and_all_the_longest_first(sharing, processes):
    one, two, three, four = processes
    assert has(sharing, one) == [CASES[0], CASES[3]]  # who share a cluster are one piece
    assert has(sharing, two) == [CASES[2]]
    assert has(sharing, three) == [CASES[5]]
    assert has(sharing, four) == [CASES[4]]
    assert has(sharing, three) == [CASES[6]]
    sharing.assigned_work[one]["first cluster"] |= {CASES[0]: True, CASES[3]: True}
    assert has(sharing, four) == [CASES[1]]


def test_nobody_waits_while_there_is_any_work(sharing, processes):
    one, *_ = processes
    for _ in range(6):
        has(sharing, one)
    assert sorted(case for piece in one.given for case in piece) == sorted(CASES)


def test_each_piece_that_has_a_name_is_there():
    files = {*CLUSTER_OF, *LONG} - {*CLUSTER_OF.values()}
    assert [one for one in files if not (ROOT / one).exists()] == []

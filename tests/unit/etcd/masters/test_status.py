import pytest
from arpanet_etcd.masters.status import Report, cluster_line

from arpanet.records import Member, Status

H1, H2, H3 = (
    Member(f"h{n}", str(n), (f"http://10.0.0.{n}:7001",), (f"http://10.0.0.{n}:4001",))
    for n in (1, 2, 3)
)
JOINING = Member("", "4", ("http://10.0.0.4:7001",), learner=True)
WELL = Report(True, "3.6.14", "2", 20480)
DOWN = Report(False)


@pytest.mark.parametrize(
    ("members", "reports", "alarms", "state", "detail"),
    [
        ([H1], [Report(True, "3.4.23", "1")], [], "ok", "1 of 1 answer; leader h1; etcd 3.4.23"),
        ([H1, H2, H3], [WELL] * 3, [], "ok", "3 of 3 answer; leader h2; etcd 3.6.14"),
        (
            [H1, H2, H3],
            [WELL, WELL, DOWN],
            [],
            "degraded",
            "2 of 3 answer, not h3; leader h2; etcd 3.6.14",
        ),
        (
            [H1, H2, H3],
            [Report(False, "3.6.14"), DOWN, DOWN],
            [],
            "down",
            "0 of 3 answer, not h1, h2, h3; etcd 3.6.14; no majority: start the others",
        ),
        (
            [H1, H2],
            [WELL, Report(True, "3.5.30", "2")],
            ["CORRUPT"],
            "degraded",
            "2 of 2 answer; leader h2; etcd 3.5.30 and 3.6.14; etcd reports CORRUPT",
        ),
        (
            [H2],
            [WELL],
            ["NOSPACE"],
            "down",
            "1 of 1 answer; leader h2; etcd 3.6.14; etcd is full and takes no changes:"
            " a master's agent makes space by itself; where none runs, since there are no"
            " certificates: 'arpanet etcdctl defrag', then 'arpanet etcdctl alarm disarm'",
        ),
        (
            [H2, JOINING],
            [WELL, DOWN],
            [],
            "degraded",
            "1 of 1 answer, not http://10.0.0.4:7001; leader h2; etcd 3.6.14;"
            " http://10.0.0.4:7001 is joining:"
            " 'arpanet master start --peers boot' there finishes it",
        ),
    ],
)
def test_the_clusters_line(members, reports, alarms, state, detail):
    known = dict(zip((m.id for m in members), reports, strict=True))
    assert cluster_line(members, known, alarms) == Status("masters", state, detail)

import pytest
from arpanet_etcd.masters.status import Report, Survey
from arpanet_etcd.upkeep.due import LEAST, QUOTA, Deed, due

from arpanet.records import Member

H1, H2, H3 = MEMBERS = [
    Member(f"h{n}", str(n), (f"http://10.0.0.{n}:7001",), (f"http://10.0.0.{n}:4001",))
    for n in (1, 2, 3)
]


def store(size: int, in_use: int) -> Report:
    return Report(True, "3.6.14", "1", size, in_use, 7)


TIGHT, LOOSE = store(4 * LEAST, 3 * LEAST), store(4 * LEAST, LEAST)
SMALL = store(LEAST, 0)
FULL, ALMOST = store(QUOTA, QUOTA // 2), store(int(QUOTA * 0.85), QUOTA // 2)
SILENT, SLAVES = Report(False), Report(True)
NOSPACE = {"2": ["NOSPACE"]}


@pytest.mark.parametrize(
    ("reports", "alarms", "tried", "deed"),
    [
        ([TIGHT] * 3, {}, [], None),
        ([SMALL] * 3, {}, [], Deed("defragment", H2)),
        ([store(LEAST - 1, 0)] * 3, {}, [], None),
        ([LOOSE] * 3, {}, [], Deed("defragment", H2)),
        ([LOOSE] * 3, {}, ["2"], Deed("defragment", H3)),
        ([LOOSE] * 3, {}, ["2", "3"], Deed("defragment", H1)),
        ([LOOSE, TIGHT, TIGHT], {}, [], Deed("defragment", H1)),
        ([LOOSE] * 3, {}, ["1", "2", "3"], None),
        ([LOOSE, LOOSE, SILENT], {}, [], None),
        ([LOOSE, LOOSE, SLAVES], {}, [], None),
        ([FULL] * 3, NOSPACE, [], Deed("make room", H2)),
        ([FULL, ALMOST, FULL], NOSPACE, [], Deed("make room", H3)),
        ([FULL, ALMOST, ALMOST], NOSPACE, [], Deed("make room", H1)),
        ([ALMOST] * 3, NOSPACE, ["1", "2", "3"], Deed("disarm")),
        ([FULL] * 3, NOSPACE, ["1", "2", "3"], Deed("wait")),
        ([FULL, FULL, SILENT], NOSPACE, [], Deed("make room", H2)),
        ([FULL, FULL, SILENT], NOSPACE, ["1", "2"], Deed("wait")),
        ([ALMOST, ALMOST, SILENT], NOSPACE, ["1", "2"], Deed("disarm")),
        ([TIGHT] * 3, {"2": ["CORRUPT"]}, [], None),
    ],
)
def test_what_is_next(reports, alarms, tried, deed):
    known = dict(zip((m.id for m in MEMBERS), reports, strict=True))
    assert due(Survey(MEMBERS, known, alarms), tried) == deed

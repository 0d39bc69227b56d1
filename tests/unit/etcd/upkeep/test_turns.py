import pytest
from arpanet_etcd.masters.status import Report, Survey
from arpanet_etcd.upkeep.turns import hindrance, left, unwell

from arpanet.records import Member


def member(number: int, learner: bool = False) -> Member:
    urls = (f"http://10.0.0.{number}:7001",), (f"http://10.0.0.{number}:4001",)
    return Member(f"h{number}", str(number), *urls, learner)


def look(*versions: str, alarms=None, learner: int = 0) -> Survey:
    """h1 leads; a master without a version is silent."""
    members = [member(n, n == learner) for n in range(1, len(versions) + 1)]
    reports = {
        m.id: Report(bool(v), v, "1" if v else "") for m, v in zip(members, versions, strict=True)
    }
    return Survey(members, reports, alarms or {})


@pytest.mark.parametrize(
    ("found", "trouble"),
    [
        (look("3.5.30", "3.5.30", "3.4.44"), ""),
        (look("3.5.30"), ""),
        (look("3.5.30", "", ""), "h2, h3 does not answer"),
        (look("3.5.30", "3.5.30", learner=2), "h2 is joining"),
        (look("3.5.30", "3.5.30", alarms={"2": ["NOSPACE"]}), "etcd reports NOSPACE"),
    ],
)
def test_what_is_not_well(found, trouble):
    assert unwell(found) == trouble


@pytest.mark.parametrize(
    ("versions", "new", "reason"),
    [
        (["3.4.44", "3.4.44"], (3, 5, 30), ""),
        (["3.5.30", "3.4.44"], (3, 5, 30), ""),
        (["3.6.14", "3.5.30"], (3, 5, 31), ""),
        (["3.5.30", "3.4.44"], (3, 6, 14), "on h2, etcd 3.4.44 can't be upgraded to 3.6.14"),
        (["3.5.30", "3.5.19"], (3, 6, 14), "h2 runs etcd 3.5.19: 3.5.20 or newer comes before"),
        (["3.5.30", "3.5.20"], (3, 6, 14), ""),
    ],
)
def test_what_stands_in_the_way_of_another_etcd(versions, new, reason):
    said = hindrance(look(*versions), new)
    assert said.startswith(reason)
    assert bool(said) is bool(reason)


def test_whose_turn_is_next_the_leader_last():
    assert left(look("3.4.44", "3.4.44", "3.5.30", "3.4.44"), (3, 5, 30)) == ["h2", "h4", "h1"]
    assert left(look("3.5.30", "3.6.14"), (3, 5, 30)) == []

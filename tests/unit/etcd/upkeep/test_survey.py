import pytest
from arpanet_etcd.masters.status import Report, Survey
from arpanet_etcd.upkeep import removing, survey
from arpanet_etcd.upkeep.survey import Row

from arpanet.errors import RegistryError
from arpanet.records import Member

H1, H2, H3 = (
    Member(f"h{n}", str(n), (f"http://10.0.0.{n}:7001",), (f"http://10.0.0.{n}:4001",))
    for n in (1, 2, 3)
)
NEW = Member("", "4", ("http://10.0.0.4:7001",), learner=True)


def test_each_master_has_a_row():
    reports = {
        "1": Report(True, "3.6.14", "2", 40, 20, 7),
        "2": Report(True, "3.6.14", "2", 41, 21, 7),
        "3": Report(False, "3.6.14", "", 42, 22, 3),
        "4": Report(False),
    }
    assert survey.rows(Survey([H3, NEW, H2, H1], reports, {"2": ["NOSPACE"]}), (86400.0, "h2")) == [
        Row("", "4", "http://10.0.0.4:7001", "learner", "silent", "", None, None, None, "", ""),
        Row("h1", "1", H1.client_urls[0], "follower", "ok", "3.6.14", 40, 20, 7, "", ""),
        Row(
            "h2",
            "2",
            H2.client_urls[0],
            "leader",
            "ok",
            "3.6.14",
            41,
            21,
            7,
            "NOSPACE",
            "1970-01-02 00:00 UTC",
        ),
        Row("h3", "3", H3.client_urls[0], "follower", "no majority", "3.6.14", 42, 22, 3, "", ""),
    ]


def test_what_a_slave_is_told():
    """That it serves, and no more."""
    (row,) = survey.rows(Survey([H1], {"1": Report(True)}, {}))
    assert (row.state, row.role, row.version, row.size) == ("ok", "", "", None)


@pytest.mark.parametrize("name", ["h2", "2"])
def test_a_master_is_found_by_its_name_or_id(name):
    assert removing.find([H1, H2], name) == H2


def test_who_is_no_master():
    with pytest.raises(RegistryError) as caught:
        removing.find([H1, NEW], "h9")
    assert str(caught.value) == "there is no master h9; there are: 4 (unnamed), h1"

"""What the kernel counted -> who talks to whom."""

from arpanet_ambassador.flows import report
from arpanet_ambassador.links.declare import Declared
from arpanet_ambassador.links.ground import NOTHING
from arpanet_ambassador.links.plan import Plan
from arpanet_ambassador.links.ways import Way
from arpanet_ambassador.planes.plane import Client, Frontend, Home
from arpanet_ambassador.planes.socket.layout import Dialled, Seen, Traffic, Use

from arpanet.records import Target

FRONTEND = Frontend("127.77.0.1", 6379)
GROUND = NOTHING._replace(
    links=[Declared("web", "net:[1]", "label", 6379, "redis", "redis")],
    frontends=[(FRONTEND,)],
    indices=[0],
    clients={"net:[1]": Client(Home("id-web", 7))},
    names={"net:[1]": {"redis": "127.77.0.1"}},
)
PLAN = Plan((Way((Target("10.0.0.1", 10000, "h1:r0:6379"),)),), GROUND)


def seen(address="127.77.0.1", target=("10.0.0.1", 10000), client="net:[1]", last=5.0):
    return Seen(client, Dialled(1, address, 6379), target, Traffic(3, last))


def shown(*every):
    rows = report.flows(every, PLAN, {"id-web": "web"}, 1000.0)
    return [(row["client"], row["dialled"], row["target"], row["instance"]) for row in rows]


def test_of_too_many_the_latest_are_told():
    every = [seen(last=float(number)) for number in range(5000)]
    rows = report.flows(every, PLAN, {"id-web": "web"}, 0.0)
    assert [row["last"] for row in rows] == [4999.0 - n for n in range(report.LATEST)]


def test_by_the_names_that_people_gave():
    assert shown(seen()) == [("web", "redis:6379", "10.0.0.1:10000", "h1:r0:6379")]
    assert report.flows([seen()], PLAN, {}, 1000.0)[0]["last"] == 1005.0


def test_what_has_no_name_or_is_nobodys_is_shown_as_it_is():
    assert shown(seen("10.9.9.9", ("fd00::1", 1))) == [("web", "10.9.9.9:6379", "[fd00::1]:1", "")]
    assert shown(seen("127.0.0.1", None)) == [("web", "localhost:6379", "refused", "")]
    assert shown(seen("::1", client="net:[9]"))[0][:2] == ("", "localhost:6379")


def test_the_latest_first():
    rows = shown(seen("10.9.9.1", last=1.0), seen("10.9.9.2", last=2.0))
    assert [row[1] for row in rows] == ["10.9.9.2:6379", "10.9.9.1:6379"]


def test_a_links_counters_are_those_of_all_that_is_dialled_for_it():
    other = Frontend("172.17.0.2", 6379)
    plan = Plan(PLAN.ways, GROUND._replace(frontends=[(FRONTEND, other)]))
    uses = {("net:[1]", FRONTEND): Use(2, 1, 5.0), ("net:[1]", other): Use(1, 0, 7.0)}
    (row,) = report.counted(uses, plan, 1000.0)
    assert (row["made"], row["refused"], row["last"]) == (3, 1, 1007.0)
    assert report.counted({("net:[1]", FRONTEND): Use()}, plan, 1000.0)[0]["last"] == 0.0
    assert report.counted({}, plan, 1000.0) == []

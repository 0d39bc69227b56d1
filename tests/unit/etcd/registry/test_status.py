"""The line of status for the way to the registry."""

from arpanet_etcd.registry.status import line

from arpanet.records import Status


def test_nothing_is_said_when_all_is_well_or_when_nobody_answers():
    assert line(3, {}, {"h1": 4.0}, 15) is None
    assert line(1, {"http://10.0.0.1:4001": "refused"}, {}, 15) is None


def test_endpoints_that_do_not_serve_and_silent_agents_are_named():
    bad = {"http://10.0.0.2:4001": "is of another cluster, b: not a"}
    assert line(3, bad, {"h1": 4.0, "h2": 13.0}, 15) == Status(
        "registry",
        "degraded",
        "1 of 3 endpoints are not used: 10.0.0.2:4001 is of another cluster, b: not a; "
        "registrators that are silent or stuck: h2 (13 s)",
    )

"""The line of status for the way to the registry."""

from arpanet_etcd.registry.status import line, refusals

from arpanet.records import Instance, Refusal, Status


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


def test_refused_instances_are_named_and_are_this_hosts_fault_where_it_wrote_them():
    def refused(host, number=0):
        one = Instance(f"{host}:c{number}:80", ("web",), host, "10.0.0.1", 80)
        return Refusal(one, f"{host} has not been let in")

    assert refusals((), "h1") is None
    assert refusals((refused("h9"),), "h1") == Status(
        "refused instances", "ok", "h9:c0:80 (h9 has not been let in)"
    )
    found = refusals((*(refused("h0", number) for number in range(5)), refused("h1")), "h1")
    assert found.state == "degraded"
    assert found.detail.startswith("h1:c0:80 (h1 has not been let in), h0:c0:80 (")
    assert found.detail.endswith("and 1 more: 'arpanet services'")

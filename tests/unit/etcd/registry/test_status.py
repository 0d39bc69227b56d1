"""The line of status for the way to the registry."""

from arpanet_etcd.registry.status import line, refusals, silence

from arpanet.records import Instance, Refusal, Status


def test_nothing_is_said_when_all_is_well_or_when_nobody_answers():
    assert line(3, {}) is None
    assert line(1, {"http://10.0.0.1:4001": "refused"}) is None
    assert silence({("h2", "registrator"): 22.0, ("h1", "ambassador"): 90.0}, "h1", 15) is None


def test_endpoints_that_do_not_serve_are_named():
    bad = {"http://10.0.0.2:4001": "is of another cluster, b: not a"}
    assert line(3, bad) == Status(
        "registry",
        "degraded",
        "1 of 3 endpoints are not used: 10.0.0.2:4001 is of another cluster, b: not a",
    )


def test_silent_agents_of_other_hosts_are_named_with_how_long_they_have_been():
    silent = {
        ("h3", "master"): 79_000.0,
        ("h2", "registrator"): 25.0,
        ("h2", "ambassador"): 130.0,
        ("h4", "ambassador"): 4.0,
    }
    assert silence(silent, "h1", 15) == Status(
        "other hosts",
        "degraded",
        "silent, stuck or dead: h2 (ambassador for 2 min, registrator for 25 s);"
        " h3 (master for 22 h)",
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

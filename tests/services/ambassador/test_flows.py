"""Who talks to whom, from the kernel to what the command line reads."""

import json
import time

import pytest
from arpanet_ambassador.links import report

from arpanet.agent import statusfile
from tests.services.ambassador.lan import AMBASSADOR, SERVERS
from tests.services.ambassador.planes import Machine, bpffs

ONE = SERVERS[0]


def test_who_talks_to_whom_and_how_often(make):
    with bpffs() as place:
        host = make(machine=Machine(place))
        host.lan.serve(ONE, 6379)
        host.containers()
        host.services(ONE)
        assert [host.reached(80) for _ in range(3)] == [ONE] * 3
        host.services()
        with pytest.raises(ConnectionRefusedError):
            host.dial(80)
        host.services(ONE)
        assert host.reached() == ONE
        begun = time.time()
        host.lan.ambassador.do(host.ambassador.observe)
        left = json.loads((statusfile.RUN / "flows.json").read_text())
        links = report.with_counters(host.links(), left["links"])
        host.ambassador.chain.clear([])
    rows = [(row["client"], row["dialled"], row["target"], row["count"]) for row in left["flows"]]
    assert sorted(rows) == [
        ("client", f"{AMBASSADOR}:6379", f"{ONE}:6379", 1),
        ("client", "localhost:80", f"{ONE}:6379", 3),
        ("client", "localhost:80", "refused", 1),
    ]
    assert {row["instance"] for row in left["flows"]} == {f"{ONE}:redis:6379", ""}
    assert all(abs(row["last"] - begun) < 60 for row in left["flows"])
    assert [(link.dials, link.made, link.refused) for link in links] == [
        ("localhost:80", 3, 1),
        ("redis:6379", 1, 0),
    ]

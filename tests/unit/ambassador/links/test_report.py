"""The status file, the log's lines and the status line."""

import json
from dataclasses import replace

from arpanet_ambassador.links import report

from arpanet.records import Link, Target
from tests.unit.ambassador.records import Told

GOOD = Link("web", 6379, "redis", "redis:6379", (Target("10.0.0.1", 6379, "i"),), "nftables")
BAD = Link("web", 80, "a", "localhost:80", error="service a has no instance")


def encode(links, drift=0, reset=0):
    return json.loads(report.encode(Told(links).packed, drift, reset))


def test_there_and_back():
    state = encode([GOOD, BAD], 1, 2)
    assert report.decode(state) == (GOOD, BAD)


def test_lines():
    assert report.line(GOOD) == "web: redis:6379 = redis -> 10.0.0.1:6379 (nftables)"
    assert report.line(BAD) == "web: localhost:80 = a -> service a has no instance"
    far = replace(GOOD, targets=(Target("fd00::1", 6379),))
    assert report.line(far) == "web: redis:6379 = redis -> [fd00::1]:6379 (nftables)"


def test_many_links_that_go_one_way_have_one_line_and_not_all_targets():
    targets = tuple(Target(f"10.0.0.{n}", 80) for n in range(30))
    many = [replace(GOOD, client=f"web{n}", targets=targets) for n in range(30)]
    (line,) = report.lines([], many)
    assert line.startswith("web0: redis:6379 = redis -> 10.0.0.0:80, 10.0.0.1:80, ")
    assert line.endswith("10.0.0.9:80 and 20 more (nftables); the same for 29 more links")
    assert list(report.lines(many, many)) == []
    assert list(report.lines(many, [*many[:9], BAD])) == [report.line(BAD)]
    assert len(list(report.lines([], many[:9]))) == 9


def test_summary():
    assert report.summary(encode([])) == ("links: 0", [])
    assert report.summary(encode([GOOD])) == ("links: 1 (1 by nftables)", [])
    detail, troubles = report.summary(encode([GOOD, BAD], 3, 4))
    assert detail.endswith("others put right: 3; stuck connections reset: 4")
    assert "1 lead nowhere, see 'arpanet links'; web: service a has no instance" in detail
    assert troubles == []  # one client's typo is no fault of the host


def test_what_no_plane_carries_is_a_trouble_of_the_host():
    lost = replace(GOOD, plane="", error="no permission")
    _, (trouble,) = report.summary(encode([GOOD, lost]))
    assert trouble == "not carried: 1 of 2 links; web: no permission"


def test_counters_are_those_of_the_socket_planes_links():
    mine = replace(GOOD, plane="socket")
    counted = [{"client": "web", "dials": "redis:6379", "made": 3, "refused": 1, "last": 5.0}]
    found = report.with_counters([mine, GOOD, BAD], counted)
    assert [(one.made, one.refused, one.last) for one in found] == [
        (3, 1, 5.0),
        (None, None, 0.0),
        (None, None, 0.0),
    ]
    assert found[0] == mine  # that it is used is no change of a link

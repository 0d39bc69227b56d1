"""The status file, the log's lines and the status line."""

import json
from dataclasses import replace

from arpanet_ambassador.links import report

from arpanet.records import Link, Target

GOOD = Link("web", 6379, "redis", "redis:6379", (Target("10.0.0.1", 6379, "i"),), "kernel")
BAD = Link("web", 80, "a", "localhost:80", error="service a has no instance")


def test_there_and_back():
    state = json.loads(json.dumps(report.encode([GOOD, BAD], "auto", 1, 2)))
    assert report.decode(state) == (GOOD, BAD)


def test_lines():
    assert report.line(GOOD) == "web: redis:6379 = redis -> 10.0.0.1:6379 (kernel)"
    assert report.line(BAD) == "web: localhost:80 = a -> service a has no instance"


def test_summary():
    fine = report.summary(report.encode([GOOD], "auto", 0, 0))
    assert fine == ("1 links: 1 in the kernel, 0 proxied", [])
    detail, troubles = report.summary(report.encode([GOOD], "auto", 3, 4))
    assert detail.endswith("others put right: 3; stuck connections reset: 4")
    assert troubles == []


def test_a_clients_mistake_is_noted_and_no_trouble_of_the_host():
    detail, troubles = report.summary(report.encode([GOOD, BAD], "auto", 0, 0))
    assert detail.endswith("; 1 lead nowhere, see 'arpanet links'; web: service a has no instance")
    assert troubles == []


def test_what_this_host_cannot_carry_is_its_trouble():
    stuck = replace(GOOD, plane="", error="its namespace can't be entered")
    _, (trouble,) = report.summary(report.encode([GOOD, BAD, stuck], "auto", 0, 0))
    assert trouble == "1 are not carried, see 'arpanet links'; web: its namespace can't be entered"

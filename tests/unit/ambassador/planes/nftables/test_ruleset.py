"""Links -> the text of the table: golden, and walked through by virtual packets."""

import ipaddress
import re
from dataclasses import replace

import pytest
from arpanet_ambassador.planes.nftables.ruleset import REMOVE, Table, render
from arpanet_ambassador.planes.plane import LOOPBACK, Frontend, Home

from arpanet.records import Target

ONE, TWO = Target("10.0.0.1", 6379, "a"), Target("10.0.0.2", 80, "b")
SIX = Target("fd00::1", 6379, "c")
OLD, NEW = "172.17.0.10", "172.17.0.2"
CACHE, QUEUE = "127.77.0.1", "127.77.0.2"


def client(links, container="id-web"):
    frontends = {}
    for (address, port), targets in links.items():
        port, _, protocol = str(port).partition("/")
        frontends[Frontend(address, int(port), protocol or "tcp")] = targets
    return Table(Home(container, 7), frontends)


FULL = client(
    {
        (OLD, 6379): (TWO, ONE),
        (NEW, 6379): (TWO, ONE),
        (NEW, 80): (),
        (LOOPBACK, 6379): (ONE, SIX),
        (LOOPBACK, 81): (),
        (LOOPBACK, 82): (SIX,),
        (LOOPBACK, "53/udp"): (TWO,),
        (LOOPBACK, "54/udp"): (),
        (CACHE, 6379): (TWO,),
        (QUEUE, 6379): (),
    }
)

GOLDEN = """\
add table ip arpanet
delete table ip arpanet
table ip arpanet {
	chain to_10.0.0.1_6379 {
		meta l4proto { tcp, udp } dnat to 10.0.0.1:6379
	}
	chain to_10.0.0.2_80 {
		meta l4proto { tcp, udp } dnat to 10.0.0.2:80
	}
	chain tcp_127.77.0.1_6379 {
		goto to_10.0.0.2_80
	}
	chain tcp_172.17.0.10_6379 {
		numgen inc mod 2 vmap { 0 : goto to_10.0.0.1_6379, 1 : goto to_10.0.0.2_80 }
	}
	chain tcp_172.17.0.2_6379 {
		numgen inc mod 2 vmap { 0 : goto to_10.0.0.1_6379, 1 : goto to_10.0.0.2_80 }
	}
	chain udp_localhost_53 {
		goto to_10.0.0.2_80
	}
	chain tcp_localhost_6379 {
		goto to_10.0.0.1_6379
	}
	chain dial {
		type nat hook output priority -100; policy accept;
		tcp flags & (fin | syn | rst | ack) != syn accept
		ip daddr . tcp dport vmap { 127.77.0.1 . 6379 : goto tcp_127.77.0.1_6379, \
127.77.0.2 . 6379 : accept, 172.17.0.2 . 80 : accept, \
172.17.0.2 . 6379 : goto tcp_172.17.0.2_6379, 172.17.0.10 . 6379 : goto tcp_172.17.0.10_6379 }
		ip daddr 127.0.0.0/8 ip daddr != 127.0.0.11 \
tcp dport vmap { 6379 : goto tcp_localhost_6379 }
		ip daddr 127.0.0.0/8 ip daddr != 127.0.0.11 udp dport vmap { 53 : goto udp_localhost_53 }
	}
	chain leave {
		type nat hook postrouting priority 100; policy accept;
		oifname != "lo" ct status dnat ct original ip daddr { 172.17.0.2, 172.17.0.10 } masquerade
		oifname != "lo" ip saddr 127.0.0.0/8 masquerade
	}
	chain sane {
		type filter hook input priority 0; policy accept;
		meta l4proto tcp ct state invalid drop
	}
	chain refuse {
		type filter hook output priority 0; policy accept;
		tcp flags & (fin | syn | rst | ack) != syn accept
		ip daddr . tcp dport { 127.77.0.2 . 6379, 172.17.0.2 . 80 } reject with tcp reset
		ip daddr 127.0.0.0/8 ip daddr != 127.0.0.11 tcp dport { 81, 82 } reject with tcp reset
		ip daddr 127.0.0.0/8 ip daddr != 127.0.0.11 udp dport { 54 } reject
	}
	chain guard {
		type filter hook prerouting priority -300; policy accept;
		iifname != "lo" ip daddr 127.0.0.0/8 drop
	}
}
"""


def test_golden():
    assert render(FULL) == GOLDEN


def test_order_of_what_is_given_does_not_matter():
    turned = {key: targets[::-1] for key, targets in reversed(FULL.links.items())}
    assert render(replace(FULL, links=turned)) == GOLDEN


def test_nothing_to_hold_is_a_removal():
    assert render(client({})) == REMOVE


def test_only_localhost_links_open_localhost():
    assert "127.0.0.0/8" not in render(client({("1.2.3.4", 80): (ONE,)}))


def test_what_every_packet_would_be_asked_is_left_out_where_it_has_no_use():
    assert "hook output priority 0" not in render(client({("1.2.3.4", 80): (ONE,)}))
    assert "chain refuse" in render(client({("1.2.3.4", 80): ()}))
    assert "chain guard" in render(client({(LOOPBACK, 80): (ONE,)}))
    assert "chain guard" in render(client({(CACHE, 80): (ONE,)}))


def test_clients_begin_with_different_targets():
    texts = {render(client({("1.2.3.4", 80): (ONE, TWO)}, f"id{n}")) for n in range(9)}
    assert len(texts) == 2


# -- where a packet goes -------------------------------------------------------------------------


def within(daddr, rule):
    """Whether the address conditions of *rule* hold."""
    return all(
        (ipaddress.ip_address(daddr) in ipaddress.ip_network(value)) != bool(negated)
        for negated, value in re.findall(r"ip daddr (!= )?([0-9][\d./]+)", rule)
    )


def trace(text, daddr, dport, protocol="tcp", syn=True):
    """Return where a segment to *daddr*:*dport* goes: addresses, ``refused`` or ``on``."""
    chains = dict(re.findall(r"\tchain (\S+) \{\n(.*?)\n\t\}", text, re.DOTALL))
    for name in ("dial", "refuse"):
        for rule in map(str.strip, chains[name].splitlines()[1:]):
            if rule.startswith("tcp flags"):
                if protocol == "tcp" and not syn:
                    break
                continue
            if f"{protocol} dport" not in rule or not within(daddr, rule):
                continue
            key = f"{daddr} . {dport}" if "ip daddr . " in rule else str(dport)
            listed = re.search(r"\{ (.*?) \}", rule)[1].split(", ")
            verdicts = dict(one.partition(" : ")[::2] for one in listed)
            if key not in verdicts:
                continue
            if "vmap" not in rule:
                return "refused"
            if verdicts[key] == "accept":
                break
            turns = re.findall(r"goto (\w[\w.]+)", chains[verdicts[key].removeprefix("goto ")])
            return {chains[one].partition("dnat to ")[2] for one in turns}
    return "on"


@pytest.mark.parametrize(
    ("daddr", "dport", "goes"),
    [
        (NEW, 6379, {"10.0.0.1:6379", "10.0.0.2:80"}),
        (OLD, 6379, {"10.0.0.1:6379", "10.0.0.2:80"}),
        (NEW, 80, "refused"),
        (NEW, 81, "on"),
        ("172.17.0.3", 6379, "on"),
        ("127.0.0.1", 6379, {"10.0.0.1:6379"}),
        ("127.1.2.3", 6379, {"10.0.0.1:6379"}),
        (CACHE, 6379, {"10.0.0.2:80"}),
        (QUEUE, 6379, "refused"),
        ("127.0.0.11", 6379, "on"),
        ("127.0.0.1", 81, "refused"),
        ("127.0.0.1", 82, "refused"),
        ("127.0.0.11", 81, "on"),
        ("127.0.0.1", 5432, "on"),
        ("127.0.0.1", 53, "on"),
    ],
)
def test_trace(daddr, dport, goes):
    text = render(FULL)
    assert trace(text, daddr, dport) == goes
    assert trace(text, daddr, dport, syn=False) == "on"


def test_trace_of_datagrams():
    text = render(FULL)
    assert trace(text, "127.0.0.1", 53, "udp") == {"10.0.0.2:80"}
    assert trace(text, "127.0.0.1", 54, "udp") == "refused"
    assert trace(text, "127.0.0.1", 6379, "udp") == "on"

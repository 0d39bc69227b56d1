"""Links -> the text of the table: golden, and walked through by virtual packets."""

import ipaddress
import re

import pytest
from arpanet_ambassador.planes.nftables.nft import ambassadors
from arpanet_ambassador.planes.nftables.ruleset import REMOVE, Table, render

from arpanet.records import Target

ONE, TWO = Target("10.0.0.1", 6379, "a"), Target("10.0.0.2", 80, "b")
SIX = Target("fd00::1", 6379, "c")
FULL = Table(
    "id-web",
    ("172.17.0.10", "172.17.0.2"),
    backend={6379: (TWO, ONE), 5432: (ONE,), 80: ()},
    connect={6379: (ONE, SIX), 81: (), 82: (SIX,)},
)

GOLDEN = """\
add table ip arpanet
delete table ip arpanet
table ip arpanet {
	set ambassador {
		type ipv4_addr
		elements = { 172.17.0.2, 172.17.0.10 }
	}
	chain to_10.0.0.1_6379 {
		meta l4proto tcp dnat to 10.0.0.1:6379
	}
	chain to_10.0.0.2_80 {
		meta l4proto tcp dnat to 10.0.0.2:80
	}
	chain backend_5432 {
		goto to_10.0.0.1_6379
	}
	chain backend_6379 {
		numgen inc mod 2 vmap { 0 : goto to_10.0.0.1_6379, 1 : goto to_10.0.0.2_80 }
	}
	chain connect_6379 {
		goto to_10.0.0.1_6379
	}
	chain dial {
		type nat hook output priority -100; policy accept;
		tcp flags & (fin | syn | rst | ack) != syn accept
		ip daddr @ambassador tcp dport vmap { 5432 : goto backend_5432, 6379 : goto backend_6379 }
		ip daddr 127.0.0.0/8 ip daddr != 127.0.0.11 tcp dport vmap { 6379 : goto connect_6379 }
	}
	chain leave {
		type nat hook postrouting priority 100; policy accept;
		oifname != "lo" ct status dnat ct original ip daddr @ambassador masquerade
		oifname != "lo" ip saddr 127.0.0.0/8 masquerade
	}
	chain refuse {
		type filter hook output priority 0; policy accept;
		tcp flags & (fin | syn | rst | ack) != syn accept
		ip daddr @ambassador tcp dport { 80 } reject with tcp reset
		ip daddr 127.0.0.0/8 ip daddr != 127.0.0.11 tcp dport { 81, 82 } reject with tcp reset
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
    other = Table(
        "id-web",
        frozenset(FULL.ambassador),
        backend={80: (), 5432: (ONE,), 6379: (ONE, TWO)},
        connect={82: (SIX,), 81: (), 6379: (SIX, ONE)},
    )
    assert render(other) == GOLDEN


@pytest.mark.parametrize(
    "table", [Table("x"), Table("x", ("1.2.3.4",)), Table("x", (), backend={80: (ONE,)})]
)
def test_nothing_to_hold_is_a_removal(table):
    assert render(table) == REMOVE


def test_only_localhost_links_open_localhost():
    assert "127.0.0.0/8" not in render(Table("x", ("1.2.3.4",), backend={80: (ONE,)}))


def test_what_every_packet_would_be_asked_is_left_out_where_it_has_no_use():
    assert "type filter" not in render(Table("x", ("1.2.3.4",), backend={80: (ONE,)}))
    assert "chain refuse" in render(Table("x", ("1.2.3.4",), backend={80: ()}))
    assert "chain guard" in render(Table("x", connect={80: (ONE,)}))


def test_clients_begin_with_different_targets():
    texts = {render(Table(f"id{n}", ("1.2.3.4",), backend={80: (ONE, TWO)})) for n in range(9)}
    assert len(texts) == 2


def test_a_listing_names_the_ambassador():
    assert ambassadors(GOLDEN) == {"172.17.0.2", "172.17.0.10"}
    assert ambassadors(render(Table("x", (), connect={80: (ONE,)}))) == frozenset()


# -- where a packet goes -------------------------------------------------------------------------


def trace(text, daddr, dport, syn=True):
    """Return where a TCP segment to *daddr*:*dport* goes: addresses, ``refused`` or ``on``."""
    sets = {"@ambassador": ambassadors(text)}
    chains = dict(re.findall(r"\tchain (\S+) \{\n(.*?)\n\t\}", text, re.DOTALL))

    def matches(rule):
        if rule.startswith("tcp flags"):
            return not syn
        for negated, value in re.findall(r"ip daddr (!= )?(\S+)", rule):
            if value in sets:
                found = daddr in sets[value]
            else:
                found = ipaddress.ip_address(daddr) in ipaddress.ip_network(value)
            if found == bool(negated):
                return False
        return True

    for name in ("dial", "refuse"):
        for rule in filter(matches, map(str.strip, chains[name].splitlines()[1:])):
            if rule.endswith("accept"):
                break
            ports = re.search(r"tcp dport (?:vmap )?\{ (.*?) \}", rule)[1].split(", ")
            if "vmap" in rule:
                verdicts = dict(one.split(" : goto ") for one in ports)
                if str(dport) in verdicts:
                    turns = re.findall(r"goto (\w[\w.]+)", chains[verdicts[str(dport)]])
                    return {chains[one].partition("dnat to ")[2] for one in turns}
            elif str(dport) in ports:
                return "refused"
    return "on"


@pytest.mark.parametrize(
    ("daddr", "dport", "goes"),
    [
        ("172.17.0.2", 6379, {"10.0.0.1:6379", "10.0.0.2:80"}),
        ("172.17.0.10", 5432, {"10.0.0.1:6379"}),
        ("172.17.0.2", 80, "refused"),
        ("172.17.0.2", 81, "on"),
        ("172.17.0.3", 6379, "on"),
        ("127.0.0.1", 6379, {"10.0.0.1:6379"}),
        ("127.1.2.3", 6379, {"10.0.0.1:6379"}),
        ("127.0.0.11", 6379, "on"),
        ("127.0.0.1", 81, "refused"),
        ("127.0.0.1", 82, "refused"),
        ("127.0.0.11", 81, "on"),
        ("127.0.0.1", 5432, "on"),
    ],
)
def test_trace(daddr, dport, goes):
    text = render(FULL)
    assert trace(text, daddr, dport) == goes
    assert trace(text, daddr, dport, syn=False) == "on"

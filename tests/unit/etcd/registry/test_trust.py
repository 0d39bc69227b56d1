"""Readers use what its host may have, and show the rest as refused."""

import ipaddress
import json
import logging
from dataclasses import replace

import pytest
from arpanet_etcd.client.position import Position
from arpanet_etcd.registry import memory, table
from arpanet_etcd.registry.keys import Layout
from arpanet_etcd.registry.memory import State
from arpanet_etcd.registry.view import View

from arpanet import codec
from arpanet.records import Host, Instance

LAYOUT = Layout("/a", foreign=True)
REDIS = Instance("h1:r0:1", ("redis", "cache"), "h1", "10.0.0.1", 1000)
FAR = Instance("h2:w0:1", ("web",), "h2", "10.0.0.2", 1001)
STOLEN = Instance("h2:x:1", ("redis",), "h2", "10.0.0.1", 1000)


def host(name, listed=7):
    return {LAYOUT.host(name): codec.encode(Host(name, "10.0.0.1", "engine", listed=listed))}


def record(*instances):
    return {LAYOUT.record(one.host, one.id): codec.encode(one) for one in instances}


def admitted(name, *addresses):
    said = {"role": "slave", "addresses": list(addresses)}
    return {LAYOUT.kept(f"public/hosts/{name}"): json.dumps(said)}


def reserved(name, *hosts):
    return {LAYOUT.kept(f"public/services/{name}"): json.dumps({"hosts": list(hosts)})}


def gone(*texts):
    return {key: None for each in texts for key in each}


BOTH = {**host("h1"), **host("h2"), **record(REDIS, FAR)}
LET_IN = {**admitted("h1", "10.0.0.1"), **admitted("h2", "10.0.0.2")}


@pytest.fixture
def view():
    made = View(LAYOUT, lambda: 0.0)
    made.replace({**BOTH, **LET_IN})
    return made


def used(view):
    return {one.id: one.services for one in view.snapshot().instances.values()}


def refused(view):
    return {(one.instance.id, *one.instance.services): one.why for one in view.snapshot().refused}


ALL = {REDIS.id: REDIS.services, FAR.id: FAR.services}


def test_who_was_let_in_is_used(view):
    assert used(view) == ALL
    assert refused(view) == {}


def test_where_nobody_was_let_in_everybody_is_used():
    view = View(LAYOUT)
    view.replace({**BOTH, **record(STOLEN)})
    assert used(view) == {**ALL, STOLEN.id: STOLEN.services}


def test_an_address_that_its_host_may_not_have_is_refused(view):
    view.apply(record(STOLEN).items())
    assert used(view) == ALL
    assert refused(view) == {(STOLEN.id, "redis"): "h2 may have no instance at 10.0.0.1"}
    assert view.snapshot().services()["redis"] == (REDIS,)
    view.apply(gone(record(STOLEN)).items())
    assert refused(view) == {}


def test_a_host_that_was_not_let_in_is_refused(view):
    third = replace(FAR, id="h3:w:1", host="h3")
    view.apply(record(third).items())
    assert refused(view) == {("h3:w:1", "web"): "h3 has not been let in"}
    view.apply(admitted("h3", "10.0.0.2").items())
    assert (used(view)["h3:w:1"], refused(view)) == (("web",), {})


def test_the_first_that_is_let_in_decides_about_all():
    view = View(LAYOUT)
    view.replace(BOTH)
    view.apply(admitted("h1", "10.0.0.1").items())
    assert used(view) == {REDIS.id: REDIS.services}
    assert refused(view) == {(FAR.id, "web"): "h2 has not been let in"}


@pytest.mark.parametrize(
    ("addresses", "ip", "may"),
    [
        (["10.1.0.0/16"], "10.1.2.3", True),
        (["10.1.0.0/16"], "10.2.2.3", False),
        (["10.0.0.9", "10.1.2.3"], "10.1.2.3", True),
        (["10.1.2.3/16"], "10.1.9.9", True),
        (["fd00::/64"], "fd00::5", True),
        (["fd00::/64"], "fd01::5", False),
        ([], "10.0.0.1", False),
        ([], "", True),
    ],
)
def test_addresses_and_networks(view, addresses, ip, may):
    one = replace(FAR, ip=ip, local={"bridge": "172.17.0.2:80"})
    view.apply({**admitted("h2", *addresses), **record(one)}.items())
    assert (FAR.id in used(view)) is may


def test_one_that_is_shut_out_is_out_and_comes_back_when_it_may(view):
    view.apply(gone(admitted("h2")).items())
    assert used(view) == {REDIS.id: REDIS.services}
    assert refused(view) == {(FAR.id, "web"): "h2 has not been let in"}
    view.apply(admitted("h2", "10.0.0.2").items())
    assert used(view) == ALL


def test_what_runs_on_when_its_host_is_shut_out_is_not_dialled(view):
    view.apply(gone(host("h2"), record(FAR)).items())
    assert view.snapshot().instances[FAR.id].unconfirmed
    view.apply(gone(admitted("h2")).items())
    assert FAR.id not in used(view)


def test_one_that_was_shut_out_meanwhile_is_out_with_the_next_list(view):
    later = View(LAYOUT)
    later.restore(view.known())
    later.replace({**BOTH, **admitted("h1", "10.0.0.1")})
    assert used(later) == {REDIS.id: REDIS.services}
    assert list(later.known().trust) == ["h1"]


def test_a_store_that_lost_who_was_let_in_cuts_nobody_off(view):
    view.apply(gone(LET_IN).items())
    assert used(view) == ALL
    view.replace(BOTH, goes_on=False)
    assert used(view) == ALL
    view.apply(admitted("h1", "10.0.0.1").items())  # masters put it back, one after the other
    view.replace({**BOTH, **admitted("h1", "10.0.0.1")}, goes_on=False)
    assert used(view) == ALL
    view.apply(record(STOLEN).items())
    assert STOLEN.id not in used(view)


def test_what_was_let_in_is_remembered(view):
    state = memory.decode("".join(memory.encode(memory.State(Position("7", 1, 2), view.known()))))
    later = View(LAYOUT)
    later.restore(state.known)
    later.replace({**BOTH, **record(STOLEN)})
    assert used(later) == ALL
    former = json.loads("".join(memory.encode(memory.State(Position("7", 1, 2), view.known()))))
    del former["trust"]
    assert memory.decode(json.dumps(former)).known.trust == {}


def test_who_may_not_have_an_address_takes_it_from_nobody(view):
    view.apply(gone(host("h1"), record(REDIS)).items())
    assert view.snapshot().instances[REDIS.id].unconfirmed
    view.apply(record(STOLEN).items())
    assert view.snapshot().instances[REDIS.id].unconfirmed
    view.apply(admitted("h2", "10.0.0.0/24").items())
    assert REDIS.id not in used(view)  # now it may
    assert STOLEN.id in used(view)


def test_what_is_refused_and_goes_leaves_nothing_behind(view):
    view.apply(record(STOLEN).items())
    view.apply(gone(host("h2"), record(STOLEN)).items())
    assert refused(view) == {}
    assert STOLEN.id not in {one.id for _, one, _ in view.known().entries}


def test_a_reserved_name_is_its_hosts_and_other_names_stay(view):
    elsewhere = replace(FAR, services=("web", "redis"))
    view.apply({**record(elsewhere), **reserved("redis", "h1", "h9")}.items())
    assert used(view) == {REDIS.id: ("redis", "cache"), FAR.id: ("web",)}
    assert refused(view) == {(FAR.id, "redis"): "redis is reserved for h1, h9"}
    assert view.snapshot().services()["redis"] == (REDIS,)
    view.apply(gone(reserved("redis")).items())
    assert used(view)[FAR.id] == ("web", "redis")


def test_one_whose_every_name_is_reserved_is_refused_altogether(view):
    view.apply({**reserved("redis", "h2"), **reserved("cache", "h2")}.items())
    assert used(view) == {FAR.id: ("web",)}
    assert refused(view) == {
        (REDIS.id, "redis", "cache"): "redis is reserved for h2; cache is reserved for h2"
    }


def test_what_another_store_lacks_stays_reserved_until_that_is_listed_again(view):
    view.apply(reserved("redis", "h2").items())
    view.replace({**BOTH, **LET_IN}, goes_on=False)
    assert used(view)[REDIS.id] == ("cache",)
    view.replace({**BOTH, **LET_IN})
    assert used(view) == ALL


@pytest.mark.parametrize("again", [True, False], ids=["put back", "released meanwhile"])
def test_a_store_that_is_wiped_frees_no_name(view, again):
    view.apply(reserved("redis", "h2").items())
    view.apply(gone(BOTH, LET_IN, reserved("redis", "h2")).items())
    view.apply(record(REDIS).items())  # of its host before any master looks
    assert used(view)[REDIS.id] == ("cache",)
    back = {**BOTH, **LET_IN, **(reserved("redis", "h2") if again else {})}
    view.apply(back.items())
    assert used(view)[REDIS.id] == ("cache",)
    view.replace(back)
    assert used(view)[REDIS.id] == (("cache",) if again else ("redis", "cache"))


def test_a_name_that_was_reserved_is_so_for_an_agent_that_begins_with_an_empty_store(view):
    view.apply(reserved("redis", "h2").items())
    state = State(Position("1", 1, 1), view.known())
    later = View(LAYOUT)
    later.restore(memory.decode("".join(memory.encode(state))).known)
    later.replace(record(REDIS))
    assert used(later)[REDIS.id] == ("cache",)


def test_without_certificates_a_name_goes_with_its_record():
    view = View(LAYOUT)
    view.replace({**BOTH, **reserved("redis", "h2")})
    view.apply(gone(reserved("redis", "h2")).items())
    assert used(view) == ALL


def test_names_are_reserved_where_nobody_is_let_in_too():
    view = View(LAYOUT)
    view.replace({**BOTH, **reserved("web", "h1")})
    assert used(view) == {REDIS.id: REDIS.services}


def test_what_others_write_is_theirs_but_for_names_and_hosts_that_are_known(view):
    def leaf(name, instance_id, address):
        return {LAYOUT.leaf(name, instance_id): address}

    view.apply(
        {
            **leaf("web", "old:c:80", "10.9.9.9:80"),
            **leaf("web", "anything", "10.9.9.9:81"),
            **leaf("web", "h1:evil:80", "10.9.9.9:82"),
            **leaf("mine", "other:c:80", "10.9.9.9:80"),
            **reserved("mine", "h1"),
        }.items()
    )
    assert used(view) == {**ALL, "old:c:80": ("web",), "anything": ("web",)}
    assert refused(view) == {
        ("h1:evil:80", "web"): "h1 may have no instance at 10.9.9.9",
        ("other:c:80", "mine"): "mine is reserved for h1",
    }


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"addresses": "10.0.0.1"}', '{"addresses": ["x"]}', "[" * 5000],
)
def test_what_makes_no_sense_changes_nothing(view, text, caplog):
    caplog.set_level(logging.WARNING)
    view.apply({LAYOUT.kept("public/hosts/h2"): text}.items())
    view.apply({LAYOUT.kept("public/services/web"): text}.items())
    assert used(view) == ALL
    assert "ignoring what is said of h2" in caplog.text
    assert "ignoring what is said of web" in caplog.text


def test_unconfirmed_or_not_what_is_refused_is_shown(view):
    view.apply(record(STOLEN).items())
    assert table.unconfirmed(view.snapshot()).refused == view.snapshot().refused


def test_networks_are_read_once_for_each_host(view, monkeypatch):
    made = []
    monkeypatch.setattr(ipaddress, "ip_network", lambda *given, **_: made.append(given))
    for number in range(50):
        view.apply(record(replace(FAR, id=f"h2:w{number}:1", port=2000 + number)).items())
    assert len(used(view)) == 51
    assert made == []

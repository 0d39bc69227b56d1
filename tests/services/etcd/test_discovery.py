"""Clusters formed through a token, with real members and a real etcd to meet at."""

import threading

import pytest
import urllib3
from arpanet_etcd.client.gateway import Gateway
from arpanet_etcd.masters import discovery, flags, health, plan

from arpanet import Progress
from arpanet.errors import ArpanetError, RegistryError, RegistryUnreachable
from tests.services.etcd.masters import Master, etcd_version, masters

__all__ = ["masters"]  # a fixture


@pytest.fixture
def meeting(masters) -> Master:
    """An etcd to keep tokens on."""
    (place,) = masters(1)
    place.boot()
    return place


def form(master: Master, url: str, patience: float = 20.0) -> None:
    token = discovery.parse(url)
    version = etcd_version()
    master.start(discovery.formation(token, master.own, version, master.progress, patience))
    health.wait(master.own, master.check, master.progress)


def form_all(every: list[Master], url: str) -> list[ArpanetError]:
    problems: list[ArpanetError] = []

    def one(master: Master) -> None:
        try:
            form(master, url)
        except ArpanetError as problem:
            problems.append(problem)

    threads = [threading.Thread(target=one, args=(master,)) for master in every]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return problems


def test_three_hosts_form_a_cluster(meeting, masters):
    url = discovery.create(["http://127.200.0.0:4001", meeting.own.client_url], 3)
    every = masters(3)
    assert form_all(every, url) == []
    every[2].settled("h2", "h3", "h4")
    assert every[0].gateway.put("/x", "1")


def test_the_fourth_is_refused_and_leaves_nothing(meeting, masters):
    url = discovery.create([meeting.own.client_url], 3)
    every = masters(4)
    (problem,) = form_all(every, url)
    assert "is full" in str(problem)
    assert "join it with --peers 127." in str(problem)
    assert len(meeting.gateway.range(discovery.parse(url).members).kvs) == 3
    assert sorted(m.starts for m in every) == [0, 1, 1, 1]


def test_a_host_that_was_interrupted_while_waiting_runs_it_again(meeting, masters):
    url = discovery.create([meeting.own.client_url], 2)
    one, two = masters(2)
    with pytest.raises(RegistryUnreachable, match=r"only 1 of 2 masters came within 1\.5 s: h2"):
        form(one, url, patience=1.5)
    assert one.words == ["1 of 2 masters are here: h2"]
    assert form_all([one, two], url) == []
    one.settled("h2", "h3")


def test_a_member_that_lost_its_data_is_refused(meeting, masters):
    url = discovery.create([meeting.own.client_url], 3)
    every = one, two, _three = masters(3)
    assert form_all(every, url) == []
    two.lose_data()
    with pytest.raises(RegistryError, match=r"its data is lost.*--peers 127\."):
        form(two, url)
    two.joiner.join([one.own.peer_url])
    one.settled("h2", "h3", "h4")


def test_a_second_host_of_the_name_is_refused(meeting, masters):
    url = discovery.create([meeting.own.client_url], 2)
    one, two = masters(2)
    with pytest.raises(RegistryUnreachable):
        form(one, url, patience=0)
    two.own = plan.Own(one.own.name, two.own.ip, 4001, 7001)
    with pytest.raises(RegistryError, match="HOSTNAME h2 is taken in this token by the master at"):
        form(two, url)


def test_an_unknown_token(meeting, masters):
    with pytest.raises(RegistryError, match="knows no token gone"):
        form(masters(1)[0], f"etcd://{meeting.own.ip}:4001/gone")
    with pytest.raises(RegistryError, match="knows no token gone"):
        form(masters(1)[0], f"{meeting.own.client_url}/v2/keys/_etcd/registry/gone")


def test_a_token_on_a_dead_etcd(masters):
    with pytest.raises(RegistryUnreachable, match="etcd of the token does not answer"):
        form(masters(1)[0], "etcd://127.200.0.0:4001/some")


def test_a_v2_url_of_a_v3_token(meeting, masters):
    """The same keys serve etcd's own v3 discovery and this one; both URL forms name them."""
    url = discovery.create([meeting.own.client_url], 1)
    path = discovery.parse(url).path
    (one,) = masters(1)
    form(one, f"{meeting.own.client_url}/v2/keys{path}")
    one.settled("h2")


@pytest.mark.skipif(etcd_version() >= (3, 6), reason="etcd 3.6 has no v2")
def test_a_v2_token_is_passed_on_to_etcd(masters):
    place, *every = masters(3)
    place.start([*flags.initial({"h1": place.own.peer_url}, "t"), "--enable-v2=true"])
    health.wait(place.own, place.check, Progress(print))
    url = f"{place.own.client_url}/v2/keys/_etcd/registry/old"
    form_type = {"Content-Type": "application/x-www-form-urlencoded"}
    urllib3.request("PUT", f"{url}/_config/size", body="value=2", headers=form_type)
    assert form_all(every, url) == []
    every[0].settled("h2", "h3")
    assert Gateway([every[0].own.client_url]).put("/x", "1")


def test_a_member_that_lost_its_data_is_refused_while_nobody_answers(meeting, masters):
    """The same URLs and token give the same number: an empty voter would return under its own."""
    url = discovery.create([meeting.own.client_url], 3)
    every = _one, two, _three = masters(3)
    assert form_all(every, url) == []
    for one in every:
        one.cut()
    two.lose_data()
    with pytest.raises(RegistryError, match=r"started with this token before.*--peers 127\."):
        form(two, url)
    assert two.data() is None and not two.running


def test_a_member_that_never_began_may_begin(meeting, masters):
    url = discovery.create([meeting.own.client_url], 1)
    token = discovery.parse(url)
    (one,) = masters(1)
    discovery.formation(token, one.own, etcd_version(), Progress(print))
    with pytest.raises(RegistryError, match="started with this token before"):
        discovery.formation(token, one.own, etcd_version(), Progress(print))
    discovery.forget(token, one.own)
    form(one, url)
    one.settled("h2")

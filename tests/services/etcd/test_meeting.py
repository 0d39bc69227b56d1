"""A token where hosts know each other by certificates: they meet by it, and believe it nothing."""

import json
import threading
from dataclasses import replace

import pytest
import urllib3
from arpanet_etcd.masters import discovery, flags, health, meeting
from arpanet_etcd.masters.plan import Own
from arpanet_identity import enrolment
from arpanet_identity.authority import Subject
from arpanet_identity.store import Store

from arpanet import Formation, identity
from arpanet.errors import RegistryError, SettingsError, UsageError
from tests.services.etcd.masters import Master, etcd_version, masters
from tests.services.etcd.strangers import by_path, serving
from tests.services.etcd.test_certificates import running
from tests.support.loopback import free_address

__all__ = ["masters"]  # a fixture

BOOT = Formation(boot=True)


@pytest.fixture
def keeper(masters) -> Master:
    """An etcd to keep tokens on, which asks nobody who it is."""
    (place,) = masters(1)
    place.boot()
    return place


@pytest.fixture
def token(keeper):
    return discovery.parse(discovery.create([keeper.own.client_url], 3))


def host(name: str) -> Own:
    return Own(name, free_address(), 4001, 7001, tls=True)


def may() -> None:
    """This host is in no cluster."""


def must_not() -> None:
    raise RegistryError("this host is of a cluster")


def resolve(token, own, let_in=False, may_begin=may):
    return meeting.resolve(token, own, let_in, may_begin)


def place(own):
    return own.peer_url.removeprefix("https://")


def test_the_first_begins_and_those_that_it_lets_in_join_it(token):
    one, two, three = (host(name) for name in ("h1", "h2", "h3"))
    assert resolve(token, one) == resolve(token, one) == BOOT
    with pytest.raises(SettingsError, match=f"h1 at {place(one)} has taken this token"):
        resolve(token, two)
    assert resolve(token, two, let_in=True) == Formation(peers=(place(one),))
    meeting.announce(token, two)
    meeting.announce(token, two)
    assert resolve(token, three, let_in=True) == Formation(peers=(place(one), place(two)))


def test_of_many_that_come_at_one_moment_one_begins(token):
    found = []

    def come(own):
        try:
            found.append(resolve(token, own))
        except SettingsError as problem:
            found.append(str(problem))

    threads = [threading.Thread(target=come, args=(host(f"h{n}"),)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(found), found.count(BOOT)) == (8, 1)
    assert len({one for one in found if one != BOOT}) == 1  # all are told of the same one
    assert len(discovery.listed(discovery.place(token.endpoint), token)) == 1


def test_who_must_begin_no_cluster_takes_no_token(token, keeper):
    """It was let in elsewhere, or its data is lost; where others have begun, it may join."""
    one, two = host("h1"), host("h2")
    with pytest.raises(RegistryError, match="is of a cluster"):
        resolve(token, one, True, must_not)
    with pytest.raises(RegistryError, match="let in by a cluster already, and nobody of it has"):
        resolve(token, one, let_in=True)
    assert keeper.gateway.range(token.members).kvs == {}
    assert resolve(token, two) == BOOT
    assert resolve(token, one, True, must_not).peers == (place(two),)


def test_a_first_that_lost_its_data_does_not_begin_again(token, keeper):
    own = host("h1")
    assert resolve(token, own) == BOOT
    discovery.begin(keeper.gateway, token, own)
    with pytest.raises(RegistryError, match="started with this token before"):
        resolve(token, own, let_in=True)
    with pytest.raises(RegistryError, match="started with this token before"):
        discovery.begin(keeper.gateway, token, own)
    discovery.forget(token, own)  # it came to nothing, and left no data
    assert resolve(token, own) == BOOT


def test_a_second_host_of_the_name_is_refused(token):
    one = host("h1")
    resolve(token, one)
    with pytest.raises(RegistryError, match="HOSTNAME h1 is taken in this token by the master at"):
        resolve(token, replace(one, ip=free_address()), let_in=True)


def test_hosts_without_certificates_use_another_token(token, masters):
    resolve(token, host("h9"))
    (plain,) = masters(1)
    with pytest.raises(RegistryError, match="h9 came to this token with ARPANET_TLS=on"):
        discovery.formation(token, plain.own, etcd_version(), plain.progress, 0)
    assert len(discovery.listed(discovery.place(token.endpoint), token)) == 1


def test_what_is_no_token_for_hosts_with_certificates(keeper):
    with pytest.raises(RegistryError, match="knows no token gone"):
        resolve(discovery.parse(f"etcd://{keeper.own.ip}:4001/gone"), host("h1"))
    with pytest.raises(UsageError, match="keep tokens on an etcd that is asked by http"):
        resolve(discovery.parse("https://127.0.0.1:1/x"), host("h1"))


@pytest.mark.skipif(etcd_version() >= (3, 6), reason="etcd 3.6 has no v2")
def test_a_token_of_etcds_own_v2_discovery(masters):
    (old,) = masters(1)
    old.start([*flags.initial({"h1": old.own.peer_url}, "t"), "--enable-v2=true"])
    health.wait(old.own, old.check, old.progress)
    url = f"{old.own.client_url}/v2/keys/_etcd/registry/old"
    form_type = {"Content-Type": "application/x-www-form-urlencoded"}
    urllib3.request("PUT", f"{url}/_config/size", body="value=2", headers=form_type)
    with pytest.raises(RegistryError, match="--token takes one that 'arpanet master token' made"):
        resolve(discovery.parse(url), host("h2"))


@pytest.fixture
def let_in(tmp_path):
    """Let this process be a host of a cluster."""
    store, ip = Store(tmp_path / "mine"), free_address()
    enrolment.found(store, Subject("h2", "master", (ip,)))
    before = identity.current()
    identity.use(identity.Identity(tmp_path / "mine", "h2"))
    yield Own("h2", ip, 4001, 7001, tls=True)
    identity.use(before)


def test_a_stranger_leads_no_host_into_a_cluster_of_his(let_in, token, keeper, masters, tmp_path):
    """He writes to the token's etcd, and runs a whole cluster with certificates of his own CA."""
    his, ip = Store(tmp_path / "his"), free_address()
    enrolment.found(his, Subject("m1", "master", (ip,)))
    (machine,) = masters(1)
    machine.own = let_in
    with running(his, ip, str(tmp_path / "data")) as lure:
        keeper.gateway.put(f"{token.members}m1", lure.peer_url)
        assert resolve(token, let_in, let_in=True).peers == (place(lure),)
        with pytest.raises(RegistryError, match="its certificate is not one of this cluster's"):
            machine.joiner.join([lure.peer_url])
    assert machine.starts == 0


def test_the_etcd_of_a_token_is_told_no_password(let_in):
    """Whoever keeps one may ask for it."""
    asked = []

    def answer(path):
        asked.append(path)
        refusal = {"error": "etcdserver: user name is empty", "code": 3}
        return 400, json.dumps(refusal).encode()

    told = pytest.raises(RegistryError, match="user name is empty")
    with serving(by_path(answer)) as url, told:
        resolve(discovery.parse(f"{url}/x"), let_in, let_in=True)
    assert asked == ["/v3/kv/range"]

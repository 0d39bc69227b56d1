"""Networks that instances of a host may be in: what is one, what none may have, whose they are."""

import pytest
from arpanet_identity import authority, enrolment, ranges, tokens
from arpanet_identity.authority import Subject
from arpanet_identity.enrolment import Enrolment
from arpanet_identity.store import Store
from cryptography import x509

from arpanet import MemoryVault
from arpanet.errors import ArpanetError, UsageError


@pytest.fixture
def master(tmp_path):
    store = Store(tmp_path)
    enrolment.found(store, Subject("m1", "master", ("10.0.0.1",)))
    return Enrolment(store, MemoryVault(), lambda _: None)


def token(master, networks):
    mine = master.authority().certificate
    return tokens.create(master.vault, authority.fingerprint(mine), "slave", addresses=networks)


def asked(made, key, addresses=("10.0.0.2",)):
    given = {"id": made.id, "secret": made.secret, "host": "h2", "addresses": list(addresses)}
    return given | {"request": authority.request(key)}


def named(answer):
    found = x509.load_pem_x509_certificate(answer["certificate"].encode())
    return set(authority.addresses(found))


def test_networks_are_read_each_once():
    given = ["172.18.0.0/16", "10.0.0.7/32", "172.18.0.0/255.255.0.0", "fd00:1::/64"]
    assert ranges.parse(given) == ("172.18.0.0/16", "10.0.0.7/32", "fd00:1::/64")


@pytest.mark.parametrize("text", ["", "x", "10.0.0.7", "10.0.0.7/16", "10.0.0.0/33", "h1/24", "/"])
def test_what_is_no_network_is_told(text):
    with pytest.raises(UsageError, match=f"^--range {text}: must be a network"):
        ranges.parse([text])


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("0.0.0.0/0", "0.0.0.0/8"),
        ("127.0.0.1/32", "127.0.0.0/8"),
        ("64.0.0.0/2", "127.0.0.0/8"),
        ("169.254.169.254/32", "169.254.0.0/16"),
        ("224.0.0.0/4", "224.0.0.0/3"),
        ("::/0", "::/8"),
        ("::1/128", "::/8"),
        ("::ffff:127.0.0.1/128", "::/8"),
        ("fe80::/64", "fe80::/10"),
    ],
)
def test_where_no_instance_may_be_none_is_allowed(text, part):
    with pytest.raises(UsageError, match=f": has addresses of {part}, where no instance may be"):
        ranges.parse(["10.1.0.0/16", text])


def test_a_hosts_own_addresses_are_told_from_them():
    mixed = ("10.0.0.2", "172.18.0.0/16", "fd00::2", "10.0.0.7/32")
    assert ranges.split(mixed) == (("10.0.0.2", "fd00::2"), ("172.18.0.0/16", "10.0.0.7/32"))


def test_networks_of_its_instances_are_the_tokens_and_in_no_certificate(master):
    key = authority.new_key()
    for networks in (("172.18.0.0/16",), ("10.9.0.0/24",), ()):
        answer = master.join(asked(token(master, networks), key), "10.0.0.2")
        assert named(answer) == {"10.0.0.2", "127.0.0.1"}
    entry = master.roster().hosts["h2"]
    assert entry.addresses == ("10.0.0.2", "172.18.0.0/16", "10.9.0.0/24")
    public = authority.read_key(key).public_key()
    answer = master.renew(entry.serial, public)
    assert named(answer) == {"10.0.0.2", "127.0.0.1"}
    assert master.roster().hosts["h2"].addresses == entry.addresses


@pytest.mark.parametrize("asked_for", ["172.18.0.0/16", "172.18.0.7"])
def test_no_host_asks_for_a_network_by_itself_or_is_dialled_in_one(master, asked_for):
    made = token(master, ("172.18.0.0/16",))
    with pytest.raises(ArpanetError, match=r"must be an IP address|may not have the address"):
        master.join(asked(made, authority.new_key(), ("10.0.0.2", asked_for)), "10.0.0.2")
    assert [one.id for one in tokens.kept(master.vault)] == [made.id]

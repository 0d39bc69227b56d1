"""A client's hosts file."""

import os
from pathlib import Path

from arpanet_ambassador.names.hosts import File, addresses, read, wanted

from tests.unit.ambassador.records import AMBASSADOR, backends, by_id, container

TEXT = """\
127.0.0.1\tlocalhost
::1\tlocalhost ip6-localhost
172.17.0.2\tredis 3f4a5b arpanet_backends
172.17.0.9 pg
127.0.0.1 redis # a trap
fd00::2 redis
not-an-address redis
10.0.0.1 #redis
224.0.0.1 redis

172.17.0.7 other arpanet_backends
"""


def test_addresses():
    assert addresses(TEXT, {"redis"}) == {"172.17.0.2"}
    assert addresses(TEXT, {"redis", "arpanet_backends"}) == {"172.17.0.2", "172.17.0.7"}
    assert addresses(TEXT, {"mongo"}) == frozenset()


def test_a_process_that_is_not_there_has_none():
    assert read(2**22 + 1) == ""


def test_whose_file_is_read_for_which_names():
    web = container("web", linked=["redis"], env={"BACKEND_6379": "redis"}, pid=11)
    guest = container("guest", mode="container:id-web", env={"backend_80": "a"}, pid=12)
    label = container("label", labels={"connect.80": "a"}, pid=13)
    spaces = {"id-web": "net:[1]", "id-guest": "net:[1]"}
    found = wanted(by_id(web, guest, label, backends()), spaces, AMBASSADOR)
    assert found == {"net:[1]": File(11, "t0", frozenset({"redis", AMBASSADOR}))}


def test_this_process_has_one():
    assert read(os.getpid()) == Path("/etc/hosts").read_text(errors="replace")[: 1 << 16]

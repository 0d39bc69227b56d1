"""A client's hosts file."""

from arpanet_ambassador.names.hosts import addresses, read

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

"""Whose connections are ended when somebody is shut out."""

import errno
import os
from dataclasses import replace

import pytest
from arpanet_etcd.masters import cutoff
from arpanet_etcd.masters.cutoff import Cutting

from arpanet import Admission, sockets
from arpanet.errors import RegistryError

M1 = Admission("m1", "master", ("10.0.0.9",), "x")
H1 = Admission("h1", "slave", ("10.0.0.1", "fd00::1"), "x")
H2 = Admission("h2", "slave", ("10.0.0.2",), "x")
FROM = ("127.0.0.1", "10.0.0.9", "10.0.0.1", "fd00::1", "10.0.0.2", "10.0.0.77", "::1")


def connection(ip, port=4001, at="10.0.0.9"):
    return sockets.Connection((ip, 40000), (at, port), 2, ip.encode())


def ended(admitted, gone):
    return {one.target[0] for one in cutoff.strange(map(connection, FROM), admitted, gone)}


def test_what_comes_from_no_hosts_address_and_from_one_that_is_gone():
    assert ended([M1, H2], [H1]) == {"10.0.0.1", "fd00::1", "10.0.0.77"}
    assert ended([M1, H1, H2], []) == {"10.0.0.77"}


def test_two_hosts_of_one_address_both_begin_anew():
    assert ended([M1, Admission("h3", "slave", ("10.0.0.1",), "x")], [H1]) > {"10.0.0.1"}


def test_it_looks_once_and_when_somebody_is_shut_out_and_until_it_could(monkeypatch):
    found, done = [connection("10.0.0.1"), connection("10.0.0.1", 22)], []
    found.append(connection("10.0.0.1", at="10.9.9.9"))  # somebody else's, who has that port, too
    monkeypatch.setattr(sockets, "connections", lambda: found)
    monkeypatch.setattr(sockets, "destroy", done.append)
    one = Cutting((("10.0.0.9", 4001), ("10.0.0.9", 7001)))
    one.look([M1, H1])
    one.look([M1, H1, H2])  # somebody new is no reason
    assert done == []
    monkeypatch.setattr(sockets, "connections", refuse)
    with pytest.raises(RegistryError, match="the kernel does not end them: Operation not"):
        one.look([M1, H2])
    monkeypatch.setattr(sockets, "connections", lambda: found)
    one.look([M1, H2])
    assert done == found[:1]
    one.look([M1, H2])
    assert done == found[:1]


def test_one_that_was_let_in_anew_begins_anew(monkeypatch):
    done = []
    monkeypatch.setattr(sockets, "connections", lambda: [connection("10.0.0.1")])
    monkeypatch.setattr(sockets, "destroy", done.append)
    one = Cutting((("10.0.0.9", 4001),))
    one.look([M1, H1])
    one.look([M1, replace(H1, password="another")])
    assert done == [connection("10.0.0.1")]


def test_a_network_of_its_instances_cuts_nobody_and_keeps_nobody(monkeypatch):
    done = []
    found = [connection("10.0.0.1"), connection("10.0.0.77"), connection("10.0.0.2")]
    monkeypatch.setattr(sockets, "connections", lambda: found)
    monkeypatch.setattr(sockets, "destroy", done.append)
    one = Cutting((("10.0.0.9", 4001),))
    wide = replace(H1, addresses=(*H1.addresses, "10.0.0.0/24", "10.0.0.77/32"))
    one.look([M1, wide, H2])
    assert done == found[1:2]
    one.look([M1, H1, H2])  # allowed and taken back: it is who it was
    one.look([M1, wide, H2])
    assert done == found[1:2]
    one.look([M1, wide])
    assert done == [found[1], found[1], found[2]]


def refuse():
    raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

"""What Docker's networks keep their containers from."""

import threading

from arpanet_ambassador.networks import Kinds, Networks, kinds

from arpanet.errors import EngineError
from arpanet.testing import wait_for

ICC = "com.docker.network.bridge.enable_icc"
SHUT = {"Name": "shut", "Internal": True, "Options": {}}
ALONE = {"Name": "bridge", "Internal": False, "Options": {ICC: "false"}}
COMMON = {"Name": "common", "Internal": False, "Options": None}


def test_kinds():
    found = kinds([SHUT, ALONE, COMMON, {"Name": "open", "Options": {ICC: "true"}}])
    assert found == Kinds(frozenset({"bridge"}), frozenset({"shut"}))


def test_docker_is_asked_for_what_is_new_and_again_when_told():
    asked, changed = [], []
    described = [COMMON]

    def ask():
        asked.append(1)
        return list(described)

    networks = Networks(ask, lambda: changed.append(1))

    def want(*names, again=False):
        networks.want(frozenset(names), again)
        wait_for(lambda: not [t for t in threading.enumerate() if t.name == "networks"])

    want("common")
    want("common")
    assert (len(asked), changed) == (1, [])
    described.append(SHUT)
    want("common", "shut")
    assert (len(asked), changed, networks.found.internal) == (2, [1], {"shut"})
    want("shut", again=True)
    assert (len(asked), changed) == (3, [1])


def test_while_docker_does_not_answer_the_last_known_stays():
    def ask():
        if networks.found.internal:
            raise EngineError("gone")
        return [SHUT]

    networks = Networks(ask, lambda: None)
    networks.want(frozenset({"shut"}))
    wait_for(lambda: networks.found.internal)
    networks.want(frozenset({"other"}))
    wait_for(lambda: not [t for t in threading.enumerate() if t.name == "networks"])
    assert networks.found.internal == {"shut"}

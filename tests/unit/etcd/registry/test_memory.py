"""What a follower knows, as it is kept."""

import json

from arpanet_etcd.client.position import Position
from arpanet_etcd.registry import memory
from arpanet_etcd.registry.view import Known

from arpanet.records import Instance

REDIS = Instance("h1:r0:1", ("redis",), "h1", "10.0.0.1", 1000, attrs={"k": 'é"'})
STATE = memory.State(
    Position("7", 1, 2),
    Known({"h1": 7}, [("h1", REDIS, 0.0), ("", REDIS, 1.5)], {"h1": "{}"}, {"redis": "{}"}),
)


def test_it_survives_the_round_trip_also_with_nothing_in_it(tmp_path):
    for state in (STATE, memory.State(Position(), Known({}, []))):
        memory.write(tmp_path / "x.json", memory.encode(state))
        text = (tmp_path / "x.json").read_text()
        assert json.loads(text)
        assert memory.decode(text) == state


def test_no_part_of_it_has_more_than_one_instance():
    every = memory.State(STATE.position, Known({}, [("h1", REDIS, 0.0)] * 1000))
    assert max(map(len, memory.encode(every))) < 500

"""What waits for a busy plugin: never more than there is, and in order where order matters."""

from arpanet.pending import LIMIT, Pending
from arpanet.records import Container

REGISTER, DEREGISTER = "arpanet_container_register", "arpanet_container_deregister"
SYNCED, SERVICES = "arpanet_containers_synced", "arpanet_services_changed"


def one(key, state="t0"):
    return {"context": None, "container": Container(key, key, "image", pid=1, started=state)}


def taken(pending):
    found = []
    while waiting := pending.take():
        hook, payload = waiting
        container = payload.get("container")
        found.append((hook, container.id if container else payload))
    return found


def test_in_order():
    pending = Pending()
    pending.put(REGISTER, one("b"))
    pending.put(REGISTER, one("a"))
    pending.put(SYNCED, {"containers": 1})
    assert taken(pending) == [(REGISTER, "b"), (REGISTER, "a"), (SYNCED, {"containers": 1})]
    assert pending.take() is None


def test_the_whole_goes_behind_what_leads_to_it_and_only_the_newest_counts():
    pending = Pending()
    pending.put(SYNCED, {"containers": 1})
    pending.put(REGISTER, one("a"))
    pending.put(SYNCED, {"containers": 2})
    assert taken(pending) == [(REGISTER, "a"), (SYNCED, {"containers": 2})]


def test_changes_in_a_row_are_one_change():
    pending = Pending()
    pending.put(SERVICES, {"before": 0, "after": 1})
    pending.put(SYNCED, {"containers": 1})
    pending.put(SERVICES, {"before": 1, "after": 2})
    assert taken(pending) == [(SERVICES, {"before": 0, "after": 2}), (SYNCED, {"containers": 1})]


def test_a_newer_record_of_a_container_stands_in_for_the_older():
    pending = Pending()
    pending.put(REGISTER, one("a", "t0"))
    pending.put(REGISTER, one("a", "t1"))
    assert pending.take()[1]["container"].started == "t1"
    assert len(pending) == 0


def test_a_container_that_came_and_went_unheard_was_never_there():
    pending = Pending()
    pending.put(REGISTER, one("a"))
    pending.put(DEREGISTER, one("a"))
    assert taken(pending) == []


def test_one_that_was_heard_of_is_taken_back_once():
    pending = Pending()
    pending.put(REGISTER, one("a"))
    assert taken(pending) == [(REGISTER, "a")]
    pending.put(REGISTER, one("a", "t1"))
    pending.put(DEREGISTER, one("a"))
    assert taken(pending) == [(DEREGISTER, "a")]
    pending.put(REGISTER, one("a"))
    pending.put(DEREGISTER, one("a"))
    assert taken(pending) == []


def test_a_restarted_container_is_a_newer_record():
    pending = Pending()
    pending.put(REGISTER, one("a"))
    taken(pending)
    pending.put(DEREGISTER, one("a"))
    pending.put(REGISTER, one("a", "t1"))
    assert taken(pending) == [(REGISTER, "a")]


def test_it_stays_as_small_as_the_world_whatever_happens():
    pending = Pending()
    for number in range(10_000):
        pending.put(REGISTER, one(str(number % 20)))
        pending.put(DEREGISTER, one(str((number + 10) % 20)))
        pending.put(SYNCED, {"containers": number})
        pending.put(SERVICES, {"before": number, "after": number + 1})
    assert len(pending) <= 22
    for _ in range(LIMIT + 5):
        pending.put("arpanet_greeter_greeted", {"name": "r0"})
    assert len(pending) <= LIMIT + 22
    assert pending.dropped > 0

"""What plugins answer for values that only they know."""

from types import SimpleNamespace

import pytest
from arpanet_ambassador.links.specs import Foreign
from arpanet_ambassador.names.foreign import asking, read

SPEC = Foreign("consul", "consul:redis")


def test_the_hook_is_asked_for_the_whole_value():
    asked = []

    def first(hook, **payload):
        asked.append((hook, payload))
        return [("10.0.0.1", 80)]

    context = SimpleNamespace(bus=SimpleNamespace(first=first))
    assert asking(context)([SPEC]) == {SPEC: (("10.0.0.1", 80),)}
    assert asked == [("arpanet_backends", {"context": context, "spec": "consul:redis"})]


@pytest.mark.parametrize("answer", [(), [], "Consul does not answer", (("10.0.0.1", 80),)])
def test_what_is_taken_as_it_is(answer):
    assert read(SPEC, answer) == (answer if isinstance(answer, str) else tuple(answer))


@pytest.mark.parametrize(
    "answer", [7, b"10.0.0.1", ["10.0.0.1:80"], [("10.0.0.1", "80")], [("10.0.0.1",)], {"a": 1}]
)
def test_garbage_is_a_sentence(answer):
    assert "not (ip, port) pairs" in read(SPEC, answer)


def test_nobody_knows_it():
    assert "no plugin of the ambassador's agent knows what consul: is" in read(SPEC, None)

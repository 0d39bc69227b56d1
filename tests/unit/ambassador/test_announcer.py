"""Telling other hosts of this one's links."""

from types import SimpleNamespace

from arpanet_ambassador.announcer import Teller

from arpanet.codec import encode_links
from arpanet.errors import RegistryUnreachable
from arpanet.records import Link
from arpanet.registry import MemoryRegistry
from arpanet.testing import wait_for
from tests.unit.ambassador.records import Told

WEB = Told([Link("web", 6379, "redis", "redis:6379")])


def test_the_newest_is_told():
    registry = MemoryRegistry()
    teller = Teller(lambda: registry, "h1", pause=0.0)
    teller.tell(Told())
    teller.tell(WEB)
    wait_for(lambda: registry.told("links") == {"h1": encode_links(WEB)})
    teller.close()


def test_it_is_tried_again_until_a_master_answers():
    said = []

    def tell(host, about, text):
        said.append(text)
        if len(said) < 3:
            raise RegistryUnreachable("no master answers")

    teller = Teller(lambda: SimpleNamespace(tell=tell), "h1", pause=0.0)
    teller.tell(WEB)
    wait_for(lambda: len(said) == 3)
    teller.close()
    assert said == [encode_links(WEB)] * 3

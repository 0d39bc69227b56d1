"""Every link to the first plane that carries it."""

from dataclasses import replace

from arpanet_ambassador.planes.chain import NOBODY_HOLDS, Chain
from arpanet_ambassador.planes.plane import NOWHERE, Client, Frontend, Held, Home

A, B = Frontend("10.0.0.1", 80), Frontend("localhost", 81)
WEB = Client(Home("id-web", 7), {A: "a", B: "b"})
APP = Client(Home("id-app", 8), {A: "a"})


class Fake:
    """Refuses and fails as told; remembers what it was given."""

    drift, holds = 1, False
    inside = True

    def __init__(self, name, refused=(), troubles=None, due=None):
        self.name, self.refused, self.troubles, self.seconds = name, refused, troubles or {}, due
        self.given, self.closed = None, False

    def refuses(self, frontend, targets):
        return f"{self.name} refuses" if frontend in self.refused else ""

    def apply(self, clients, pools, check=False):
        self.given = {key: set(client.links) for key, client in clients.items()}
        self.clients = clients
        return self.troubles

    def due(self):
        return self.seconds

    def clear(self, homes):
        return dict.fromkeys(homes, self.name) if self.troubles else {}

    def tidy(self, homes):
        self.tidied = dict(homes), self.given
        return {}

    def close(self):
        self.closed = True


def test_the_best_plane_that_can():
    first, second = Fake("first", refused=[B]), Fake("second")
    carried = Chain([first, second]).apply({"w": WEB, "a": APP}, {})
    assert first.given == {"w": {A}, "a": {A}}
    assert second.given == {"w": {B}}
    assert carried.planes == {("w", A): "first", ("a", A): "first", ("w", B): "second"}
    assert carried.reasons == {("w", B): ("first refuses",)}


def test_what_fails_goes_to_the_next_and_is_offered_again():
    first = Fake("first", troubles={("w", A): "no permission"})
    second = Fake("second", refused=[B])
    chain = Chain([first, second])
    carried = chain.apply({"w": WEB}, {})
    assert (first.given, second.given) == ({"w": {A, B}}, {"w": {A}})
    assert carried.planes == {("w", B): "first", ("w", A): "second"}
    assert carried.reasons == {("w", A): ("no permission",)}
    first.troubles = {}
    assert chain.apply({"w": WEB}, {}).planes == {("w", A): "first", ("w", B): "first"}
    assert second.given == {}


def test_failed_and_refused_links_of_one_client_meet_again():
    planes = [Fake("first", [B], {("w", A): "full"}), Fake("second", [A, B])]
    carried = Chain(planes).apply({"w": WEB}, {})
    assert carried.planes == {}
    assert carried.reasons == {
        ("w", A): ("full", "second refuses"),
        ("w", B): ("first refuses", "second refuses"),
    }


def test_a_name_that_a_plane_refuses_is_refused_there_where_localhost_is_linked():
    """Its address is one of loopback's, which this plane would take for localhost's link."""
    named, elsewhere = Frontend("127.77.1.1", 81), Frontend("127.77.1.2", 82)
    client = replace(WEB, links={named: "six", elsewhere: "six", B: "one"})
    first, second = Fake("first", refused=[named, elsewhere]), Fake("second", refused=[named])
    carried = Chain([first, second]).apply({"w": client}, {})
    assert first.clients["w"].links == {named: NOWHERE, B: "one"}
    assert second.clients["w"].links == {elsewhere: "six"}
    assert carried.planes == {("w", B): "first", ("w", elsewhere): "second"}
    assert carried.reasons["w", named] == ("first refuses", "second refuses")
    first.troubles = {("w", named): "full", ("w", B): "full"}
    carried = Chain([first, Fake("last")]).apply({"w": client}, {})
    assert carried.planes == {("w", one): "last" for one in client.links}


def test_who_waits_is_given_to_who_can_hold_whoever_carries_the_link():
    place = Frontend("10.0.0.9", 81)
    waiting = replace(WEB, held={place: Held(30.0)})
    first, last = Fake("first"), Fake("last")
    last.holds = True
    carried = Chain([first, last]).apply({"w": waiting, "a": APP}, {})
    assert (first.given, last.given) == ({"w": {A, B}, "a": {A}}, {"w": set()})
    assert carried.unheld == {}
    last.troubles = {("w", place): "the port is taken"}
    carried = Chain([first, last]).apply({"w": waiting}, {})
    assert carried.unheld == {("w", place): "the port is taken"}
    assert carried.planes == {("w", A): "first", ("w", B): "first"}
    assert Chain([first]).apply({"w": waiting}, {}).unheld == {("w", place): NOBODY_HOLDS}


def test_the_whole():
    planes = [Fake("first", due=3.0), Fake("second", troubles={("x", A): "t"}), Fake("third")]
    chain = Chain(planes)
    assert (chain.drift, chain.due(), chain.clear(["x"])) == (3, 3.0, {"x": "second"})
    chain.close()
    assert all(one.closed for one in planes)
    assert Chain([Fake("one")]).due() is None


def test_what_former_planes_have_left_goes_once_the_others_carry():
    used, former = Fake("used"), Fake("former")
    cleared = []
    former.clear = lambda homes: cleared.append((homes, used.given)) or {}
    chain = Chain([used], [former])
    chain.apply({"w": WEB}, {})
    assert cleared == []
    homes = {"w": WEB.home, "once": APP.home}  # the other has no links any more
    chain.tidy(homes)
    assert cleared == [([WEB.home, APP.home], {"w": {A, B}})]
    assert used.tidied == (homes, {"w": {A, B}})
    assert former.given is None


def test_what_cannot_be_looked_at_is_told_once(caplog):
    one = Fake("one")
    one.tidy = lambda homes: dict.fromkeys(homes, "no permission")
    Chain([one]).tidy({"w": WEB.home, "a": APP.home})
    assert caplog.messages == [
        "the one plane may have left links in containers (2), unseen: no permission"
    ]


def test_what_has_a_network_stack_of_its_own_is_for_planes_outside_of_it():
    home = WEB.home._replace(sandbox="runsc")
    first, second = Fake("first"), Fake("second")
    second.inside = False
    carried = Chain([first, second]).apply({"w": replace(WEB, home=home), "a": APP}, {})
    assert (first.given, second.given) == ({"a": {A}}, {"w": {A, B}})
    assert carried.planes["w", A] == "second"
    assert carried.reasons["w", A] == ("the runtime runsc has a network stack of its own",)


def test_while_nothing_differs_it_is_the_very_object_of_before():
    """Of a change of thousands of links, all that is left to do is in the planes."""
    first, second = Fake("first", refused=[B]), Fake("second")
    chain, clients = Chain([first, second]), {"w": WEB, "a": APP}
    carried = chain.apply(clients, {"a": ("one",)})
    given = first.clients, second.clients
    assert chain.apply(clients, {"a": ("two",)}) is carried
    assert (first.clients, second.clients) == given
    assert first.clients is given[0] and second.clients is given[1]
    first.troubles = {("w", A): "full"}
    assert chain.apply(clients, {}).planes["w", A] == "second"
    first.troubles = {}
    assert chain.apply(clients, {}).planes == carried.planes


def test_a_link_that_is_refused_for_where_it_leads_is_taken_once_that_is_another():
    class Picky(Fake):
        def refuses(self, frontend, targets):
            return "six" if "six" in targets else ""

    chain, clients = Chain([Picky("first"), Fake("second")]), {"w": WEB}
    for leads, carrier in (("six", "second"), ("four", "first"), ("six", "second")):
        carried = chain.apply(clients, {"a": (leads,), "b": ("four",)})
        assert carried.planes == {("w", A): carrier, ("w", B): "first"}
        assert carried.reasons == ({("w", A): ("six",)} if carrier == "second" else {})

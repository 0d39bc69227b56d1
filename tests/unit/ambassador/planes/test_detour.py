"""Single dials that are led elsewhere."""

from arpanet_ambassador.planes import detour, netlink
from arpanet_ambassador.planes.detour import YOUNG, lead, render
from arpanet_ambassador.planes.netlink import Flow
from arpanet_ambassador.planes.plane import Frontend

from arpanet.host.sockets import Asking
from tests.support.stand_in import stand_in

ONE, TWO = ("10.0.0.1", 1), ("10.0.0.2", 2)


def test_each_dial_has_a_way_until_it_was_asked_for_again():
    text = render([(40000, ONE, TWO, 0.9), (40001, ONE, TWO, 3.2)], there=True)
    assert text == (
        "add element ip arpanet_detours ways { "
        "40000 . 10.0.0.1 . 1 timeout 2s : 10.0.0.2 . 2, "
        "40001 . 10.0.0.1 . 1 timeout 5s : 10.0.0.2 . 2 }\n"
    )
    made = render([(40000, ONE, TWO, 0.9)], there=False)
    assert made.startswith("table ip arpanet_detours {\n")
    assert made.endswith(render([(40000, ONE, TWO, 0.9)], there=True))


def test_who_asks_again_just_then_keeps_the_new_way(monkeypatch):
    """What keeps track of a dial is forgotten, so that it may go; but not what goes already."""
    early, late = ("10.0.0.9", 40000), ("10.0.0.9", 40001)
    before = [Flow(early, ONE, ONE, False), Flow(late, ONE, ONE, False)]
    known, forgotten = list(before), []

    def run(_):
        known[0] = Flow(early, ONE, TWO, False)

    def flows(elsewhere=True):
        return [one for one in known if not elsewhere or one.target != one.dialled]

    stand_in(
        monkeypatch,
        detour,
        "netlink",
        flows=flows,
        ends=netlink.ends,
        chains=lambda _: iter(()),
        answered=lambda *_: False,
        delete_flow=lambda *one: forgotten.append(one),
    )
    stand_in(monkeypatch, detour, "nft", run=run)
    asking = [Asking(source, ONE, 1.0, 1.0) for source in (early, late)]
    stand_in(monkeypatch, detour, "sockets", asking=lambda: asking)
    assert lead({ONE: [TWO]}, (), {ONE}) == (2, 0)
    assert forgotten == [(late, ONE)]


def test_who_was_answered_meanwhile_is_not_forgotten(monkeypatch):
    """The instance was slow, and not silent: a connection that nobody keeps track of hangs."""
    dialled = ("172.17.0.2", 6379)
    early, late = (Flow(("10.0.0.9", port), dialled, ONE, False) for port in (40000, 40001))
    forgotten = []
    stand_in(
        monkeypatch,
        detour,
        "netlink",
        flows=lambda: [early, late],
        answered=lambda source, _: source == early.source,
        delete_flow=lambda *one: forgotten.append(one),
    )
    asking = [Asking(one.source, dialled, 1.0, 1.0) for one in (early, late)]
    stand_in(monkeypatch, detour, "sockets", asking=lambda: asking)
    assert lead({ONE: [TWO]}, {Frontend(*dialled)}, ()) == (2, 0)
    assert forgotten == [(late.source, dialled)]


def test_who_has_asked_just_now_is_left_alone(monkeypatch):
    """An answer may be on its way. Who is not there any more has been answered, or gave it up."""
    dialled = ("172.17.0.2", 6379)
    fresh, old, gone = (Flow(("10.0.0.9", port), dialled, ONE, False) for port in (1, 2, 3))
    forgotten = []
    stand_in(
        monkeypatch,
        detour,
        "netlink",
        flows=lambda: [fresh, old, gone],
        answered=lambda *_: False,
        delete_flow=lambda *one: forgotten.append(one),
    )
    ages = ((fresh, YOUNG / 2), (old, 2 * YOUNG))
    asking = [Asking(one.source, dialled, ago, 1.0) for one, ago in ages]
    stand_in(monkeypatch, detour, "sockets", asking=lambda: asking)
    assert lead({ONE: [TWO]}, {Frontend(*dialled)}, ()) == (1, 2)
    assert forgotten == [(old.source, dialled)]

"""The text of the table that leads single dials elsewhere."""

from arpanet_ambassador.planes.detour import render

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

"""Which clients are tried, and the table of what they came to."""

from contrib.bench.shots import FORMS, KINDS, PLANES, SERVED, Cell, Shot, cells, report


def test_what_can_be_is_tried() -> None:
    every = cells(PLANES, tuple(FORMS), KINDS, (1, 10), (0,))
    tried = {(one.plane, one.form, one.kind) for one in every}
    assert len(every) == 2 * len(tried) == 2 * (2 * (4 + 4 + 3) + 2)
    assert {one.form for one in every if one.plane == "proxy"} == {"variable"}
    assert ("socket", "variable", "guest") not in tried
    assert cells(["proxy"], ["udp"], KINDS, (1,), (0,)) == []


def test_report() -> None:
    cell = Cell("proxy", "variable", "run", 10, 2)
    linked = [Shot(SERVED, 0.4), Shot("Connection refused", 0.5), Shot(SERVED, 0.6)]
    text = report([(cell, linked, [Shot(SERVED, 0.3)])])
    row = "| proxy | variable | run | 10 | 2 | 2 of 3 | 300 | 500 | 200 | Connection refused (1) |"
    assert text.splitlines()[-1] == row

"""Output within bounds."""

from arpanet.agent.output import BURST, ENOUGH, RATE, Bounded

LINE = b"x" * 99 + b"\n"


def test_what_is_ordinary_goes_through():
    bounded = Bounded(0.0)
    assert bounded.pass_on(LINE, 0.0) == LINE
    assert all(bounded.pass_on(LINE * 40, float(now)) for now in range(10_000))
    assert bounded.left_out == 0


def test_a_flood_is_cut_and_what_comes_later_is_heard():
    bounded = Bounded(0.0)
    chunk = LINE * 600
    printed = sum(len(bounded.pass_on(chunk, 0.0)) for _ in range(2000))  # 120 MB
    assert BURST - len(chunk) <= printed <= BURST
    assert bounded.left_out == 2000 * len(chunk) - printed
    assert bounded.pass_on(LINE, ENOUGH / RATE - 60) == b""
    heard = bounded.pass_on(b"rest of a line\n+ redis\n", 2 * ENOUGH / RATE)
    said, news = heard.strip().split(b"\n")
    assert said.endswith(b"bytes of output were left out here")
    assert news == b"+ redis"
    assert bounded.left_out == 0


def test_a_flood_without_end_is_bounded_by_the_rate():
    bounded = Bounded(0.0)
    printed = sum(len(bounded.pass_on(LINE * 600, now / 100)) for now in range(360_000))  # an hour
    assert printed <= BURST + 3600 * RATE + LINE.count(b"x") * 100

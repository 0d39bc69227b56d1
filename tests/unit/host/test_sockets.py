"""How long a SYN has been unanswered, by how often it was sent again."""

import pytest

from arpanet.host.sockets import waited


@pytest.mark.parametrize(
    ("linear", "after"), [(0, [1.0, 3.0, 7.0, 15.0]), (4, [1.0, 2.0, 3.0, 4.0, 5.0, 7.0, 11.0])]
)
def test_a_syn_is_sent_again_later_and_later(linear, after):
    assert [waited(times, linear) for times in range(len(after))] == after

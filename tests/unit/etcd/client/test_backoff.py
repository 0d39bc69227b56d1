"""Waits that grow."""

from arpanet_etcd.client.backoff import Backoff


def test_waits_grow_up_to_the_cap_and_begin_anew():
    backoff = Backoff(1, 4)
    waits = [backoff.next() for _ in range(5)]
    assert all(cap / 2 <= wait <= cap for wait, cap in zip(waits, (1, 2, 4, 4, 4), strict=True))
    backoff.reset()
    assert backoff.next() <= 1

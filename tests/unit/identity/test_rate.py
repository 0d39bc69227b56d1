"""How often strangers may be wrong."""

from arpanet_identity.rate import Rate


def test_who_is_wrong_too_often_waits_and_others_do_not():
    now = [0.0]
    rate = Rate(each=3, all_=5, seconds=60, clock=lambda: now[0])
    for _ in range(3):
        assert rate.admits("a")
        rate.failed("a")
    assert not rate.admits("a")
    assert rate.admits("b")
    now[0] = 61
    assert rate.admits("a")


def test_a_crowd_is_bounded_too():
    rate = Rate(each=3, all_=5, seconds=60, clock=lambda: 0.0)
    for number in range(5):
        rate.failed(str(number))
    assert not rate.admits("new")

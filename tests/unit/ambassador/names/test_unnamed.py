"""What is known of names that clients do not have."""

from arpanet_ambassador.names.unnamed import Unnamed


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def test_what_is_new_is_told_once():
    told = []
    unnamed = Unnamed(lambda: told.append(1))
    unnamed.learn("web", {})
    assert told == []
    for _ in range(2):
        unnamed.learn("web", {"cache": "why"})
    assert (told, unnamed.found) == ([1], {"web": {"cache": "why"}})
    unnamed.learn("web", {})
    assert (told, unnamed.found) == ([1, 1], {})


def test_one_that_ended_is_forgotten_but_none_that_is_about_to_start():
    clock = Clock()
    unnamed = Unnamed(lambda: None, clock)
    unnamed.learn("web", {"cache": "why"})
    unnamed.forget(["other"])
    assert "web" in unnamed.found
    clock.now = 61.0
    unnamed.forget(["other", "web"])
    assert "web" in unnamed.found
    unnamed.forget(["other"])
    assert unnamed.found == {}

"""What the demo shows, and when it fails."""

from contextlib import nullcontext
from types import SimpleNamespace

import pytest
from arpanet_lab.demo import Demo, carried

from arpanet.errors import ArpanetError

LINK = {
    "client": "client",
    "dials": "localhost:6379",
    "plane": "socket",
    "error": "",
    "note": "",
}


def test_links_of_the_socket_plane():
    assert "the kernel itself" in carried([LINK])


def test_links_of_another_plane_say_which_and_why():
    assert carried([LINK, {**LINK, "plane": "nftables", "note": "the kernel is 5.10"}]) == (
        "client (localhost:6379) by the nftables plane, since the kernel is 5.10"
    )


@pytest.mark.parametrize(
    ("links", "says"),
    [
        ([], "the client has no link"),
        ([{**LINK, "plane": "proxy"}], "is on the proxy plane, and nobody says why"),
        ([{**LINK, "plane": ""}], "leads nowhere: nothing carries it"),
        ([LINK, {**LINK, "error": "service redis has no instance"}], "service redis has no inst"),
    ],
)
def test_links_that_are_not_as_promised(links, says):
    with pytest.raises(ArpanetError, match=says):
        carried(links)


class Host:
    """One that answers each client of one question with the next of *answers*."""

    def __init__(self, name, answers=()):
        self.name, self._answers = name, iter(answers)

    def run(self, command, **_):
        asks = "docker run --rm" in command[-1]
        return SimpleNamespace(stdout=f"{next(self._answers)}\n" if asks else "")


def asked(answers):
    said = []
    demo = Demo(said.append, lambda _: nullcontext())
    demo._hosts = [Host("host1"), Host("host2"), Host("host3", answers)]
    demo._once()
    return said


def test_each_client_of_one_question_is_answered():
    assert asked(["OK", *["host1"] * 5])[-1].strip() == "6 of 6, each in its first instruction"


@pytest.mark.parametrize(
    "answers", [[""], ["OK", "jobs"], ["OK", *["host1"] * 4, "Could not connect"]]
)
def test_one_that_is_not_answered_as_promised_fails_the_demo(answers):
    with pytest.raises(ArpanetError, match=r"the demo failed: (queue|cache):6379 leads to"):
        asked(answers)

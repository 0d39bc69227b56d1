"""How a master that is started with a token finds its cluster."""

import pytest

from arpanet import hookimpl
from arpanet.host import roles
from arpanet.records import Formation

TOKEN = Formation(token="etcd://10.0.0.1:4001/x")


class Meets:
    """Knows what a token comes down to."""

    def __init__(self, answer: Formation | None) -> None:
        self.asked, self.answer = [], answer

    @hookimpl
    def arpanet_master_meet(self, formation):
        self.asked.append(formation)
        return self.answer


@pytest.fixture
def home(monkeypatch, tmp_path):
    """A place to note what was started."""
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.mark.parametrize(
    ("asked", "answer", "started"),
    [
        (TOKEN, Formation(True, (), TOKEN.token), Formation(True, (), TOKEN.token)),
        (TOKEN, None, TOKEN),
        (Formation(boot=True), Formation(peers=("x",)), Formation(boot=True)),
        (None, Formation(boot=True), Formation()),
    ],
)
def test_what_a_token_comes_down_to_is_asked_before_a_start(
    arpanet_context, home, asked, answer, started
):
    meets = Meets(answer)
    context = arpanet_context(meets)
    roles.start(context, "master", asked)
    assert meets.asked == ([TOKEN] if asked == TOKEN else [])
    assert context.emitted == [("master.start", {"formation": started})]

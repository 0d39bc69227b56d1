"""Which image a node gets."""

from types import SimpleNamespace

import pytest

from arpanet.errors import ArpanetError, EngineError
from arpanet.images import node
from arpanet.progress import Progress
from arpanet.settings import ARPANET_IMAGE


class FakeEngine:
    architecture = node.os.uname().machine

    def __init__(self):
        self.tags, self.used, self.sent = {}, set(), {}

    def has_image(self, tag):
        return tag in self.tags

    def pull(self, tag, say):
        say("1 of 2 MB")
        self.tags[tag] = "sha256:pulled"

    def import_image(self, tar, tag, changes):
        self.sent[tag] = (sum(map(len, tar)), list(changes))
        self.tags[tag] = f"sha256:{tag}"

    def images(self, repository):
        return {tag: image for tag, image in self.tags.items() if tag.startswith(repository)}

    def used_images(self):
        return self.used

    def remove_image(self, tag):
        if tag.endswith("busy"):
            raise EngineError("in use")
        del self.tags[tag]


@pytest.fixture
def context():
    said = []
    return SimpleNamespace(
        engine=FakeEngine(),
        settings={ARPANET_IMAGE: ""},
        say=said.append,
        said=said,
        progress=Progress(said.append),
        packed="",
    )


def test_a_named_image_is_pulled_once(context):
    context.settings[ARPANET_IMAGE] = "me/node:1"
    assert node.node_image(context) == node.node_image(context) == "me/node:1"
    assert context.engine.tags == {"me/node:1": "sha256:pulled"}


def test_the_installation_is_packed_once(context):
    tag = node.node_image(context)
    assert tag.startswith(f"arpanet/node:{node.__version__}-")
    assert context.said[-1].startswith("packed ")
    context.said.clear()
    assert node.node_image(context) == tag
    context.packed = ""  # another process, which has to look
    assert node.node_image(context) == tag
    assert context.said == []
    _, changes = context.engine.sent[tag]
    assert changes[-1].startswith("ENTRYPOINT [") and changes[-1].endswith('"-m", "arpanet"]')


def test_what_is_packed_is_looked_up_once_in_a_process(context, monkeypatch):
    looks = []
    digest = node.Tree.digest
    monkeypatch.setattr(node.Tree, "digest", lambda *args: looks.append(1) or digest(*args))
    tag = node.node_image(context)
    assert [node.node_image(context) for _ in range(3)] == [tag] * 3
    assert len(looks) == 1
    context.engine.remove_image(tag)  # meanwhile, by somebody else
    assert node.node_image(context) == tag
    assert context.engine.has_image(tag)


def test_old_images_that_nothing_uses_are_removed_but_for_the_newest(context):
    names = ("now", "before", "busy", "older", "used", "oldest")  # as they are listed: newest first
    context.engine.tags = {f"arpanet/node:{name}": name for name in names}
    context.engine.tags["other:1"] = "other"
    context.engine.used = {"now", "used"}
    node.remove_old(context.engine)
    kept = {"arpanet/node:now", "arpanet/node:before", "arpanet/node:busy", "arpanet/node:used"}
    assert set(context.engine.tags) == {*kept, "other:1"}


def test_a_missing_program_is_named_with_its_package(context, monkeypatch):
    monkeypatch.setattr(node, "SEARCH_PATH", "")
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ArpanetError, match=r"no 'nft' on this host.*; apt-get install nftables"):
        node.node_image(context)
    with pytest.raises(
        ArpanetError, match=r"no 'etcd' on this host.*; apt-get install etcd-server"
    ):
        node.pack_binaries(context.engine, "etcd:1", ["etcd"])


def test_another_architecture_is_refused(context):
    context.engine.architecture = "vax"
    with pytest.raises(ArpanetError, match=r"do not run on a Docker of vax; set ARPANET_IMAGE"):
        node.node_image(context)
    assert not context.engine.sent

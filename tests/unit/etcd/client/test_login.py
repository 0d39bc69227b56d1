"""When a request that etcd refused may be sent once more."""

import pytest
from arpanet_etcd.client.login import Login, shared
from arpanet_etcd.client.wire import EtcdError

from arpanet import identity
from arpanet.identity import Identity

NAMELESS = EtcdError("etcd says: user name is empty", 3)
UNKNOWN = EtcdError("etcd says: invalid auth token", 16)
FORBIDDEN = EtcdError("etcd says: permission denied", 7)
OUTDATED = EtcdError("etcd says: revision of auth store is old", 3)
OPEN = EtcdError("etcd says: authentication is not enabled", 9)


@pytest.fixture
def password(tmp_path):
    """This host's, in a file that a test may change or remove."""
    path = tmp_path / "host" / "password"
    path.parent.mkdir()
    path.write_text("secret\n")
    path.chmod(0o600)
    before = identity.current()
    identity.use(Identity(tmp_path, "h1"))
    yield path
    identity.use(before)


@pytest.fixture
def etcd():
    """What etcd was asked, and what it answers next."""

    class Etcd:
        def __init__(self):
            self.asked, self.answers = [], []

        def __call__(self, body):
            self.asked.append(body)
            answer = self.answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return {"token": answer}

    return Etcd()


@pytest.mark.parametrize("problem", [NAMELESS, UNKNOWN, FORBIDDEN])
def test_a_token_is_got_when_one_was_missing(password, etcd, problem):
    login = Login()
    etcd.answers = ["t1"]
    assert login.headers == {}
    assert login.helps(problem, "", etcd)
    assert etcd.asked == [{"name": "h1", "password": "secret"}]
    assert login.headers == {"Authorization": "t1"}


def test_a_token_that_a_member_forgot_is_replaced(password, etcd):
    login = Login()
    etcd.answers = ["t1", "t2"]
    login.helps(NAMELESS, "", etcd)
    assert login.helps(UNKNOWN, "t1", etcd)
    assert login.token == "t2"


def test_who_was_refused_at_the_same_moment_asks_for_no_second_token(password, etcd):
    login = Login()
    etcd.answers = ["t1"]
    assert login.helps(NAMELESS, "", etcd)
    assert login.helps(NAMELESS, "", etcd)
    assert len(etcd.asked) == 1


def test_there_is_one_for_all_that_speak_for_this_host(password):
    mine, before = shared(), identity.current()
    assert shared() is mine
    identity.use(Identity(password.parent, "h2"))
    assert shared() is not mine
    identity.use(None)  # nobody has a token to share
    assert shared() is not shared()
    identity.use(before)
    assert shared() is mine


def test_what_is_forbidden_to_this_host_stays_so(password, etcd):
    login = Login()
    etcd.answers = ["t1"]
    login.helps(NAMELESS, "", etcd)
    assert not login.helps(FORBIDDEN, "t1", etcd)


def test_a_request_that_met_a_change_of_users_is_sent_again(password, etcd):
    assert Login().helps(OUTDATED, "t1", etcd)
    assert etcd.asked == []


def test_an_etcd_that_has_gone_back_to_no_passwords_is_asked_without_one(password, etcd):
    login = Login()
    login.token, etcd.answers = "t1", [OPEN]
    assert login.helps(UNKNOWN, "t1", etcd)
    assert login.headers == {}


def test_a_wrong_password_is_told(password, etcd):
    etcd.answers = [EtcdError("etcd says: authentication failed, invalid user ID or password", 3)]
    with pytest.raises(EtcdError, match="authentication failed"):
        Login().helps(NAMELESS, "", etcd)


def test_a_host_without_a_password_has_none_to_say(password, etcd):
    password.unlink()
    assert not Login().helps(NAMELESS, "", etcd)
    assert etcd.asked == []

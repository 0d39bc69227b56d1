"""One Docker engine, spoken to through the Docker SDK: single steps, no decision.

Whatever goes wrong is an :class:`~arpanet.errors.EngineError` of one line, ``Conflict`` where
somebody else was faster. Methods may be called from any thread. ``container`` arguments are names
or ids.
"""

import contextlib
import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import IO, Any, Self, TypeVar, cast
from urllib.parse import quote

import docker
import docker.errors
import docker.utils
import requests

from arpanet.docker import archives, problems, streams
from arpanet.docker.api import Api
from arpanet.docker.events import Touched
from arpanet.docker.glance import Glance, glance
from arpanet.docker.problems import DEFAULT_URL, Conflict, Gone, Missing, translated
from arpanet.docker.specs import ContainerSpec, once_body, once_of
from arpanet.errors import EngineError

__all__ = ["Client"]

#: Seconds to wait for Docker: to say hello, for a description, for an answer, and for the next sign
#: of life of a pull.
HELLO, PROMPT, ANSWER, LONG = 5, 10, 60, 300

Json = Mapping[str, Any]
T = TypeVar("T")


class Client:
    """A Docker engine that was reached; see :meth:`connect`."""

    def __init__(self, url: str, options: Mapping[str, Any]) -> None:
        self._url, self._options = url, dict(options)
        self._api = self._client(ANSWER)

    @classmethod
    def connect(cls, base_url: str | None = None) -> Self:
        """Return the engine at *base_url*, else where ``DOCKER_HOST`` points, else the local one.

        :raises EngineUnreachable: it does not run, or may not be talked to.
        """
        with translated("find the engine", base_url or "DOCKER_HOST"):
            options = docker.utils.kwargs_from_env()
        url = base_url or options.pop("base_url", None) or DEFAULT_URL
        options.pop("base_url", None)
        return cls(url.replace("http+unix://", "unix://"), options)

    def close(self) -> None:
        """Let go of the connections."""
        self._api.close()

    # -- about the engine ------------------------------------------------------------------------

    @cached_property
    def id(self) -> str:
        """The engine's own id: stays the same over restarts."""
        return str(self._info["ID"])

    @cached_property
    def architecture(self) -> str:
        """As ``uname -m`` says it, of the engine's host."""
        return str(self._info["Architecture"])

    @cached_property
    def version(self) -> str:
        """The version of dockerd."""
        with self._doing("tell its version"):
            return str(self._api.version()["Version"])

    @cached_property
    def _info(self) -> Json:
        with self._doing("describe itself"):
            return dict(self._api.info())

    # -- single steps ----------------------------------------------------------------------------

    def subscribe(self) -> Touched:
        """Return the stream of (container id, action): iterate it in one thread, close in any."""
        with self._doing("report events"):
            client = self._client(ANSWER)
            if client.api_version != self._api.api_version:  # Docker was up- or downgraded
                self._api = self._client(ANSWER)
            return Touched(client, self._url)

    def listed(self, label: str | None = None) -> dict[str, Glance]:
        """Return, by id, what runs, or all that carries *label*, running or not."""
        filters = {"label": label} if label else None
        with self._doing("list containers"):
            found = self._api.containers(all=label is not None, filters=filters)
        return {one["Id"]: glance(one) for one in found}

    def linked(self, container: str) -> list[str]:
        """Return the names of all that Docker ties to this one (``--link``), running or not."""
        with self._doing(f"list what is linked to {_short(container)}"):
            listed = self._api.containers(all=True, filters={"id": container})
        # a container is listed under the names that others have for it, too: /client/redis
        return sorted({n.split("/")[1] for one in listed for n in one["Names"] if n.count("/") > 1})

    def networks(self) -> list[dict[str, Any]]:
        """Return Docker's own description of each network."""
        with self._doing("list networks"):
            return [dict(one) for one in self._api.networks()]

    def inspect(self, container: str) -> dict[str, Any] | None:
        """Return Docker's own description of a container, ``None`` when there is none."""
        what = f"inspect container {_short(container)}"
        try:
            with self._doing(what):
                # not with the SDK's own limit: some containers make Docker hang, others wait
                place = self._place(f"containers/{quote(container, safe='')}/json")
                answer = self._api.get(place, timeout=PROMPT)
                if not answer.ok:
                    raise problems.answered(what, answer)
                return dict(answer.json())
        except Gone:
            return None

    def create(self, name: str | None, body: Json) -> str:
        """Create a container, return its id; *body* is as Docker's API has it."""
        api: Any = self._api
        with self._doing(f"create container {name or ''}".rstrip()):
            return str(api.create_container_from_config(dict(body), name)["Id"])

    def start(self, container: str) -> None:
        """Start a container."""
        with self._doing(f"start container {_short(container)}"):
            self._api.start(container)

    def restart_policy(self, container: str, policy: str) -> None:
        """Set what Docker does when a container ends, or Docker itself starts."""
        with self._doing(f"update container {_short(container)}"):
            self._api.update_container(container, restart_policy=cast(Any, {"Name": policy}))

    def stop(self, container: str) -> None:
        """Stop a container within its own stop time."""
        found = self.inspect(container)
        if found and found["State"]["Running"]:
            seconds = found["Config"].get("StopTimeout", 10)
            with contextlib.suppress(Gone), self._doing(f"stop container {_short(container)}"):
                self._api.stop(container, timeout=seconds)

    def restart(self, container: str) -> None:
        """Stop a container within its own stop time, and start it: Docker does both, or neither."""
        found = self.inspect(container)
        seconds = found["Config"].get("StopTimeout", 10) if found else 10
        with self._doing(f"start container {_short(container)} again"):
            self._api.restart(container, timeout=seconds)

    def remove(self, container: str) -> None:
        """Remove a container, running or not, and its unnamed volumes."""
        end = time.monotonic() + ANSWER
        while True:
            try:
                with self._doing(f"remove container {_short(container)}"):
                    return self._api.remove_container(container, v=True, force=True)
            except Gone:
                return None
            except Conflict:  # somebody else's removal is under way
                if time.monotonic() > end:
                    raise
                time.sleep(0.1)

    def rename(self, container: str, name: str) -> None:
        """Rename a container; it may bear that name already."""
        try:
            with self._doing(f"rename container {_short(container)} to {name}"):
                self._api.rename(container, name)
        except EngineError:
            found = self.inspect(container)
            if not found or found["Name"] != f"/{name}":
                raise

    def logs(self, name: str, tail: int = 20) -> str:
        """Return the last lines of a container's output."""
        with self._doing(f"read the log of container {name}"):
            output: bytes = self._api.logs(name, stdout=True, stderr=True, tail=tail)
            return output.decode(errors="replace")

    def read_archive(self, container: str, path: str, read: Callable[[IO[bytes]], T]) -> T | None:
        """Return what *read* makes of a file or directory of a container, running or not.

        :param read: gets a tar archive as it comes, and need not read to its end.
        :returns: ``None`` when there is no such path.
        """
        try:
            with self._doing(f"read {path} in container {_short(container)}"):
                stream, _ = self._api.get_archive(container, path)
                with contextlib.closing(stream):
                    return read(cast(IO[bytes], archives.Chunks(stream)))
        except Missing:
            return None

    def read_file(self, name: str, path: str) -> bytes | None:
        """Return a file's content out of a container, running or not; ``None``: no such file."""
        return self.read_archive(name, path, archives.first_file)

    # -- programs in containers ------------------------------------------------------------------

    def exec(
        self,
        name: str,
        argv: Sequence[str],
        env: Mapping[str, str] | None = None,
        stdin: bytes | None = None,
        timeout: int = ANSWER,
    ) -> tuple[int, bytes, bytes]:
        """Run a program in a running container; return (exit code, stdout, stderr).

        :param timeout: seconds that it may take.
        """
        what = f"run {argv[0]} in container {name}"
        if stdin is not None and self._api.base_url.startswith(("https:", "http+docker://ssh")):
            # its direction can't be closed alone
            raise EngineError(f"{what}: no input can be sent over {self._url}", "use its socket")
        with self._doing(what):
            made = self._api.exec_create(
                name, list(argv), stdin=stdin is not None, environment=dict(env or {})
            )
            # The SDK's exec_start hands over the socket below Python's buffer, in which the first
            # output may be already; its session is a requests one, whose answer is read in order
            place = self._place(f"exec/{made['Id']}/start")
            body = {"Tty": False, "Detach": False}
            with self._api.post(place, json=body, stream=True, timeout=timeout) as answer:
                if not answer.ok:
                    raise problems.answered(what, answer)
                out, err = streams.converse(answer.raw, stdin, timeout)
            code = self._api.exec_inspect(made["Id"])["ExitCode"]
        if code is None:
            raise EngineError(f"{argv[0]} in container {name} did not end within {timeout} s")
        return int(code), out, err

    def run_once(
        self,
        image: str,
        argv: Sequence[str],
        network: str = "host",
        volumes: Mapping[str, str] | None = None,
        timeout: int = ANSWER,
        env: Mapping[str, str] | None = None,
    ) -> tuple[int, bytes, bytes]:
        """Run exactly *argv* in a new container, remove it; return (exit code, stdout, stderr).

        :param timeout: seconds that it may take.
        """
        body = once_body(image, tuple(argv), network, volumes or {}, env or {})
        return self._to_end(f"run {argv[0]} in image {image}", body, timeout)

    def run_to_end(self, spec: ContainerSpec, timeout: int = ANSWER) -> tuple[int, bytes, bytes]:
        """Do the same with a container that is made like *spec* but for its name."""
        return self._to_end(f"run {spec.command[0]}", once_of(spec), timeout)

    def _to_end(self, what: str, body: Json, timeout: int) -> tuple[int, bytes, bytes]:
        with self._doing(what):
            container = self.create(None, body)
        try:
            with self._doing(what):
                self._api.start(container)
                try:
                    code = self._api.wait(container, timeout=timeout)["StatusCode"]
                except requests.RequestException as problem:
                    if not problems.timed_out(problem):
                        raise
                    raise EngineError(f"{what}: it did not end within {timeout} s") from None
                out = self._api.logs(container, stdout=True, stderr=False)
                return int(code), out, self._api.logs(container, stdout=False, stderr=True)
        finally:
            self.remove(container)

    # -- images and volumes ----------------------------------------------------------------------

    def image_id(self, tag: str) -> str | None:
        """Return the id of the image that *tag* names here, ``None`` when there is none."""
        api: Any = self._api
        try:
            with self._doing(f"inspect image {tag}"):
                return str(api.inspect_image(tag)["Id"])
        except Missing:
            return None

    def has_image(self, tag: str) -> bool:
        """Return whether the image is on this host."""
        return self.image_id(tag) is not None

    def used_images(self) -> set[str]:
        """Return the ids of the images that a container, running or not, was made from."""
        with self._doing("list containers"):
            return {one["ImageID"] for one in self._api.containers(all=True)}

    def images(self, repository: str) -> dict[str, str]:
        """Return tag -> image id of all tags of *repository* on this host, the newest first."""
        with self._doing("list images"):
            listed = self._api.images(name=repository)
        listed.sort(key=lambda one: -int(one["Created"]))
        return {tag: one["Id"] for one in listed for tag in one["RepoTags"] or ()}

    def pull(self, tag: str, tell: Callable[[str], None]) -> None:
        """Pull an image.

        :param tell: told how far it is, as ``3 of 12 MB``; see :attr:`Context.progress`.
        """
        layers: dict[str, tuple[int, int]] = {}
        with self._doing(f"pull {tag}"), self._long() as client:
            for one in client.pull(tag, stream=True, decode=True):
                problems.check_progress(f"pull {tag}", one)
                detail = one.get("progressDetail") or {}
                if one.get("status") == "Downloading" and detail.get("total"):
                    layers[one["id"]] = (detail["current"], detail["total"])
                    done, total = (
                        sum(column) / 1e6 for column in zip(*layers.values(), strict=True)
                    )
                    tell(f"{done:.0f} of {total:.0f} MB")

    def import_image(self, tar: Iterable[bytes], tag: str, changes: Sequence[str] = ()) -> None:
        """Make an image of one layer from an uncompressed tar archive, sent as it is read.

        Nothing is tagged unless the whole archive arrived.

        :param changes: Dockerfile instructions, as ``CMD ["etcd"]``.
        """
        repository, name = docker.utils.parse_repository_tag(tag)
        what = f"import image {tag}"
        with self._doing(what), self._long() as client:
            answer = client.import_image(
                src=iter(tar),
                stream_src=True,
                repository=repository,
                tag=name,
                changes=list(changes),
            )
            for line in answer.splitlines():
                problems.check_progress(what, json.loads(line))

    def remove_image(self, tag: str) -> None:
        """Remove a tag, and its image when that was its last."""
        with contextlib.suppress(Missing), self._doing(f"remove image {tag}"):
            self._api.remove_image(tag)

    def ensure_volume(self, name: str, labels: Mapping[str, str] | None = None) -> None:
        """Create a named volume where there is none; an existing one is left as it is."""
        with self._doing(f"create volume {name}"):
            self._api.create_volume(name, labels=dict(labels or {}))

    def volume_labels(self, name: str) -> dict[str, str] | None:
        """Return a named volume's labels, ``None`` when there is no such volume."""
        api: Any = self._api
        try:
            with self._doing(f"inspect volume {name}"):
                return dict(api.inspect_volume(name).get("Labels") or {})
        except Missing:
            return None

    def remove_volume(self, name: str) -> None:
        """Remove a named volume and its data."""
        with contextlib.suppress(Missing), self._doing(f"remove volume {name}"):
            self._api.remove_volume(name)

    # -- talking to the SDK ----------------------------------------------------------------------

    def _client(self, timeout: int) -> docker.APIClient:
        with self._doing("say hello"):
            try:
                client = Api(self._url, version="auto", timeout=HELLO, **self._options)
            except ValueError as problem:  # how the SDK refuses some values of DOCKER_HOST
                raise docker.errors.DockerException(str(problem)) from problem
        client.timeout = timeout
        # No proxy leads to a socket of this machine; requests would look for one, and for a
        # password in ~/.netrc, before each question
        client.trust_env = not self._url.startswith("unix://")
        return client

    @contextlib.contextmanager
    def _long(self) -> Iterator[docker.APIClient]:
        client = self._client(LONG)
        try:
            yield client
        finally:
            client.close()

    def _place(self, path: str) -> str:
        """Where the SDK's session, which is one of requests, asks for *path* itself."""
        return f"{self._api.base_url}/v{self._api.api_version}/{path}"

    def _doing(self, what: str) -> contextlib.AbstractContextManager[None]:
        return translated(what, self._url)


def _short(container: str) -> str:
    return container[:12] if len(container) == 64 else container

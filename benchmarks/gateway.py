"""The gateway as it is served: `python -m hutong serve`, its people and tokens asked of its own control."""

import json
import urllib.parse
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Literal

from benchmarks.generator import Client, Target
from benchmarks.pinned import first_line, python, running
from benchmarks.workload import Person, Workload, people_of
from benchmarks.worlds import world_file

REQUEST_SECONDS_MAX = 30
DEVICE = "load"
TOKENS_MAX = 10_000  # that the gateway makes at once
Durability = Literal["disk", "memory"]


class Control:
    """The gateway's own API, over plain HTTP."""

    def __init__(self, url: str) -> None:
        parts = urllib.parse.urlsplit(url)
        self._address, self._root = parts.netloc, parts.path

    def tokens(self, people: list[str], device: str = DEVICE) -> list[str]:
        """Ask a link token for each person, in their order."""
        tokens: list[str] = []
        for begin in range(0, len(people), TOKENS_MAX):
            asked = {"people": people[begin : begin + TOKENS_MAX], "device": device, "seconds": 86400}
            tokens += self._ask("/tokens", json.dumps(asked).encode())["tokens"]
        return tokens

    def conversation(self, person: str, kind: str) -> str:
        """Give the id of the person's only conversation of a kind."""
        path = f"/people/{urllib.parse.quote(person)}/conversations"
        found = [each for each in self._ask(path)["conversations"] if each["kind"] == kind]
        if len(found) != 1:
            raise RuntimeError(f"{person} is in {len(found)} conversations of kind {kind}")
        conversation: str = found[0]["conversation"]
        return conversation

    def _ask(self, path: str, body: bytes | None = None) -> Any:
        connection = HTTPConnection(self._address, timeout=REQUEST_SECONDS_MAX)
        with closing(connection):
            method = "GET" if body is None else "POST"
            connection.request(method, self._root + path, body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            told = answer.read()
        if answer.status != HTTPStatus.OK:
            raise RuntimeError(f"{method} {path}: {answer.status} {told.decode(errors='replace')}")
        return json.loads(told)


@contextmanager
def gateway(
    workload: Workload, folder: Path, durability: Durability = "disk", more: str = "", program: str = "hutong"
) -> Iterator[Target]:
    """Run a gateway on an empty journal for one load; `more` is what else there is in its world."""
    world, errors = folder / "world.toml", folder / "gateway.err"
    world.write_text(f"{world_file(workload)}\n{more}")
    command = python(
        "-m", program, "serve", "--json", "--port", "0", "--mqtt", "off", "--profile", "bench",
        "--data", str(folder / "data"), "--world", str(world), "--durability", durability,
    )  # fmt: skip
    with running(command, errors) as server:
        ready = json.loads(first_line(server, errors))
        address = urllib.parse.urlsplit(ready["base_url"])
        clients = gateway_clients(workload, Control(ready["control_url"]))
        yield Target("hutong", server.pid, address.hostname or "", address.port or 0, clients)


def gateway_clients(workload: Workload, control: Control, device: str = DEVICE) -> list[Client]:
    """Give everybody a token and the conversation of their group; each load is a device of its own."""
    people = people_of(workload)
    kind = "single" if workload.single else "group"
    conversations = {p.group: control.conversation(p.key, kind) for p in _one_a_group(people)}
    tokens = control.tokens([p.key for p in people], device)
    return [Client(token, conversations[p.group], p.group, p.sends, reads=True)
            for p, token in zip(people, tokens, strict=True)]  # fmt: skip


def _one_a_group(people: list[Person]) -> list[Person]:
    return list({person.group: person for person in people}.values())

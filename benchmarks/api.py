"""The vendor's API beside a bare handler: what tokens, meters, rules and the journal cost a request over HTTP.

Rules of the file:
- wrk asks both, one after the other within each repeat, in an order that alternates; each run has a fresh server.
- The gateway runs as it is served: every rule on, fsync before the answer to a write.
- The bare handler is aiohttp's as anybody would write it: it reads what came and answers JSON of the same size.
"""

import asyncio
import json
import os
import re
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from shutil import which
from statistics import median
from typing import Any, Final

import uvloop
from aiohttp import web

from benchmarks.pinned import GENERATOR_CORE, first_line, on_core, python, running
from benchmarks.rows import Patience, empty_folder, say

CONNECTIONS: Final = 64
WARM_S: Final = 1
CUSTOMERS: Final = 200
CORPID: Final = "wwbench"
SECRET: Final = "secret"  # noqa: S105 - of an enterprise made here

READ: Final = "reads (externalcontact/get)"
WRITE: Final = "writes (externalcontact/remark)"

HEAD: Final = "wm" + "A" * 18  # of the customers' ids: as derived ones look

_WORLD: Final = """\
version = 1
profile = "bench"
seed = "benchmarks"
""" + "\n".join(f'[[consumer]]\nid = "c{i}"\nnickname = "c{i}"' for i in range(CUSTOMERS)) + f"""
[[corp]]
corpid = "{CORPID}"
name = "Bench"
certification = "certified"
[[corp.app]]
agent_id = "1000002"
name = "CRM"
secret = "{SECRET}"
[[corp.member]]
userid = "wang"
name = "Wang"
""" + "\n".join(
    f'[[corp.relation]]\nmember = "wang"\nconsumer = "c{i}"\nexternal_userid = "{HEAD}{i:04d}"'
    for i in range(CUSTOMERS)
)  # fmt: skip

# Every request is another customer's, and every write another text, so that each is a change to be journaled.
_READS: Final = f"""
local n = 0
request = function()
  n = (n + 1) % {CUSTOMERS}
  return wrk.format("GET", string.format("%s&external_userid={HEAD}%04d", wrk.path, n))
end
"""
_WRITES: Final = f"""
local n = 0
request = function()
  n = n + 1
  local body = '{{"userid":"wang","external_userid":"{HEAD}%04d","remark":"remark %d"}}'
  body = string.format(body, n % {CUSTOMERS}, n)
  return wrk.format("POST", wrk.path, {{["Content-Type"] = "application/json"}}, body)
end
"""


@dataclass(frozen=True)
class Asked:
    """What is asked of both: the path below /cgi-bin/, and the script by which wrk asks it."""

    name: str
    path: str
    script: str = field(repr=False)


ASKED: Final = (Asked(READ, "externalcontact/get", _READS), Asked(WRITE, "externalcontact/remark", _WRITES))


@dataclass(frozen=True)
class Run:
    """One run of wrk: requests a second, and CPU microseconds that a request cost the server."""

    requests_s: float
    p99_ms: float
    server_us: float


@dataclass
class Row:
    """One server under one kind of request."""

    system: str
    asked: Asked
    runs: list[Run] = field(default_factory=list)

    def values(self, figure: str) -> list[float]:
        return [getattr(run, figure) for run in self.runs]


@dataclass(frozen=True)
class _Server:
    pid: int
    url: str
    query: str


def measure(patience: Patience) -> list[Row]:
    """Ask the gateway and the bare handler in turn; rows come in pairs, the gateway's first."""
    rows = []
    for asked in ASKED:
        pair = [(Row("hutong", asked), _gateway), (Row("bare aiohttp handler", asked), _bare)]
        for repeat in range(patience.repeats):
            for row, start in pair if repeat % 2 == 0 else reversed(pair):
                row.runs.append(_run(row, start, patience))
        rows += [row for row, _ in pair]
    return rows


def ratio(ours: Row, theirs: Row, figure: str) -> float:
    """Give the median of the ratios of runs that stood side by side."""
    return median(ratios(ours, theirs, figure))


def ratios(ours: Row, theirs: Row, figure: str) -> list[float]:
    """Give the ratios of runs that stood side by side."""
    return [mine / other for mine, other in zip(ours.values(figure), theirs.values(figure), strict=True)]


def wrk_program() -> str | None:
    return which("wrk")


def _run(row: Row, start: Callable[[Path], AbstractContextManager[_Server]], patience: Patience) -> Run:
    say(f"{row.system}: {row.asked.name}")
    with empty_folder() as folder, start(folder) as server:
        script = folder / "ask.lua"
        script.write_text(row.asked.script)
        url = f"{server.url}/cgi-bin/{row.asked.path}?{server.query}"
        _wrk(url, script, WARM_S)
        before = _cpu_s(server.pid)
        told = _wrk(url, script, max(1, patience.measured_ms // 1000))
        cpu_s = _cpu_s(server.pid) - before
    requests = int(_found(r"(\d+) requests in", told))
    return Run(
        float(_found(r"Requests/sec:\s+([\d.]+)", told)), _ms(_found(r"99%\s+(\S+)", told)), cpu_s / requests * 1e6
    )


def _wrk(url: str, script: Path, seconds: int) -> str:
    """Ask for so long; what is no 200 is a failure, and so is an answer that says no."""
    program = wrk_program()
    assert program is not None, "asked before"
    command = [program, "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--latency", "-s", str(script), url]
    told = subprocess.run(on_core(GENERATOR_CORE, command), capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in told or "Socket errors" in told:
        raise RuntimeError(told)
    return told


def _found(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    if match is None:
        raise RuntimeError(f"no {pattern} in what wrk said: {text}")
    return match[1]


def _ms(text: str) -> float:
    """Read wrk's way of writing a time."""
    for unit, factor in (("us", 0.001), ("ms", 1.0), ("s", 1000.0)):
        if text.endswith(unit):
            return float(text.removesuffix(unit)) * factor
    raise RuntimeError(f"{text!r} is no time")


def _cpu_s(pid: int) -> float:
    """Tell how much CPU time a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def _gateway(folder: Path) -> Iterator[_Server]:
    """Run the gateway, and prove before and after that what is asked is answered with yes."""
    world, errors = folder / "world.toml", folder / "gateway.err"
    world.write_text(_WORLD)
    command = python(
        "-m", "hutong", "serve", "--json", "--port", "0", "--mqtt", "off", "--data", str(folder / "data"),
        "--world", str(world),
    )  # fmt: skip
    with running(command, errors) as process:
        url = json.loads(first_line(process, errors))["base_url"]
        token = _get(f"{url}/cgi-bin/gettoken?corpid={CORPID}&corpsecret={SECRET}")["access_token"]
        query = urllib.parse.urlencode({"access_token": token})
        proof = f"{url}/cgi-bin/externalcontact/get?{query}&external_userid={HEAD}0000"
        first = _get(proof)
        yield _Server(process.pid, url, query)
        last = _get(proof)
        for told in (first, last):
            if told["errcode"]:
                raise RuntimeError(f"the gateway said no: {told}")


def _get(url: str) -> dict[str, Any]:
    with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 - loopback, made here
        told: dict[str, Any] = json.load(answer)
        return told


@contextmanager
def _bare(folder: Path) -> Iterator[_Server]:
    errors = folder / "bare.err"
    with running(python("-m", "benchmarks.api"), errors) as process:
        yield _Server(process.pid, f"http://127.0.0.1:{int(first_line(process, errors))}", "access_token=x")


_CONTACT: Final = {
    "errcode": 0,
    "errmsg": "ok",
    "external_contact": {"external_userid": f"{HEAD}0000", "name": "c0", "type": 1, "gender": 0, "unionid": ""},
    "follow_user": [
        {
            "userid": "wang", "remark": "remark 1", "description": "", "createtime": 1785000000, "tags": [],
            "remark_mobiles": [], "oper_userid": "wang", "add_way": 1, "state": "",
        }
    ],
}  # fmt: skip


async def _serve() -> None:
    async def read(request: web.Request) -> web.Response:
        assert request.query["external_userid"]
        return web.json_response(_CONTACT)

    async def write(request: web.Request) -> web.Response:
        assert (await request.json())["remark"]
        return web.json_response({"errcode": 0, "errmsg": "ok"})

    application = web.Application()
    application.router.add_get("/cgi-bin/externalcontact/get", read)
    application.router.add_post("/cgi-bin/externalcontact/remark", write)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(_serve())

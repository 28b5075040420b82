"""Who drove which path in the suite: recorded by the suite itself, and checked by the test that is named for it.

docs/driven.json names, for each path and client, one test in which that client was answered with errcode 0. A claim is
checked each time its test runs: the fixture compares it with the gateway's own journal of calls. `make driven` runs the
suite and writes the file anew.
"""

import json
import os
import sys
from pathlib import Path
from typing import Final

from adapters.aibot.commands import COMMANDS, SUBSCRIBE
from adapters.wecom_api.calls import CallLine
from protocol.wecom.paths import PATHS

FILE: Final = Path(__file__).parents[2] / "docs" / "driven.json"
RECORDS: Final = "HUTONG_DRIVEN"  # the folder where a run of the suite leaves what it saw; unset: claims are checked
WECHATPY: Final = "wechatpy"  # what the SDK's requests are marked with: it says nothing of itself
NODE_BOT: Final = "@wecom/aibot-node-sdk"  # the same, by their own options
PYTHON_BOT: Final = "wecom-aibot-sdk"
TLS_BOT: Final = "wecom-aibot-python-sdk"  # it has no such option: whoever else comes by its library is marked
CLIENTS: Final = {WECHATPY, NODE_BOT, PYTHON_BOT}
DRIVABLE: Final = (*PATHS, *(f"aibot/{cmd}" for cmd in (SUBSCRIBE, *COMMANDS)))

Driven = dict[str, dict[str, str]]  # path → client → test


def claims() -> Driven:
    told: Driven = json.loads(FILE.read_text("utf-8"))
    return told


def seen(lines: list[CallLine]) -> set[tuple[str, str]]:
    """Give the paths that were answered with 0, each with who asked; what schemathesis makes up is another matter."""
    return {
        (line.path, _client(line.client))
        for line in lines
        if line.errcode == 0 and line.path in DRIVABLE and not line.client.startswith("schemathesis")
    }


def _client(name: str) -> str:
    if "websockets/" in name:
        return TLS_BOT
    return name if name in CLIENTS else "raw"


def settle(test: str, lines: list[CallLine]) -> None:
    """Record what a test saw, or check what is claimed of it."""
    driven = seen(lines)
    if folder := os.environ.get(RECORDS):
        record = json.dumps([test, sorted(driven)])
        with (Path(folder) / f"{os.getpid()}.jsonl").open("a", encoding="utf-8") as file:
            file.write(f"{record}\n")
        return
    claimed = {(path, client) for path, by in claims().items() for client, name in by.items() if name == test}
    missing = claimed - driven
    assert not missing, f"docs/driven.json says that this test drives {sorted(missing)}: make driven"


def merged(folder: Path) -> Driven:
    """Choose a test for each path and client: the first one by name, and rather one without parameters."""
    records = [json.loads(line) for file in folder.glob("*.jsonl") for line in file.read_text("utf-8").splitlines()]
    found: Driven = {}
    for test, driven in sorted(records, key=lambda record: ("[" in record[0], record[0])):
        for path, client in driven:
            found.setdefault(path, {}).setdefault(client, test)
    return {path: dict(sorted(found[path].items())) for path in DRIVABLE if path in found}


def main(folder: str) -> None:
    FILE.write_text(json.dumps(merged(Path(folder)), indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main(sys.argv[1])

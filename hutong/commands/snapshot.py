"""`hutong snapshot`: the whole world under a name, history and quotas included: saved, brought back, carried about."""

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from hutong.commands.console import (
    DEFAULT_URL,
    EXIT_ERROR,
    EXIT_OK,
    Json,
    Url,
    moment,
    print_json,
    run,
    table,
    talk,
    usage,
)

app = App(name="snapshot", help="Save the whole world under a name, history included, and bring it back.")

Name = Annotated[str, Parameter(help="Letters, digits, and behind the first also . _ -; at most 64.")]


@app.command(name="list")
def all_(*, json: Json = False, url: Url = DEFAULT_URL) -> int:
    """List the snapshots that the server keeps."""
    return run(_list(url, json))


@app.command
def save(name: Name, /, *, json: Json = False, url: Url = DEFAULT_URL) -> int:
    """Save the world as it stands now; an older snapshot of that name is replaced."""
    return run(_save(url, name, json))


@app.command
def restore(name: Name, /, *, url: Url = DEFAULT_URL) -> int:
    """Begin again from a snapshot: what happened since is gone, clients reconnect and load anew."""
    return run(_restore(url, name))


@app.command
def remove(name: Name, /, *, url: Url = DEFAULT_URL) -> int:
    """Remove a snapshot."""
    return run(_remove(url, name))


@app.command(name="export")
def export(
    name: Name,
    file: Annotated[Path | None, Parameter(help="Where to. [default: NAME.snapshot]")] = None,
    /,
    *,
    url: Url = DEFAULT_URL,
) -> int:
    """Write a snapshot to a file, from which `hutong serve --snapshot FILE` begins another gateway."""
    return run(_export(url, name, file or Path(f"{name}.snapshot")))


@app.command(name="import")
def import_(
    file: Annotated[Path, Parameter(help="A file that `export` has written.")],
    name: Annotated[str | None, Parameter(help="Its name here. [default: the file's]")] = None,
    /,
    *,
    json: Json = False,
    url: Url = DEFAULT_URL,
) -> int:
    """Bring a snapshot's file in; it is checked before it is kept."""
    if not file.is_file():
        raise usage(f"there is no file {file}.")
    return run(_import(url, file, name or file.name.removesuffix(".snapshot"), json))


async def _list(url: str, json: bool) -> int:
    from hutong.control import Control

    async with Control(url) as control:
        rows = (await control.snapshots())["snapshots"]
    if json:
        print_json(rows)
        return EXIT_OK
    heads = ["name", "records", "bytes", "clock (UTC+8)", "saved (UTC+8)", "profile"]
    cells = [
        [
            row["name"], row["position"], row["size_bytes"], moment(row["time_ms"]), moment(row["real_ms"]),
            row["broken"] or row["profile"],
        ]
        for row in rows
    ]  # fmt: skip
    print(table(heads, cells))
    return EXIT_OK


async def _save(url: str, name: str, json: bool) -> int:
    from hutong.control import Control

    async with Control(url) as control:
        return _kept(await control.save_snapshot(name), json)


def _kept(row: dict[str, object], json: bool) -> int:
    if json:
        print_json(row)
    else:
        talk(f"{row['name']}: {row['position']} records in {row['size_bytes']} bytes")
    return EXIT_OK


async def _restore(url: str, name: str) -> int:
    from hutong.control import Control

    async with Control(url) as control:
        await control.restore_snapshot(name)
    talk(f"the world is {name} again")
    return EXIT_OK


async def _remove(url: str, name: str) -> int:
    from hutong.control import Control

    async with Control(url) as control:
        await control.remove_snapshot(name)
    talk(f"{name} is removed")
    return EXIT_OK


async def _export(url: str, name: str, file: Path) -> int:
    from hutong.control import Control

    async with Control(url) as control:
        try:
            await control.get_snapshot(name, file)
        except OSError as why:
            talk(f"{file} cannot be written ({why.strerror or why})")
            return EXIT_ERROR
    talk(f"{name} is in {file}")
    return EXIT_OK


async def _import(url: str, file: Path, name: str, json: bool) -> int:
    from hutong.control import Control

    async with Control(url) as control:
        try:
            return _kept(await control.put_snapshot(name, file), json)
        except OSError as why:
            talk(f"{file} cannot be read ({why.strerror or why})")
            return EXIT_ERROR

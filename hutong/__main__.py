"""The command line: parse it, and start what it asks for.

Rules of the file:
- Only `serve` and `checkpoint` may import the server, inside the function, once its folder is first on the path.
- Other commands live in hutong/commands/ and are registered by import path, so that starting one loads no other.
- Data goes to standard output, talk to standard error. Exit codes: 0 ok, 1 error, 2 usage, 3 not ready or time-out.
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal, NoReturn

from cyclopts import App, CycloptsError, Parameter

EXIT_USAGE = 2


def installed_version() -> str:
    """Name the version, from the metadata of the installation: the only place where it stands is pyproject.toml."""
    from importlib.metadata import version

    return version("hutong")


app = App(
    name="hutong",
    help="The bridge between WeCom and WeChat as one program: real rules, real limits, movable time.",
    version=installed_version,
    help_formatter="plain",
    default_parameter=Parameter(negative=(), show_default=False),
    result_action="return_value",
    exit_on_error=False,
    print_error=False,
)


def server_folder(package: Path) -> Path:
    """Name the folder that holds the server's packages: `server` in a wheel, the repository's root in a checkout."""
    packed = package / "server"
    return packed if packed.is_dir() else package.parent


def open_server() -> None:
    """Put the server's folder first on the path, before any `adapters` that the folder we were started in may hold."""
    sys.path.insert(0, str(server_folder(Path(__file__).resolve().parent)))


@app.command
def serve(
    *,
    world: Annotated[
        str | None, Parameter(help="World for an empty journal: a TOML file, or demo. [default: none]")
    ] = None,
    snapshot: Annotated[
        str | None,
        Parameter(help="Snapshot for an empty journal, with all of its world: a file, or a name. [default: none]"),
    ] = None,
    data: Annotated[str | None, Parameter(help="Folder of the journal. [default: ./hutong-data]")] = None,
    port: Annotated[
        int | None, Parameter(help="Port on 127.0.0.1 for HTTP and links; 0 takes a free one. [default: 8480]")
    ] = None,
    tls: Annotated[
        bool | None, Parameter(help="Listen for TLS too, on the next port, with an authority kept in the data folder.")
    ] = None,
    proxy: Annotated[
        bool | None,
        Parameter(help="Lead SDKs with WeCom's hosts written in here, on the port after that; implies --tls."),
    ] = None,
    profile: Annotated[
        str | None,
        Parameter(help="Numbers of the rules, for an empty journal. [default: the world's, or wecom-2026-08]"),
    ] = None,
    mqtt: Annotated[
        str | None, Parameter(help="Broker: off, demo (starts its own), or mqtt://HOST:PORT. [default: off]")
    ] = None,
    mqtt_trusted: Annotated[
        str | None,
        Parameter(help="Corpids that the broker may command, with commas. [default: all on loopback, else none]"),
    ] = None,
    callbacks_anywhere: Annotated[
        bool | None,
        Parameter(
            help="Call apps back wherever their addresses lead, private networks included, not only on this machine "
            "or by https on port 443 or 8443 of public addresses."
        ),
    ] = None,
    durability: Annotated[
        Literal["disk", "memory"] | None, Parameter(help="memory is for load tests: nothing survives. [default: disk]")
    ] = None,
    json: Annotated[bool | None, Parameter(help="When ready, print an object instead of a line.")] = None,
    strict: Annotated[
        str | None,
        Parameter(
            help="Switches of the API for an empty journal, with commas: trusted_ip, app_range, secret_by_ability, "
            "verified_callback. [default: the world's, or none]"
        ),
    ] = None,
    config: Annotated[Path | None, Parameter(help="TOML file with any of these options as keys.")] = None,
) -> int:
    """Run the gateway in the foreground until SIGTERM or Ctrl-C.

    An option wins over its HUTONG_… variable, that over the file named by --config, that over the default.
    """
    from hutong.settings import settle

    flags = {
        "world": world,
        "snapshot": snapshot,
        "data": data,
        "port": port,
        "tls": tls,
        "proxy": proxy,
        "profile": profile,
        "mqtt": mqtt,
        "mqtt_trusted": mqtt_trusted,
        "callbacks_anywhere": callbacks_anywhere,
        "durability": durability,
        "json": json,
        "strict": strict,
    }
    settings = settle(flags, os.environ, config)
    open_server()
    from adapters import cli

    return cli.serve(
        world=settings.world,
        snapshot=settings.snapshot,
        data=Path(settings.data),
        port=settings.port,
        tls=settings.tls,
        proxy=settings.proxy,
        profile=settings.profile,
        mqtt=settings.mqtt,
        mqtt_trusted=settings.mqtt_trusted,
        callbacks_anywhere=settings.callbacks_anywhere,
        durability=settings.durability,
        json=settings.json,
        strict=settings.strict,
    )


@app.command(show=False)
def checkpoint(data: Path, /) -> int:
    """Write a checkpoint of the journal in this folder: the gateway starts this as its child."""
    open_server()
    from adapters import cli

    return cli.checkpoint(data)


COMMANDS = {
    "demo": ("demo", "See both sides of the bridge and its rules in a minute."),
    "crowd": ("crowd", "Let thousands of simulated people act, and report; exit code 1 if anything was lost."),
    "env": ("env", "Print addresses, secrets and tokens as lines for a shell."),
    "wait": ("wait", "Wait until the server is ready; exit code 3 if it is not in time."),
    "say": ("say", "Say something as somebody; exit code 1 if the rules refuse it."),
    "confirm": ("confirm", "Let a member's mass message be sent; exit code 1 if the rules refuse it."),
    "tail": ("tail", "Show recent messages and decisions since the start; -f follows."),
    "clock": ("app", "Look at the movable clock, or move it."),
    "limits": ("app", "Tell what the rules allow, and how much is left."),
    "snapshot": ("app", "Save the whole world under a name, history included, and bring it back."),
    "reset": ("reset", "Forget everything, or all of one enterprise."),
}
for command, (attribute, summary) in COMMANDS.items():
    app.command(f"hutong.commands.{command}:{attribute}", name=command, help=summary)


@app.command
def version(*, json: Annotated[bool, Parameter(help="Print an object.")] = False) -> int:
    """Print the version."""
    text = installed_version()
    print(f'{{"version": "{text}"}}' if json else text)
    return 0


def refuse(reason: str) -> NoReturn:
    """End with exit code 2 and the reason in one line, whatever it was made of."""
    print(f"hutong: {' '.join(reason.split())}", file=sys.stderr)
    raise SystemExit(EXIT_USAGE)


def _where_help_is(error: CycloptsError) -> str:
    """Name the help that tells what there is, unless the error is one of ours, which says it itself."""
    if type(error) is CycloptsError:
        return ""
    return f" See {' '.join(('hutong', *(error.command_chain or ()), '--help'))}"


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command that the arguments name, and end with its exit code."""
    try:
        code = app(arguments)
    except CycloptsError as error:
        refuse(str(error) + _where_help_is(error))
    raise SystemExit(code)


if __name__ == "__main__":
    main()

"""`serve` and the checkpoint child: options to compose.py, problems to one clear line and an exit code."""

import asyncio
import gc
import os
import resource
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Literal, NoReturn

import msgspec
import structlog
from msgspec.structs import replace

from adapters.compose import Gateway, OpenDoor, run
from adapters.data_folder import OTHERS, RESERVE_BYTES
from adapters.http import CannotListen
from adapters.log import Stamp, log_to_stderr
from adapters.real_clock import RealClock
from adapters.restoring import beginning
from adapters.snapshot_file import BrokenSnapshot
from adapters.snapshots import file_of
from adapters.tokens import Keys
from adapters.world import BrokenWorld, World, demo, read
from gateway.config import DEFAULT, Config
from gateway.ports import AppendFailed, CannotOpen, Damaged
from gateway.profile import UnknownProfile
from gateway.rights import SWITCHES, Switch

EXIT_ERROR = 1
EXIT_USAGE = 2
STOP_S = 9.5  # whatever hangs, a stop has an end
FILES_MAX = 1_048_576  # open at the same time; each link is one
FILES_FEW = 4_096  # with fewer, whoever starts the gateway is told

Ports = tuple[int, int | None, int | None]  # the plain one, that of TLS, that of the proxy

log = structlog.get_logger()


def serve(
    *,
    world: str | None,
    data: Path,
    port: int,
    profile: str | None,
    mqtt: str,
    mqtt_trusted: str | None,
    durability: Literal["disk", "memory"],
    json: bool,
    strict: str | None = None,
    snapshot: str | None = None,
    tls: bool = False,
    proxy: bool = False,
    callbacks_anywhere: bool = False,
) -> int:
    """Run the gateway until SIGTERM or Ctrl-C; say what is wrong in one line if it cannot be."""
    os.umask(OTHERS)
    stamp = Stamp()
    log_to_stderr(stamp)
    if snapshot is not None and not (world is profile is strict is None):
        return _complain("a snapshot brings all of its world: leave --world, --profile and --strict out", EXIT_USAGE)
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, _leave)  # until there is something to stop in order
    try:
        with _runner() as runner:
            ports = _ports(port, tls, proxy)
            config = replace(DEFAULT, callback_anywhere=callbacks_anywhere)
            return runner.run(
                _serve(
                    world, data, ports, profile, mqtt, mqtt_trusted, durability, json, strict, snapshot, stamp, config
                )
            )
    except UnknownProfile as why:
        return _complain(str(why), EXIT_USAGE)
    except BrokenWorld as why:
        return _complain(f"--world {world}: {why}")
    except BrokenSnapshot as why:
        return _complain(f"--snapshot {snapshot}: {why}")
    except AppendFailed as why:
        return _complain(f"{why}: what was acknowledged is on disk; make room or mend the disk, then start again")
    except (CannotListen, CannotOpen, Damaged) as why:
        return _complain(str(why))
    except Exception as defect:
        log.exception("defect", what="serve")
        return _complain(f"a defect of the gateway ended it ({defect!r}): what was acknowledged is kept")


def _leave(_signal: int, _frame: object) -> NoReturn:
    raise SystemExit(0)


def _runner() -> asyncio.Runner:
    """Run on uvloop where it is installed; asyncio's own loop works too."""
    try:
        import uvloop
    except ImportError:
        return asyncio.Runner()
    return asyncio.Runner(loop_factory=uvloop.new_event_loop)


@asynccontextmanager
async def doors_of(mqtt: str, trusted: str | None, folder: Path | None) -> AsyncIterator[tuple[OpenDoor, ...]]:
    """Reach what the doors need that are open only when asked for."""
    if mqtt == "off":
        yield ()
        return
    from adapters.mqtt_opening import reached

    async with reached(mqtt, trusted, folder) as door:
        yield (door,)


async def _serve(
    world: str | None,
    data: Path,
    ports: Ports,
    profile: str | None,
    mqtt: str,
    mqtt_trusted: str | None,
    durability: Literal["disk", "memory"],
    json: bool,
    strict: str | None,
    snapshot: str | None,
    stamp: Stamp,
    config: Config,
) -> int:
    read_world = partial(world_of, world) if world is not None else None
    begun = beginning(file_of(data, snapshot), RealClock().real_ms()) if snapshot is not None else None
    keys: Keys | None = None
    stop: asyncio.Event | None = None
    async with doors_of(mqtt, mqtt_trusted, data if durability == "disk" else None) as doors:
        while True:
            gc.disable()  # making a world leaves no garbage, and looking for it would take half of the time
            async with run(
                data, ports[0], profile, durability, config, world=read_world, doors=doors, strict=_switches(strict),
                snapshot=begun, keys=keys, tls_port=ports[1], proxy_port=ports[2],
            ) as gateway:  # fmt: skip
                gc.freeze()  # the world stays: later looks for garbage pass it over
                gc.enable()
                stamp.movable_ms = gateway.router.now_ms
                _log_start(gateway, data if durability == "disk" else None)
                if stop is None:
                    stop = _stop_on_signals()
                    asked = not (world is profile is strict is snapshot is None)
                    _greet(gateway, data, durability, json, asked=asked)
                await gateway.until(stop)
                log.info("stopping", links=len(gateway.links.links))
            log.info("stopped", position=gateway.router.durable_position)
            if gateway.snapshots.chosen is None or stop.is_set():
                return 0
            begun, keys, listener = gateway.snapshots.chosen, gateway.keys, gateway.listener
            ports = listener.port, listener.tls_port, listener.proxy_port
            stamp.movable_ms = None
            del gateway, listener
            gc.unfreeze()
            gc.collect()  # the world that was: frozen together with the next one, it would stay for good


def _ports(port: int, tls: bool, proxy: bool) -> Ports:
    """Number the ports one after the other, or have free ones; the proxy wants TLS."""
    return port, port and port + 1 if tls or proxy else None, port and port + 2 if proxy else None


def _log_start(gateway: Gateway, folder: Path | None) -> None:
    state = gateway.router.state
    log.info(
        "started", url=gateway.base_url, data=str(folder) if folder is not None else None, epoch=state.epoch,
        position=state.position, profile=state.profile.name,
    )  # fmt: skip


def _greet(gateway: Gateway, data: Path, durability: Literal["disk", "memory"], json: bool, *, asked: bool) -> None:
    """Say what whoever has started it should know, and that it is ready."""
    if durability == "memory":
        _say("durability is memory: what is acknowledged is lost when this process ends")
    if not gateway.fresh and asked:
        _say(f"{data} holds a world already: --world, --snapshot, --profile and --strict were not applied")
    if (files := _allow_files()) < FILES_FEW:
        _say(f"this process may open {files} files, so further links are not taken: raise `ulimit -Hn`")
    if not gateway.journal.room():
        _say(f"less than {RESERVE_BYTES >> 20} MiB, the reserve, is free under {data}: commands are refused")
    settle_interpreter()
    sys.stdout.write(f"{_ready_line(gateway, json)}\n")
    sys.stdout.flush()


def _switches(strict: str | None) -> tuple[Switch, ...] | None:
    """Read the names of switches; the command line has checked them."""
    return None if strict is None else tuple(switch for switch in SWITCHES if switch in strict.split(","))


def settle_interpreter() -> None:
    """Tune the interpreter for a process that keeps much and shares its lock with a thread that waits for the disk."""
    gc.collect()
    gc.freeze()  # what was loaded stays: no collection need walk it
    gc.set_threshold(50_000, 20, 100)
    sys.setswitchinterval(0.0005)  # the journal's thread, back from the disk, asks for the lock: 5 ms is a long time


def _allow_files() -> int:
    """Have this process open as many files as it may, and tell how many: the usual soft limit is 1,024 links."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = FILES_MAX if hard == resource.RLIM_INFINITY else min(hard, FILES_MAX)
    if resource.RLIM_INFINITY != soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    return most


def _stop_on_signals() -> asyncio.Event:
    """Give an event that the first signal sets; a second one ends the process at once, and a stop that hangs is cut."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()

    def begin() -> None:
        stop.set()
        loop.call_later(STOP_S, _give_up)
        for name in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(name)
            signal.signal(name, signal.SIG_DFL)

    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, begin)
    return stop


def _give_up() -> NoReturn:
    _say(f"the stop took more than {STOP_S} s and was cut off: what was acknowledged is kept")
    os._exit(EXIT_ERROR)


def world_of(name: str) -> World:
    """Read the world that `--world` names: a file, or the one that comes with Hutong."""
    if name == "demo":
        return demo()
    try:
        return read(Path(name).read_bytes())
    except OSError as why:
        raise BrokenWorld(f"cannot be read ({why.strerror or why}): name a TOML file, or demo") from why


def _ready_line(gateway: Gateway, json: bool) -> str:
    urls = gateway.urls()
    if json:
        return msgspec.json.encode(urls).decode()
    secured = f" and {urls.tls_url}" if urls.tls_url is not None else ""
    proxy = f", with a proxy on {urls.proxy_url}" if urls.proxy_url is not None else ""
    broker = f" with a broker on {_without_password(urls.mqtt_url)}" if urls.mqtt_url is not None else ""
    return f"hutong is ready on {urls.base_url}{secured}{broker}{proxy}"


def _without_password(url: str) -> str:
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"


def checkpoint(data: Path) -> int:
    """Be the checkpoint child."""
    from adapters.checkpoint import run_child

    os.umask(OTHERS)
    try:
        run_child(data)
    except (CannotOpen, Damaged) as why:
        return _complain(str(why))
    return 0


def _say(text: str) -> None:
    sys.stderr.write(f"hutong: {text}\n")


def _complain(text: str, code: int = EXIT_ERROR) -> int:
    _say(" ".join(text.split()))
    return code

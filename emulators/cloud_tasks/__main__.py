"""Starts the emulator from the command line: `python -m emulators.cloud_tasks --help`."""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import os
import resource
import signal
import sys
from pathlib import Path

from emulators.cloud_tasks.server import Emulator, PortTakenError, run_until
from emulators.cloud_tasks.settings import Settings
from emulators.cloud_tasks.wire.protos import Queue
from emulators.cloud_tasks.wire.queue_file import QueueFileError, checked, read_queue_file

_DEFAULTS = Settings()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m emulators.cloud_tasks", description="A Cloud Tasks v2 emulator.")
    parser.add_argument("--grpc-port", type=int, required=True, metavar="N", help="for client libraries; 0 picks one")
    parser.add_argument("--rest-port", type=int, required=True, metavar="M", help="for gcloud, keys and test aids")
    parser.add_argument("--queue", action="append", default=[], metavar="NAME", help="a queue with default settings")
    parser.add_argument("--queue-file", action="append", default=[], type=Path, metavar="YAML", help="queues to create")
    parser.add_argument("--app-engine-url", default="", metavar="URL", help="where App Engine tasks are sent")
    for option, default in (
        ("--task-name-reuse", _DEFAULTS.task_name_reuse),
        ("--queue-name-reuse", _DEFAULTS.queue_name_reuse),
    ):
        parser.add_argument(option, type=float, default=default, metavar="SECONDS", help=f"default {default:g}")
    parser.add_argument("--shuffle", action="store_true", help="deliver due tasks in random order")
    parser.add_argument("--throttle", action="store_true", help="slow a queue down when its targets answer 429 or 503")
    parser.add_argument("--verbose", action="store_true", help="print a line for every delivery")
    return parser.parse_args()


def _settings(arguments: argparse.Namespace) -> Settings:
    return Settings(
        task_name_reuse=arguments.task_name_reuse,
        queue_name_reuse=arguments.queue_name_reuse,
        shuffle=arguments.shuffle,
        throttle=arguments.throttle,
        app_engine_url=arguments.app_engine_url,
    )


def _queues(arguments: argparse.Namespace) -> list[Queue]:
    """The queues of all files and options; a later one of the same name wins."""
    found = [queue for path in arguments.queue_file for queue in read_queue_file(path)]
    named = {queue.name: queue for queue in found}
    for name in arguments.queue:
        named.setdefault(name, checked(Queue(name=name)))
    return list(named.values())


def _tune() -> None:
    """Settings of the process that make it hold more tasks and answer faster."""
    # gRPC's newer engine passes every message through several threads; measured here, the older one serves half
    # as many calls again. It is read when the first server is made.
    os.environ.setdefault(
        "GRPC_EXPERIMENTS", "-event_engine_for_all_other_endpoints,-event_engine_callback_cq,-event_engine_listener"
    )
    # Tens of thousands of stored tasks are no garbage: look for some less often.
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
    _allow_many_connections()


def _allow_many_connections() -> None:
    """Every attempt in flight is an open socket, and queues may run thousands."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


async def _serve(emulator: Emulator) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await run_until(emulator, stop)
    sys.stdout.flush()
    # A name lookup under way in a thread cannot be cancelled, and would hold up the exit.
    os._exit(0)


def main() -> int:
    """Run until a signal; returns the exit code."""
    arguments = _arguments()
    level = logging.DEBUG if arguments.verbose else logging.INFO
    logging.basicConfig(stream=sys.stdout, format="%(message)s", level=logging.WARNING)
    logging.getLogger("emulators.cloud_tasks").setLevel(level)
    _tune()
    try:
        queues = _queues(arguments)
        asyncio.run(_serve(Emulator(_settings(arguments), queues, arguments.grpc_port, arguments.rest_port)))
    except (PortTakenError, QueueFileError) as error:
        print(f"cloud tasks emulator: {error}", file=sys.stderr)  # noqa: T201 - a program's last words
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

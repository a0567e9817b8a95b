"""Start the emulator from the command line: `python -m emulators.cloud_tasks --help`."""

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
from emulators.cloud_tasks.wire.queue_file import QueueFileError, read_queue_file, validate_queue

_DEFAULTS = Settings()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m emulators.cloud_tasks", description="A Cloud Tasks v2 emulator.")
    parser.add_argument("--grpc-port", type=int, required=True, metavar="N", help="for client libraries; 0 picks one")
    parser.add_argument("--rest-port", type=int, required=True, metavar="M", help="for gcloud, keys and test controls")
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
    """Read the queues of all files and options; a later file wins over an earlier one."""
    queues = {queue.name: queue for path in arguments.queue_file for queue in read_queue_file(path)}
    for name in arguments.queue:
        queues.setdefault(name, validate_queue(Queue(name=name)))
    return list(queues.values())


def _tune() -> None:
    """Tune the process so that it holds more tasks and answers faster."""
    # gRPC's newer engine passes every message through several threads; the older one serves 50 % more calls (measured
    # here). gRPC reads the variable when it makes the first server.
    os.environ.setdefault(
        "GRPC_EXPERIMENTS", "-event_engine_for_all_other_endpoints,-event_engine_callback_cq,-event_engine_listener"
    )
    # Tens of thousands of stored tasks are no garbage: collect less often.
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
    _allow_many_connections()


def _allow_many_connections() -> None:
    """Raise the limit of open files: every attempt in flight is a socket, and queues may run thousands."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


async def _serve(emulator: Emulator) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await run_until(emulator, stop)
    sys.stdout.flush()
    # A DNS lookup in a thread cannot be cancelled, and would delay the exit.
    os._exit(0)


def main() -> int:
    """Run until a signal; return 0, or 1 for a bad queue file or a port in use."""
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

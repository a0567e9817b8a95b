"""`python -m local`: starts the whole Image Factory on this machine, prints where it is, and stops all of it together.

Ctrl-C stops it with exit code 0; a busy port, a missing program or the crash of one part ends it with exit code 1.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

from local import usage as help_texts
from local.stack.ports import FIRST_PORT, Ports
from local.stack.settings import Options
from local.stack.stack import running
from local.supervision.logs import Terminal
from local.supervision.signals import report, run

LONGEST_NAME = len("secret_manager")


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(prog="python -m local", description="Runs the Image Factory on this machine.")
    which = made.add_mutually_exclusive_group()
    which.add_argument(
        "--free-ports", action="store_true", help="take ports that are free, for tests or a second stack"
    )
    which.add_argument(
        "--port-base", type=int, default=FIRST_PORT, metavar="N", help="first port of the row (default %(default)s)"
    )
    made.add_argument("--state-file", type=Path, metavar="F", help="write every address to F, once everything answers")
    made.add_argument("--dispatch-rate", type=float, metavar="R", help="tasks a second (default: infra/queue.json)")
    made.add_argument(
        "--gemini-latency",
        metavar="MIN-MAX",
        help="seconds an image of any model takes (default: by model, 1 to 3 for the fastest)",
    )
    made.add_argument("--revive", action="store_true", help="start a function again that crashes, as Cloud Run would")
    made.add_argument(
        "--cors-origin",
        action="append",
        default=[],
        metavar="O",
        help="let pages of this origin call, such as https://page.test; pages of this machine may (repeatable)",
    )
    made.add_argument("--data-dir", type=Path, metavar="D", help="keep images and logs in D")
    return made


def options_from(arguments: argparse.Namespace) -> Options:
    """What the command line and GEMINI_API_URL say; raises StackError for values that make no sense."""
    return Options(
        ports=Ports.free() if arguments.free_ports else Ports.row(arguments.port_base),
        dispatch_rate=arguments.dispatch_rate,
        latency=arguments.gemini_latency,
        data_dir=arguments.data_dir,
        state_file=arguments.state_file,
        gemini_url=os.environ.get("GEMINI_API_URL") or None,
        revive=arguments.revive,
        cors_origins=tuple(arguments.cors_origin),
    )


async def serve(options: Options) -> int:
    """Runs the stack until a part crashes, which it raises."""
    began = time.monotonic()
    if options.gemini_url:
        say(f"Images come from {options.gemini_url}: each is paid for by the API key of the request that asks for it.")
    async with running(options, os.environ, say, terminal=Terminal.standard(width=LONGEST_NAME)) as stack:
        state = stack.state
        say(f"\nThe Image Factory runs; everything answered after {time.monotonic() - began:.1f} s.\n")
        for line in help_texts.table(state):
            say(line)
        say("\nTry it:")
        for line in help_texts.commands(state.gateway, state.identity, state.workflow_id):
            say(f"  {line}")
        say("\nCtrl-C stops everything.\n")
        raise await stack.crash()


def say(line: str) -> None:
    """Prints a line for people; a reader that has gone away is not an error."""
    try:
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
    except OSError:
        return


def main() -> int:
    """The exit code: 0 after Ctrl-C; raises StackError when something went wrong."""
    code = run(serve(options_from(parser().parse_args())), interrupted=0)
    say("Everything has stopped.")
    return code


if __name__ == "__main__":
    sys.exit(report(main))

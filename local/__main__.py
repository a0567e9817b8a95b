"""`python -m local`: start the whole Image Factory on this machine, print its addresses, and stop all of it together.

Exit code 0 after Ctrl-C; 1 after a busy port, a missing program or the crash of a service.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

from local import usage
from local.stack.ports import FIRST_PORT, Ports
from local.stack.settings import Options
from local.stack.stack import run_stack
from local.supervision.logs import Terminal
from local.supervision.signals import report_errors, run

NAME_WIDTH = len("secret_manager")


def build_parser() -> argparse.ArgumentParser:
    """Build the parser of the command line."""
    parser = argparse.ArgumentParser(prog="python -m local", description="Runs the Image Factory on this machine.")
    port_choice = parser.add_mutually_exclusive_group()
    port_choice.add_argument(
        "--free-ports", action="store_true", help="take ports that are free, for tests or a second stack"
    )
    port_choice.add_argument(
        "--port-base", type=int, default=FIRST_PORT, metavar="N", help="first port of the row (default %(default)s)"
    )
    parser.add_argument(
        "--state-file", type=Path, metavar="F", help="write every address to F, once everything answers"
    )
    parser.add_argument("--dispatch-rate", type=float, metavar="R", help="tasks a second (default: infra/queue.json)")
    parser.add_argument(
        "--gemini-latency",
        metavar="MIN-MAX",
        help="seconds an image of any model takes (default: by model, 1 to 3 for the fastest)",
    )
    parser.add_argument("--restart", action="store_true", help="restart a function when it crashes, as Cloud Run does")
    parser.add_argument("--revive", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument(
        "--cors-origin",
        action="append",
        default=[],
        metavar="O",
        help="let pages of this origin call, such as https://page.test; pages of this machine may (repeatable)",
    )
    parser.add_argument("--data-dir", type=Path, metavar="D", help="keep images and logs in D")
    return parser


def read_options(arguments: argparse.Namespace) -> Options:
    """Turn the command line and GEMINI_API_URL into options; raises StackError for values out of range."""
    if arguments.revive:
        sys.stderr.write("--revive is deprecated: use --restart.\n")
    return Options(
        ports=Ports.find_free() if arguments.free_ports else Ports.row(arguments.port_base),
        dispatch_rate=arguments.dispatch_rate,
        latency=arguments.gemini_latency,
        data_dir=arguments.data_dir,
        state_file=arguments.state_file,
        gemini_url=os.environ.get("GEMINI_API_URL") or None,
        restart=arguments.restart or arguments.revive,
        cors_origins=tuple(arguments.cors_origin),
    )


async def serve(options: Options) -> int:
    """Run the stack until a service crashes; raises that CrashError."""
    began = time.monotonic()
    if options.gemini_url:
        say(f"Images come from {options.gemini_url}: each is paid for by the API key of the request that asks for it.")
    async with run_stack(options, os.environ, say, terminal=Terminal.standard(width=NAME_WIDTH)) as stack:
        endpoints = stack.endpoints
        say(f"\nThe Image Factory runs; everything answered after {time.monotonic() - began:.1f} s.\n")
        for line in usage.table(endpoints):
            say(line)
        say("\nTry it:")
        for line in usage.commands(endpoints.gateway, endpoints.identity, endpoints.workflow_id):
            say(f"  {line}")
        say("\nCtrl-C stops everything.\n")
        raise await stack.wait_for_crash()


def say(line: str) -> None:
    """Print a line; ignore a closed standard output."""
    try:
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
    except OSError:
        return


def main() -> int:
    """Run until Ctrl-C and return 0; raises StackError for what went wrong."""
    code = run(serve(read_options(build_parser().parse_args())), interrupt_code=0)
    say("Everything has stopped.")
    return code


if __name__ == "__main__":
    sys.exit(report_errors(main))

"""`python -m emulators.gemini --port N --latency MIN-MAX`: serve the stand-in on loopback until a signal."""

from __future__ import annotations

import argparse
import random
import re
import sys
from dataclasses import replace

from aiohttp import web

from emulators.gemini.api.app import StandIn, application
from emulators.gemini.api.response_builder import ResponseBuilder
from emulators.gemini.images.latency import DEFAULT_PACE, LatencyByModel, LatencyRange

_RANGE = re.compile(r"(?P<shortest>[0-9]+(?:\.[0-9]+)?)(?:-(?P<longest>[0-9]+(?:\.[0-9]+)?))?")


def parse_latency(text: str) -> LatencyRange:
    """Parse seconds such as `1-3`, `0.05-0.2` or `2`; raises ArgumentTypeError."""
    match = _RANGE.fullmatch(text)
    min_seconds = float(match["shortest"]) if match else 0.0
    max_seconds = float(match["longest"] or min_seconds) if match else -1.0
    if max_seconds < min_seconds:
        raise argparse.ArgumentTypeError(f"{text!r} is not a range of seconds like 1-3 or 0.05-0.2")
    return LatencyRange(min_seconds, max_seconds)


def build_parser() -> argparse.ArgumentParser:
    """Build the parser of the command line."""
    parser = argparse.ArgumentParser(prog="python -m emulators.gemini", description="Stands in for the Gemini API.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument(
        "--latency",
        type=parse_latency,
        metavar="MIN-MAX",
        help="seconds a picture of any model takes (default: by model)",
    )
    parser.add_argument(
        "--pace",
        type=float,
        default=DEFAULT_PACE,
        help="how much of Google's seconds each model takes (default %(default)s)",
    )
    parser.add_argument("--seed", type=int, help="draw the same seconds each time")
    parser.add_argument(
        "--signature-kb",
        type=int,
        default=200,
        metavar="KB",
        help="length of a thoughtSignature (200; Google's are 1000 to 3000)",
    )
    parser.add_argument("--full-size", action="store_true", help="make files as large as Google's: 4K about 20 MB")
    return parser


def build_stand_in(options: argparse.Namespace) -> StandIn:
    """Build the stand-in with the options of the command line."""
    rng = random.Random(options.seed)  # noqa: S311 - not for cryptography
    latency = replace(options.latency, rng=rng) if options.latency else LatencyByModel(options.pace, rng)
    return StandIn(latency, ResponseBuilder(options.signature_kb * 1000, options.full_size))


def main() -> int:
    """Serve until a signal; return 0, or 1 if the port cannot be used."""
    options = build_parser().parse_args()
    try:
        web.run_app(
            application(build_stand_in(options)),
            host="127.0.0.1",
            port=options.port,
            # aiohttp calls this once the port is open.
            print=lambda _banner: _say(f"gemini stand-in: http://127.0.0.1:{options.port}"),
            access_log=None,
            shutdown_timeout=0.2,
            # Hundreds of attempts may begin at the same moment.
            backlog=1024,
            # When a client goes away, its call ends here too: hanging calls do not pile up.
            handler_cancellation=True,
        )
    except (OSError, OverflowError) as error:
        sys.stderr.write(f"gemini stand-in: cannot listen on 127.0.0.1:{options.port}: {error}\n")
        return 1
    return 0


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())

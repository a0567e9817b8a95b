"""`python -m emulators.gemini --port N --latency MIN-MAX`: serves the stand-in on loopback until a signal ends it."""

from __future__ import annotations

import argparse
import random
import re
import sys
from dataclasses import replace

from aiohttp import web

from emulators.gemini.api.app import StandIn, application
from emulators.gemini.api.response_builder import Studio
from emulators.gemini.images.latency import PACE, ByModel, Range

_RANGE = re.compile(r"(?P<shortest>[0-9]+(?:\.[0-9]+)?)(?:-(?P<longest>[0-9]+(?:\.[0-9]+)?))?")


def latency(text: str) -> Range:
    """Reads `1-3`, `0.05-0.2` or `2`: seconds."""
    found = _RANGE.fullmatch(text)
    shortest = float(found["shortest"]) if found else 0.0
    longest = float(found["longest"] or shortest) if found else -1.0
    if longest < shortest:
        raise argparse.ArgumentTypeError(f"{text!r} is not a range of seconds like 1-3 or 0.05-0.2")
    return Range(shortest, longest)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(prog="python -m emulators.gemini", description="Stands in for the Gemini API.")
    made.add_argument("--port", type=int, required=True)
    made.add_argument(
        "--latency", type=latency, metavar="MIN-MAX", help="seconds a picture of any model takes (default: by model)"
    )
    made.add_argument(
        "--pace", type=float, default=PACE, help="how much of Google's seconds each model takes (default %(default)s)"
    )
    made.add_argument("--seed", type=int, help="draw the same seconds each time")
    made.add_argument(
        "--signature-kb",
        type=int,
        default=200,
        metavar="KB",
        help="length of a thoughtSignature (200; Google's are 1000 to 3000)",
    )
    made.add_argument("--full-size", action="store_true", help="make files as large as Google's: 4K about 20 MB")
    return made


def stand_in(options: argparse.Namespace) -> StandIn:
    """The stand-in that the command line asks for."""
    dice = random.Random(options.seed)  # noqa: S311 - not for cryptography
    latency = replace(options.latency, dice=dice) if options.latency else ByModel(options.pace, dice)
    return StandIn(latency, Studio(options.signature_kb * 1000, options.full_size))


def main() -> int:
    """Serves until a signal ends it; the exit code says how it went."""
    options = parser().parse_args()
    try:
        web.run_app(
            application(stand_in(options)),
            host="127.0.0.1",
            port=options.port,
            # Called once the port is open: nothing is announced that is not there.
            print=lambda _banner: _say(f"gemini stand-in: http://127.0.0.1:{options.port}"),
            access_log=None,
            shutdown_timeout=0.2,
            # Hundreds of attempts may begin in the same moment.
            backlog=1024,
            # A client that goes away ends its call here too, so that hanging calls do not pile up.
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

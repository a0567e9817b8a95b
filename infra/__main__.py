"""The command line: `python -m infra COMMAND`.

An old Python must be able to parse this file, so that it can say that it is too old.
"""

from __future__ import annotations

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - a bare Python runs this, whichever it is
    sys.exit("\nStopped: Python 3.11 or newer is needed, and this one is older: try make PYTHON=python3.12.")

import argparse
import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NoReturn

from infra import checks
from infra.commands import deploy, monitoring, rotate_key, setup, setup_ci, teardown, verify
from infra.console import warn
from infra.gcloud import Gcloud, Retry, require_gcloud
from infra.settings import Settings
from infra.stop import Stop

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

INTERRUPTED = 130
DESCRIPTION = """\
Brings a Google Cloud project to the state that infra/settings.env and the files beside it describe.
Every command can be run again: it writes only what is missing or different.
"""
EPILOG = """\
What is set in the environment wins over infra/settings.env. SETTINGS=FILE names a file with the lines
in which a deployment differs. docs/deploy.md tells the rest.
"""


class Parser(argparse.ArgumentParser):
    """A parser that stops as everything else does."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong with the arguments."""
        raise Stop(f"{message}; --help tells which arguments there are.", self.format_usage())


def parser() -> argparse.ArgumentParser:
    """The commands and their options."""
    layout = argparse.RawDescriptionHelpFormatter
    top = Parser(prog="python -m infra", description=DESCRIPTION, epilog=EPILOG, formatter_class=layout)
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(name: str, text: str) -> argparse.ArgumentParser:
        return commands.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")

    add("setup", "prepare the project, once: APIs, accounts, queues, database, bucket, encryption key, rights")
    add("deploy", "roll out the three functions, the workflow's configuration and the page")
    add("verify", "compare every part with the settings, then make two images as a user would").add_argument(
        "--configuration", action="store_true", help="only compare; otherwise GEMINI_API_KEY and a user are needed"
    )
    add("monitoring", "make log-based metrics, alert policies and a dashboard").add_argument(
        "--remove", action="store_true", help="delete them"
    )
    add("rotate-key", "use a new encryption key, and disable those that no open execution needs").add_argument(
        "--sweep", action="store_true", help="add no key, only disable"
    )
    add("setup-ci", "let the environment production of CI_REPOSITORY on GitHub deploy, without a key")
    add("teardown", "delete the deployment: name everything, ask, delete (CONFIRM=NAME answers)").add_argument(
        "--keep-data", action="store_true", help="spare the database and the bucket"
    )
    return top


def dispatch(options: argparse.Namespace, settings: Settings, gcloud: Gcloud, environ: Mapping[str, str]) -> None:
    """Run the command that was asked for."""
    if options.command == "setup":
        setup.run(settings, gcloud)
    elif options.command == "deploy":
        deploy.run(settings, gcloud)
    elif options.command == "verify":
        verify.run(settings, gcloud, environ, configuration_only=options.configuration)
    elif options.command == "monitoring":
        (monitoring.remove if options.remove else monitoring.run)(settings, gcloud)
    elif options.command == "rotate-key":
        (rotate_key.sweep if options.sweep else rotate_key.run)(settings, gcloud)
    elif options.command == "setup-ci":
        setup_ci.run(settings, gcloud)
    else:
        teardown.run(settings, gcloud, environ.get("CONFIRM", ""), keep_data=options.keep_data)


def run(arguments: Sequence[str] | None, environ: Mapping[str, str]) -> None:
    """Check what can be known before anything is called, then run the command.

    Raises:
        Stop: something is wrong.
    """
    options = parser().parse_args(arguments)
    settings, retry = Settings.read(environ), Retry.read(environ)
    require_gcloud()
    if faults := checks.faults(settings):
        raise Stop("the settings above do not fit together; nothing was called.", "\n".join(faults))
    with TemporaryDirectory() as folder:
        dispatch(options, settings, Gcloud(settings["PROJECT_ID"], Path(folder), retry), environ)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code, and says why when it is not 0."""
    try:
        run(arguments, os.environ)
    except Stop as stop:
        if stop.details:
            warn(stop.details)
        warn(f"\nStopped: {stop}")
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED
    return 0


if __name__ == "__main__":
    sys.exit(main())

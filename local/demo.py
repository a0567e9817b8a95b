"""`python -m local.demo`: make five images in `out/` of five prompts, on this machine.

Starts the stack on free ports, submits `examples/prompts.txt` with `examples/reference.png` through the public HTTP
API, shows progress, downloads and opens the images, prints their price, and stops everything. The exit code is 0 only
if every prompt has its image. With GEMINI_API_URL and GEMINI_API_KEY set, the images are real.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from imagefactory_client import Batch, Client, ImageFactoryError
from local.album import delete_earlier_images, describe_image, relative_path, shorten
from local.progress import ProgressView, format_duration
from local.stack.ports import Ports
from local.stack.settings import ROOT, Options, read_json
from local.stack.stack import Stack, make_folder, run_stack
from local.supervision.errors import StackError, explain_write_errors
from local.supervision.signals import report_errors, run
from local.threads import Sleep, run_in_thread
from local.tokens import token_for

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from imagefactory_client import Result

EXAMPLES = ROOT / "examples"
# Tasks a second for the stand-in; real calls keep the rate of infra/queue.json, which a real key allows.
STAND_IN_RATE = 5.0
INTERRUPTED = 130
MAX_SECONDS = 15 * 60
MAX_LOG_LINES = 15
STAND_IN_KEY = "a-key-for-the-stand-in"


@dataclass(frozen=True)
class Demo:
    """One run of the demo: `out` is the folder for the images, `api_key` pays for them, `console` shows progress.

    `prompts` has one prompt a line; without a `model` the workflow's default makes the images.
    """

    console: Console
    prompts: str
    model: str | None
    out: Path
    api_key: str
    gemini_url: str | None

    def say(self, line: str) -> None:
        """Print a line."""
        self.console.print(line, highlight=False, markup=False, soft_wrap=True)

    async def run(self) -> int:
        """Run the stack and the batch; return 0 if every prompt has its image, else 1."""
        rate = None if self.gemini_url else STAND_IN_RATE
        options = Options(Ports.find_free(), dispatch_rate=rate, gemini_url=self.gemini_url)
        if self.gemini_url:
            self.warn_of_cost()
        else:
            self.say("The model is a stand-in on this machine: GEMINI_API_URL and GEMINI_API_KEY make real images.")
        async with run_stack(options, os.environ, self.say) as stack:
            job = asyncio.create_task(run_in_thread(partial(self.run_job, stack)))
            crash = asyncio.create_task(stack.wait_for_crash())
            try:
                done, _ = await asyncio.wait({job, crash}, timeout=MAX_SECONDS, return_when=asyncio.FIRST_COMPLETED)
                if crash in done:
                    raise crash.result()
                if job in done:
                    return self.decide_exit_code(stack, job)
                self.say(f"The images were not ready after {format_duration(MAX_SECONDS)}.")
                self.print_logs(stack)
                return 1
            finally:
                for task in (job, crash):
                    task.cancel()
                await asyncio.gather(job, crash, return_exceptions=True)

    def decide_exit_code(self, stack: Stack, job: asyncio.Task[bool]) -> int:
        """Return 0 if the finished job made every image; else print the error and the functions' last log lines."""
        error = job.exception()
        if error is None and job.result():
            return 0
        if error is not None:
            if not isinstance(error, (ImageFactoryError, OSError)):
                raise error
            self.say(f"It did not work: {error}")
        self.print_logs(stack)
        return 1

    def run_job(self, stack: Stack, sleep: Sleep) -> bool:
        """Submit, watch and download as a user would; return whether every prompt got its image."""
        endpoints = stack.endpoints
        batch = Batch(self.prompts, [EXAMPLES / "reference.png"], self.model)
        with Client(endpoints.gateway, partial(token_for, endpoints.identity, "demo"), sleep=sleep) as client:
            accepted = client.submit(batch, workflow_id=endpoints.workflow_id, api_key=self.api_key)
            self.say(
                f"Submitted {accepted.prompt_count} prompts to {endpoints.gateway} as execution"
                f" {accepted.execution_id}: the real model takes about"
                f" {format_duration(accepted.estimated_seconds)} and ${accepted.estimated_cost_usd:.3f}"
            )
            for warning in accepted.warnings:
                self.say(f"Warning: {warning}")
            with ProgressView(self.console) as view:
                for execution in client.watch(accepted.execution_id):
                    view.show(execution)
            self.download_images(client, client.results(accepted.execution_id))
        counts = execution.counts
        verb = "They cost" if self.gemini_url else "The real model would have cost"
        images = f"{counts.completed} of {counts.total} images"
        self.say(f"{images} are in {relative_path(self.out)}. {verb} ${execution.cost_usd:.3f}.")
        return execution.status == "completed"

    def download_images(self, client: Client, results: Iterable[Result]) -> None:
        """Download and open every image; print a line for each prompt."""
        with explain_write_errors(f"The folder {self.out}", "clear it, or choose another"):
            delete_earlier_images(self.out)
        for result in results:
            if result.status == "completed":
                with explain_write_errors(f"The folder {self.out}", "make room in it, or choose another"):
                    path = client.download(result, self.out)
                facts = describe_image(path)
            else:
                reason = (result.error.code, result.error.message) if result.error else ()
                facts = " ".join([result.status, *reason])
            self.say(f"  {facts}  {shorten(result.prompt)}")

    def warn_of_cost(self) -> None:
        """Print the price of real images before any is requested."""
        workflow = read_json(ROOT / "infra" / "workflow.json")
        model = self.model or choose_default_model(workflow, datetime.now(UTC).date())
        row = workflow["models"].get(model, {"price_usd": {}})
        price = row["price_usd"].get(workflow["default_resolution"])
        count = len([line for line in self.prompts.splitlines() if line.strip()])
        total = "an unknown sum" if price is None else f"about ${price * count:.2f} ({count} x ${price})"
        self.say(f"Real images: {count} calls of {model} at {self.gemini_url}, paid by your GEMINI_API_KEY: {total}.")

    def print_logs(self, stack: Stack) -> None:
        """Print the last log lines of the three functions."""
        for name in ("submit", "generate", "status"):
            lines = (stack.logs / f"{name}.log").read_text(errors="replace").splitlines()[-MAX_LOG_LINES:]
            self.say(f"Last log lines of {name}:")
            for line in lines or ["(it logged nothing)"]:
                self.say(f"  {line}")


def choose_default_model(workflow: dict[str, Any], today: date) -> str:
    """The workflow's default model; if it is retired on `today`, its first successor that is not."""
    models: dict[str, dict[str, Any]] = workflow["models"]
    name: str = workflow["default_model"]
    for _ in models:
        row = models[name]
        retired_on, successor = row.get("retired_on"), row.get("successor")
        if not retired_on or today < date.fromisoformat(retired_on) or successor not in models:
            break
        name = successor
    return name


def choose_key(environment: Mapping[str, str], gemini_url: str | None) -> str:
    """The Gemini API key to submit with; raises StackError if a real API has none in `environment`."""
    key = environment.get("GEMINI_API_KEY", "")
    if gemini_url is None:
        return STAND_IN_KEY
    if not key:
        raise StackError("GEMINI_API_URL is set, so the images are real: put your Gemini API key into GEMINI_API_KEY.")
    return key


def read_demo(arguments: argparse.Namespace, environment: Mapping[str, str]) -> Demo:
    """Build the demo of the command line and the environment; raises StackError for unreadable prompts or folders."""
    gemini_url = environment.get("GEMINI_API_URL") or None
    key = choose_key(environment, gemini_url)
    try:
        prompts = arguments.prompts.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise StackError(f"The prompts in {arguments.prompts} cannot be read: {error}.") from error
    # Before anything starts or costs money.
    make_folder(arguments.out.resolve())
    return Demo(Console(), prompts, arguments.model, arguments.out.resolve(), key, gemini_url)


def main() -> int:
    """Run the demo; return 0 if every prompt has its image. Raises StackError if the stack cannot run."""
    parser = argparse.ArgumentParser(prog="python -m local.demo", description="Makes five images on this machine.")
    parser.add_argument("--prompts", type=Path, default=EXAMPLES / "prompts.txt", help="file with one prompt a line")
    parser.add_argument("--model", help="the model to use, instead of the workflow's default")
    parser.add_argument("--out", type=Path, default=ROOT / "out", help="where the images go (default: out/)")
    return run(read_demo(parser.parse_args(), os.environ).run(), interrupt_code=INTERRUPTED)


if __name__ == "__main__":
    sys.exit(report_errors(main))

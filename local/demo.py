"""`python -m local.demo`: the whole thing once, on this machine: five prompts in, five images in `out/`.

Starts the stack on free ports, submits `examples/prompts.txt` with `examples/reference.png` through the public HTTP
API, shows progress, downloads the images, opens each, says what they would have cost, and stops everything. The exit
code is 0 only when every prompt has its image. With GEMINI_API_URL and GEMINI_API_KEY set, the images are real.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
from rich.console import Console

from local.album import forget_earlier, measured, shortened, shown
from local.client import Batch, Client, RefusedError, token_for
from local.progress import ProgressView, duration
from local.stack.ports import Ports
from local.stack.settings import ROOT, Options, read_json
from local.stack.stack import Stack, make_folder, running
from local.supervision.errors import StackError, writing
from local.supervision.signals import report, run

if TYPE_CHECKING:
    from collections.abc import Mapping

EXAMPLES = ROOT / "examples"
# Quick for the stand-in; real calls keep the pace of infra/queue.json, which a real key's rate limit bears.
STAND_IN_RATE = 5.0
INTERRUPTED = 130
LONGEST_SECONDS = 15 * 60
TAIL_LINES = 15
STAND_IN_KEY = "a-key-for-the-stand-in"


@dataclass(frozen=True)
class Demo:
    """What to do and where to tell about it: `out` gets the images, `api_key` pays for them."""

    console: Console
    batch: Batch
    out: Path
    api_key: str
    gemini_url: str | None

    def say(self, line: str) -> None:
        """Prints a line for people."""
        self.console.print(line, highlight=False, markup=False, soft_wrap=True)

    async def run(self) -> int:
        """The exit code: 0 when every prompt has its image."""
        rate = None if self.gemini_url else STAND_IN_RATE
        options = Options(Ports.free(), dispatch_rate=rate, gemini_url=self.gemini_url)
        if self.gemini_url:
            self.warn_of_cost()
        else:
            self.say("The model is a stand-in on this machine: GEMINI_API_URL and GEMINI_API_KEY make real images.")
        async with running(options, os.environ, self.say) as stack:
            job = asyncio.create_task(self.job(stack))
            crash = asyncio.create_task(stack.crash())
            try:
                done, _ = await asyncio.wait({job, crash}, timeout=LONGEST_SECONDS, return_when=asyncio.FIRST_COMPLETED)
                if crash in done:
                    raise crash.result()
                if job in done:
                    return self.judged(stack, job)
                self.say(f"The images were not ready after {duration(LONGEST_SECONDS)}.")
                self.show_logs(stack)
                return 1
            finally:
                for task in (job, crash):
                    task.cancel()
                await asyncio.gather(job, crash, return_exceptions=True)

    def judged(self, stack: Stack, job: asyncio.Task[bool]) -> int:
        """The exit code that the finished job deserves; says what went wrong, with the functions' last log lines."""
        error = job.exception()
        if error is None and job.result():
            return 0
        if error is not None:
            if not isinstance(error, (RefusedError, aiohttp.ClientError, OSError)):
                raise error
            self.say(f"It did not work: {error}")
        self.show_logs(stack)
        return 1

    async def job(self, stack: Stack) -> bool:
        """Does what a user would do; whether every prompt got its image."""
        state = stack.state
        async with aiohttp.ClientSession() as session:
            client = Client(session, state.gateway, await token_for(session, state.identity, "demo"))
            accepted = await client.submit(state.workflow_id, self.api_key, self.batch)
            self.say(
                f"Submitted {accepted['prompt_count']} prompts to {state.gateway} as execution"
                f" {accepted['execution_id']}: about {duration(accepted['estimated_time_seconds'])} expected of the"
                f" real model, ${accepted['estimated_cost_usd']:.3f}"
            )
            for warning in accepted["warnings"]:
                self.say(f"Warning: {warning}")
            with ProgressView(self.console) as view:
                ended = await client.follow(accepted["execution_id"], view.show)
            results = await client.results(accepted["execution_id"])
            await self.collect(client, results)
        counts = ended["counts"]
        verb = "They cost" if self.gemini_url else "The real model would have cost"
        made = f"{counts['completed']} of {counts['total']} images"
        self.say(f"{made} are in {shown(self.out)}. {verb} ${ended['cost_usd']:.3f}.")
        return str(ended["status"]) == "completed"

    async def collect(self, client: Client, results: list[dict[str, Any]]) -> None:
        """Downloads every image, opens it, and prints a line for each prompt."""
        with writing(f"The folder {self.out}", "clear it, or choose another"):
            forget_earlier(self.out)
        for result in results:
            if result["status"] == "completed":
                path = await client.download(result, self.out)
                facts = await asyncio.to_thread(measured, path)
            else:
                error = result.get("error") or {}
                facts = " ".join([result["status"], error.get("code", ""), error.get("message", "")])
            self.say(f"  {facts}  {shortened(result['prompt_text'])}")

    def warn_of_cost(self) -> None:
        """Says what real images cost before any is asked for."""
        workflow = read_json(ROOT / "infra" / "workflow.json")
        model = self.batch.model or choose_default(workflow, datetime.now(UTC).date())
        row = workflow["models"].get(model, {"price_usd": {}})
        price = row["price_usd"].get(workflow["default_resolution"])
        count = len([line for line in self.batch.prompts.splitlines() if line.strip()])
        total = "an unknown sum" if price is None else f"about ${price * count:.2f} ({count} x ${price})"
        self.say(f"Real images: {count} calls of {model} at {self.gemini_url}, paid by your GEMINI_API_KEY: {total}.")

    def show_logs(self, stack: Stack) -> None:
        """Prints the last log lines of the three functions."""
        for name in ("submit", "generate", "status"):
            lines = (stack.logs / f"{name}.log").read_text(errors="replace").splitlines()[-TAIL_LINES:]
            self.say(f"Last log lines of {name}:")
            for line in lines or ["(it logged nothing)"]:
                self.say(f"  {line}")


def choose_default(workflow: dict[str, Any], today: date) -> str:
    """The model that a batch without one gets, as the service chooses it: the first successor that is not retired."""
    models: dict[str, dict[str, Any]] = workflow["models"]
    name: str = workflow["default_model"]
    for _ in models:
        row = models[name]
        retired_on, successor = row.get("retired_on"), row.get("successor")
        if not retired_on or today < date.fromisoformat(retired_on) or successor not in models:
            break
        name = successor
    return name


def key_from(environment: Mapping[str, str], gemini_url: str | None) -> str:
    """The Gemini API key to submit with; raises StackError when a real API is called without one."""
    key = environment.get("GEMINI_API_KEY", "")
    if gemini_url is None:
        return STAND_IN_KEY
    if not key:
        raise StackError("GEMINI_API_URL is set, so the images are real: put your Gemini API key into GEMINI_API_KEY.")
    return key


def demo_from(arguments: argparse.Namespace, environment: Mapping[str, str]) -> Demo:
    """What the command line and the environment ask for."""
    gemini_url = environment.get("GEMINI_API_URL") or None
    key = key_from(environment, gemini_url)
    try:
        prompts = arguments.prompts.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise StackError(f"The prompts in {arguments.prompts} cannot be read: {error}.") from error
    batch = Batch(prompts, (EXAMPLES / "reference.png",), arguments.model)
    # Before anything is started, or paid for.
    make_folder(arguments.out.resolve())
    return Demo(Console(), batch, arguments.out.resolve(), key, gemini_url)


def main() -> int:
    """The exit code: 0 when every prompt has its image; raises StackError when none can be made."""
    parser = argparse.ArgumentParser(prog="python -m local.demo", description="Makes five images on this machine.")
    parser.add_argument("--prompts", type=Path, default=EXAMPLES / "prompts.txt", help="file with one prompt a line")
    parser.add_argument("--model", help="the model to use, instead of the workflow's default")
    parser.add_argument("--out", type=Path, default=ROOT / "out", help="where the images go (default: out/)")
    return run(demo_from(parser.parse_args(), os.environ).run(), interrupted=INTERRUPTED)


if __name__ == "__main__":
    sys.exit(report(main))

"""The parts of the stack: which programs run, how they are called, and how to tell that they are up."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from local.stack import environment, firestore, storage
from local.stack.settings import FUNCTIONS, PROJECT, ROOT, Options, QueueNumbers, State
from local.supervision.supervisor import Kind, Part

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True)
class Setup:
    """All that the parts are made of; `run` is a private folder of this run, `build` holds the staged functions."""

    options: Options
    state: State
    numbers: QueueNumbers
    user: Mapping[str, str]
    java: Path
    jar: Path
    run: Path
    build: Path
    storage_binary: Path

    def all(self) -> list[Part]:
        """Every part, those that take longest to come up first."""
        return [
            self.firestore(),
            *(self.function(name) for name in FUNCTIONS),
            self.seed(),
            self.cloud_tasks(),
            *([] if self.options.gemini_url else [self.gemini()]),
            self.secret_manager(),
            self.identity(),
            self.storage(),
            self.gateway(),
        ]

    def firestore(self) -> Part:
        """Google's Firestore emulator."""
        command = firestore.command(
            self.java, self.jar, self.options.ports.firestore, firestore.write_logging(self.run)
        )
        variables = environment.minimal(self.user) | firestore.VARIABLES
        return Part("firestore", command, ROOT, variables, (f"http://{self.state.firestore}/",))

    def storage(self) -> Part:
        """fake-gcs-server; it keeps its objects where the user wants them kept."""
        kept = self.options.data_dir
        command = storage.command(self.storage_binary, self.options.ports.storage, kept / "storage" if kept else None)
        return self._part("storage", command, f"{self.state.storage}/_internal/healthcheck")

    def cloud_tasks(self) -> Part:
        """The Cloud Tasks emulator."""
        ports = self.options.ports
        return self._python(
            "emulators.cloud_tasks",
            *("--grpc-port", str(ports.cloud_tasks), "--rest-port", str(ports.cloud_tasks_rest)),
            answers_at=(f"{self.state.cloud_tasks_rest}/_local/health", f"tcp://{self.state.cloud_tasks}"),
        )

    def secret_manager(self) -> Part:
        """The Secret Manager emulator."""
        port = str(self.options.ports.secret_manager)
        return self._python(
            "emulators.secret_manager", "--port", port, answers_at=(f"tcp://{self.state.secret_manager}",)
        )

    def gemini(self) -> Part:
        """The stand-in for the Gemini API."""
        return self._python(
            "emulators.gemini",
            *("--port", str(self.options.ports.gemini)),
            *(("--latency", self.options.latency) if self.options.latency else ()),
            answers_at=(f"{self.state.gemini}/_local/health",),
        )

    def identity(self) -> Part:
        """The token issuer."""
        return self._python(
            "emulators.identity",
            *("--port", str(self.options.ports.identity), "--audience", PROJECT),
            answers_at=(f"{self.state.identity}/_local/health",),
        )

    def gateway(self) -> Part:
        """The gateway."""
        state = self.state
        return self._python(
            "local.gateway",
            *("--port", str(self.options.ports.gateway), "--submit", state.submit, "--status", state.status),
            *("--identity", state.identity, "--workflow", state.workflow_id),
            answers_at=(f"{state.gateway}/_local/health",),
        )

    def seed(self) -> Part:
        """The errand that fills the emulators."""
        rate = f"{self.numbers.max_dispatches_per_second:g}"
        command = (
            sys.executable,
            "-m",
            "local.stack.seed",
            "--state",
            str(self.run / "state.json"),
            "--dispatch-rate",
            rate,
        )
        return Part("seed", command, ROOT, environment.minimal(self.user), kind=Kind.ERRAND)

    def function(self, name: str) -> Part:
        """One staged function under functions-framework, in the folder that would be uploaded."""
        address: str = getattr(self.state, name)
        port: int = getattr(self.options.ports, name)
        flags = ("--target", name, "--source", "main.py", "--host", "127.0.0.1", "--port", str(port))
        settings = environment.for_function(
            name, self.state, self.numbers, self.user, self.run, cors_origins=self.options.cors_origins
        )
        # functions-framework answers 404 for this path by itself: it is up, and nobody's code has run.
        answers_at = (f"{address}/favicon.ico",)
        command = (sys.executable, "-m", "functions_framework", *flags)
        return Part(name, command, self.build / name, settings, answers_at, is_revived=self.options.revive)

    def _python(self, module: str, *arguments: str, answers_at: tuple[str, ...]) -> Part:
        name = module.rpartition(".")[2]
        return self._part(name, (sys.executable, "-m", module, *arguments), *answers_at)

    def _part(self, name: str, command: tuple[str, ...], *answers_at: str) -> Part:
        return Part(name, command, ROOT, environment.minimal(self.user), answers_at)

"""The services of the stack: the command, the environment and the addresses of each program."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from local.stack import environment, firestore, storage
from local.stack.settings import FUNCTIONS, PROJECT, ROOT, Endpoints, Options, QueueNumbers
from local.supervision.supervisor import Kind, Service

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True)
class Setup:
    """Everything that the services need: `run_folder` is private to this run, `build_folder` has the staged functions.

    `user` is the user's environment, `java` and `storage_binary` are programs, `jar` is Firestore's emulator.
    """

    options: Options
    endpoints: Endpoints
    numbers: QueueNumbers
    user: Mapping[str, str]
    java: Path
    jar: Path
    run_folder: Path
    build_folder: Path
    storage_binary: Path

    def list_services(self) -> list[Service]:
        """Every service; the slowest to start come first."""
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

    def firestore(self) -> Service:
        """Google's Firestore emulator."""
        command = firestore.build_command(
            self.java, self.jar, self.options.ports.firestore, firestore.write_logging(self.run_folder)
        )
        variables = environment.minimal_environment(self.user) | firestore.VARIABLES
        return Service("firestore", command, ROOT, variables, (f"http://{self.endpoints.firestore}/",))

    def storage(self) -> Service:
        """fake-gcs-server; it keeps its objects in the user's data folder, if there is one."""
        data_dir = self.options.data_dir
        command = storage.build_command(
            self.storage_binary, self.options.ports.storage, data_dir / "storage" if data_dir else None
        )
        return self._service("storage", command, f"{self.endpoints.storage}/_internal/healthcheck")

    def cloud_tasks(self) -> Service:
        """The Cloud Tasks emulator."""
        ports = self.options.ports
        return self._module_service(
            "emulators.cloud_tasks",
            *("--grpc-port", str(ports.cloud_tasks), "--rest-port", str(ports.cloud_tasks_rest)),
            answers_at=(f"{self.endpoints.cloud_tasks_rest}/_local/health", f"tcp://{self.endpoints.cloud_tasks}"),
        )

    def secret_manager(self) -> Service:
        """The Secret Manager emulator."""
        port = str(self.options.ports.secret_manager)
        return self._module_service(
            "emulators.secret_manager", "--port", port, answers_at=(f"tcp://{self.endpoints.secret_manager}",)
        )

    def gemini(self) -> Service:
        """The stand-in for the Gemini API."""
        return self._module_service(
            "emulators.gemini",
            *("--port", str(self.options.ports.gemini)),
            *(("--latency", self.options.latency) if self.options.latency else ()),
            answers_at=(f"{self.endpoints.gemini}/_local/health",),
        )

    def identity(self) -> Service:
        """The token issuer."""
        return self._module_service(
            "emulators.identity",
            *("--port", str(self.options.ports.identity), "--audience", PROJECT),
            answers_at=(f"{self.endpoints.identity}/_local/health",),
        )

    def gateway(self) -> Service:
        """The gateway."""
        endpoints = self.endpoints
        return self._module_service(
            "local.gateway",
            *("--port", str(self.options.ports.gateway), "--submit", endpoints.submit, "--status", endpoints.status),
            *("--identity", endpoints.identity, "--workflow", endpoints.workflow_id),
            answers_at=(f"{endpoints.gateway}/_local/health",),
        )

    def seed(self) -> Service:
        """Fill the emulators: queues, bucket, key and workflow."""
        rate = f"{self.numbers.max_dispatches_per_second:g}"
        command = (
            sys.executable,
            "-m",
            "local.stack.seed",
            "--state",
            str(self.run_folder / "state.json"),
            "--dispatch-rate",
            rate,
        )
        return Service("seed", command, ROOT, environment.minimal_environment(self.user), kind=Kind.ONESHOT)

    def function(self, name: str) -> Service:
        """A staged function under functions-framework, in the folder that a deployment uploads."""
        address: str = getattr(self.endpoints, name)
        port: int = getattr(self.options.ports, name)
        flags = ("--target", name, "--source", "main.py", "--host", "127.0.0.1", "--port", str(port))
        settings = environment.function_environment(
            name, self.endpoints, self.numbers, self.user, self.run_folder, cors_origins=self.options.cors_origins
        )
        # functions-framework itself answers 404 to this path: that shows that it is up, and runs none of our code.
        answers_at = (f"{address}/favicon.ico",)
        command = (sys.executable, "-m", "functions_framework", *flags)
        return Service(name, command, self.build_folder / name, settings, answers_at, restarts=self.options.restart)

    def _module_service(self, module: str, *arguments: str, answers_at: tuple[str, ...]) -> Service:
        name = module.rpartition(".")[2]
        return self._service(name, (sys.executable, "-m", module, *arguments), *answers_at)

    def _service(self, name: str, command: tuple[str, ...], *answers_at: str) -> Service:
        return Service(name, command, ROOT, environment.minimal_environment(self.user), answers_at)

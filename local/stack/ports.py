"""The ports of the local stack: a fixed row by default, free ones for tests and for a second stack."""

from __future__ import annotations

import os
import random
import socket
from dataclasses import astuple, dataclass, fields
from typing import Self

from local.supervision.errors import StackError

HOST = "127.0.0.1"
FIRST_PORT = 8080
MAX_PORT = 65_535

# Below Linux's range for outgoing connections (32768 and up): no connection can take a port between the check and the
# server's bind.
FREE_RANGE = range(20_000, 32_000)
# Each process looks at one port of so many: two stacks that start at the same time rarely choose the same port.
SHARES = 20


@dataclass(frozen=True)
class Ports:
    """One port on 127.0.0.1 for each server, in the order of the fixed row."""

    gateway: int
    submit: int
    generate: int
    status: int
    firestore: int
    storage: int
    cloud_tasks: int
    cloud_tasks_rest: int
    secret_manager: int
    gemini: int
    identity: int

    @classmethod
    def row(cls, first: int = FIRST_PORT) -> Self:
        """The fixed row: the gateway on `first`, the other servers on the ports after it; raises StackError."""
        if not 0 < first <= MAX_PORT - len(fields(cls)):
            raise StackError(f"Port {first} cannot begin a row of {len(fields(cls))} ports: choose one in 1024-65000.")
        return cls(*range(first, first + len(fields(cls))))

    @classmethod
    def find_free(cls) -> Self:
        """Ports that nothing listens on now; raises StackError if there are too few."""
        needed = len(fields(cls))
        free: list[int] = []
        candidates = FREE_RANGE[os.getpid() % SHARES :: SHARES]
        for port in random.sample(candidates, k=len(candidates)):
            if is_free(port):
                free.append(port)
            if len(free) == needed:
                return cls(*free)
        raise StackError(f"No {needed} free ports were found between {FREE_RANGE.start} and {FREE_RANGE.stop}.")

    def require_free(self) -> None:
        """Raise StackError, which names every busy port, if there is one."""
        pairs = zip(fields(self), astuple(self), strict=True)
        busy = [f"{port} ({field.name})" for field, port in pairs if not is_free(port)]
        if busy:
            subject = f"Port {busy[0]} is" if len(busy) == 1 else f"Ports {', '.join(busy)} are"
            raise StackError(
                f"{subject} in use by another program: stop it, or start with --free-ports or --port-base N."
            )


def is_free(port: int) -> bool:
    """Whether a server could listen on the port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # Servers set this too. Without it a port counts as busy for a minute after a stack has ended.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
            probe.listen(1)
        except OSError:
            return False
    return True

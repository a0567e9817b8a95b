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
HIGHEST_PORT = 65_535

# Below Linux's range for outgoing connections (32768 and up): a connection that somebody opens between our look and
# the server's bind cannot take the port away.
FREE_RANGE = range(20_000, 32_000)
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
        """The fixed row: the gateway on `first`, every other server on the next."""
        if not 0 < first <= HIGHEST_PORT - len(fields(cls)):
            raise StackError(f"Port {first} cannot begin a row of {len(fields(cls))} ports: choose one in 1024-65000.")
        return cls(*range(first, first + len(fields(cls))))

    @classmethod
    def free(cls) -> Self:
        """Ports that nothing listens on at this moment."""
        needed = len(fields(cls))
        found: list[int] = []
        # Two programs that look at the same moment, before either listens, mostly look among different ports.
        own = FREE_RANGE[os.getpid() % SHARES :: SHARES]
        for port in random.sample(own, k=len(own)):
            if is_free(port):
                found.append(port)
            if len(found) == needed:
                return cls(*found)
        raise StackError(f"No {needed} free ports were found between {FREE_RANGE.start} and {FREE_RANGE.stop}.")

    def check(self) -> None:
        """Raises StackError that names every port something else listens on."""
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
        # Servers set this too: without it a port would count as busy for a minute after the last stack ended.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
            probe.listen(1)
        except OSError:
            return False
    return True

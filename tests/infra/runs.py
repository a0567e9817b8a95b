"""Commands, run one after the other on a world of their own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.infra.cloud.gcloud import Outcome, environment, run_infra
from tests.infra.cloud.server import Cloud

if TYPE_CHECKING:
    from pathlib import Path

    from tests.infra.cloud.world import Json, World


@dataclass(frozen=True)
class Run:
    """Commands that were run one after the other, the world they left, and what was in it before and after each."""

    commands: tuple[Outcome, ...]
    world: World
    states: tuple[Json, ...]

    @property
    def before(self) -> Json:
        return self.states[0]

    @property
    def out(self) -> str:
        return "".join(command.out for command in self.commands)

    @property
    def err(self) -> str:
        return "".join(command.err for command in self.commands)

    @property
    def codes(self) -> tuple[int, ...]:
        return tuple(command.code for command in self.commands)


@dataclass(frozen=True)
class Command:
    """A command of `python -m infra`, what is typed when it asks, and settings of its own.

    `is_bare` runs it with the standard library alone.
    """

    arguments: tuple[str, ...]
    answers: str = ""
    settings: tuple[tuple[str, str], ...] = ()
    is_bare: bool = True


def carry_out(world: World, folder: Path, programs: Path, *commands: Command) -> Run:
    """Run these on this world, with a fake and a gcloud configuration of their own; stop at the first that fails.

    The folder `programs` comes first on the path.
    """
    states = [world.facts()]
    outcomes: list[Outcome] = []
    with Cloud(world) as cloud:
        for command in commands:
            own = {name: value.replace("CLOUD", cloud.base) for name, value in command.settings}
            env = environment(cloud, folder, programs) | own
            outcomes.append(run_infra(env, *command.arguments, answers=command.answers, is_bare=command.is_bare))
            states.append(world.facts())
            if outcomes[-1].code:
                break
    return Run(tuple(outcomes), world, tuple(states))

"""Scripts, run one after the other on a world of their own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.infra.cloud.gcloud import Script, environment, script
from tests.infra.cloud.server import Cloud

if TYPE_CHECKING:
    from pathlib import Path

    from tests.infra.cloud.world import Json, World


@dataclass(frozen=True)
class Run:
    """Scripts that were run one after the other, the world they left, and what was in it before and after each."""

    scripts: tuple[Script, ...]
    world: World
    states: tuple[Json, ...]

    @property
    def before(self) -> Json:
        return self.states[0]

    @property
    def out(self) -> str:
        return "".join(one.out for one in self.scripts)

    @property
    def err(self) -> str:
        return "".join(one.err for one in self.scripts)

    @property
    def codes(self) -> tuple[int, ...]:
        return tuple(one.code for one in self.scripts)


@dataclass(frozen=True)
class Command:
    """A script with its arguments, what is typed when it asks, and settings of its own."""

    name: str
    arguments: tuple[str, ...] = ()
    answers: str = ""
    settings: tuple[tuple[str, str], ...] = ()


def carried_out(world: World, folder: Path, *commands: Command) -> Run:
    """Run these on this world, with a fake and a gcloud configuration of their own; stop at the first that fails."""
    states = [world.facts()]
    done: list[Script] = []
    with Cloud(world) as cloud:
        for command in commands:
            own = {name: value.replace("CLOUD", cloud.base) for name, value in command.settings}
            env = environment(cloud, folder) | own
            done.append(script(command.name, env, *command.arguments, answers=command.answers))
            states.append(world.facts())
            if done[-1].code:
                break
    return Run(tuple(done), world, tuple(states))

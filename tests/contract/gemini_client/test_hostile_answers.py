"""No server makes the client take longer than its attempt, or more memory than is told in docs/operations.md."""

from __future__ import annotations

import pytest

from bench.hostile_answers import BODY_AND_TEXT, ONE_BODY, SCENES, SMALL_GROWTH, Scene

#: Seconds beyond an attempt's own on a machine with much else to do.
SLACK = 1.0


@pytest.mark.parametrize("scene", [pytest.param(scene, id=scene.name) for scene in SCENES])
def test_an_attempt_ends_in_the_right_code_within_its_time_and_memory(scene: Scene) -> None:
    measurement = scene.play()

    assert measurement.output == scene.code
    assert measurement.seconds < scene.seconds + SLACK
    assert measurement.growth_mb < scene.growth_mb


def test_the_bounds_are_those_of_the_longest_answer() -> None:
    assert SMALL_GROWTH < ONE_BODY < BODY_AND_TEXT < 2.5 * 100

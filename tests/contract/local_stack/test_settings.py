"""What the stack is told, the ports it takes, and the environment it gives to each function."""

from __future__ import annotations

import socket
from dataclasses import astuple, fields
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from imagefactory.settings import FUNCTIONS, GenerateSettings, Settings, StatusSettings, SubmitSettings
from local.__main__ import build_parser, read_options
from local.stack import environment
from local.stack.ports import Ports
from local.stack.settings import ROOT, Endpoints, Options, QueueNumbers, workflow_id
from local.supervision.errors import StackError

if TYPE_CHECKING:
    from collections.abc import Mapping

NUMBERS = QueueNumbers.read(ROOT / "infra" / "queue.json")
ENDPOINTS = Endpoints.of(Ports.row(8080), None, "workflow")


def given(name: str, user: Mapping[str, str]) -> dict[str, str]:
    """The environment of one function."""
    return environment.function_environment(name, ENDPOINTS, NUMBERS, user, Path("/run"))


@pytest.mark.parametrize(
    ("name", "settings"), [("submit", SubmitSettings), ("generate", GenerateSettings), ("status", StatusSettings)]
)
def test_each_function_gets_every_setting_it_needs(name: str, settings: type[Settings]) -> None:
    read = settings.from_env(given(name, {}))

    assert read.project_id == ENDPOINTS.project
    assert read.bucket == ENDPOINTS.bucket


@pytest.mark.parametrize("name", ["submit", "generate", "status"])
def test_no_secret_of_the_user_s_shell_reaches_a_function(name: str) -> None:
    user = {
        "GEMINI_API_KEY": "1",
        "AWS_SECRET_ACCESS_KEY": "2",
        "GOOGLE_APPLICATION_CREDENTIALS": "/home/me/key.json",
        "PYTHONPATH": "/home/me",
        "HTTP_PROXY": "http://proxy",
        "PATH": "/bin",
    }

    got = given(name, user)

    assert not {"GEMINI_API_KEY", "AWS_SECRET_ACCESS_KEY", "PYTHONPATH", "HTTP_PROXY"} & got.keys()
    assert got.get("GOOGLE_APPLICATION_CREDENTIALS") != "/home/me/key.json"
    assert got["PATH"] == "/bin"


def test_pages_of_this_machine_and_of_the_origins_that_a_user_names_may_call() -> None:
    user = {"CORS_ORIGINS": "https://shell.test"}

    for name in ("submit", "status"):
        got = environment.function_environment(
            name, ENDPOINTS, NUMBERS, user, Path("/run"), cors_origins=("https://option.test",)
        )
        assert set(got["CORS_ORIGINS"].split(",")) == {
            *("http://localhost:*", "http://127.0.0.1:*", "http://[::1]:*"),
            *("https://localhost:*", "https://127.0.0.1:*", "https://[::1]:*"),
            *("https://shell.test", "https://option.test"),
        }


def test_settings_that_a_user_may_choose_are_passed_on() -> None:
    user = {"MODEL_TIMEOUT_SECONDS": "3", "RETENTION_DAYS": "1", "LOG_LEVEL": "debug"}

    assert given("generate", user).items() >= user.items()
    assert given("status", {"RESULT_URLS": "public"})["RESULT_URLS"] == "public"


def test_only_status_can_sign() -> None:
    able = [name for name in ("submit", "generate", "status") if "GOOGLE_APPLICATION_CREDENTIALS" in given(name, {})]

    assert able == ["status"]


def test_generate_has_a_thread_for_every_call_that_waits_for_the_model() -> None:
    threads = int(given("generate", {})["THREADS"])

    assert threads >= NUMBERS.max_concurrent_dispatches


def test_the_fixed_row_begins_with_the_gateway() -> None:
    ports = Ports.row(9000)

    assert astuple(ports) == tuple(range(9000, 9011))
    assert ports.gateway == 9000


def test_free_ports_are_different_and_free() -> None:
    ports = Ports.find_free()

    assert len(set(astuple(ports))) == len(astuple(ports))
    ports.require_free()


def test_a_busy_port_is_named_with_the_server_that_wants_it() -> None:
    free = Ports.find_free()
    with socket.create_server(("127.0.0.1", free.storage)), pytest.raises(StackError) as told:
        free.require_free()

    assert str(told.value) == (
        f"Port {free.storage} (storage) is in use by another program: stop it, or start with --free-ports or"
        " --port-base N."
    )


def test_several_busy_ports_are_named_together() -> None:
    free = Ports.find_free()
    with (
        socket.create_server(("127.0.0.1", free.gateway)),
        socket.create_server(("127.0.0.1", free.gemini)),
        pytest.raises(StackError, match=rf"^Ports {free.gateway} \(gateway\), {free.gemini} \(gemini\) are in use"),
    ):
        free.require_free()


@pytest.mark.parametrize("first", [0, -1, 65_530])
def test_a_row_that_does_not_fit_is_said(first: int) -> None:
    with pytest.raises(StackError, match=rf"^Port {first} cannot begin a row"):
        Ports.row(first)


@pytest.mark.parametrize("latency", ["", "1", "3-1", "-1-2", "a-b", "1-2-3"])
def test_a_latency_that_is_no_range_is_said(latency: str) -> None:
    with pytest.raises(StackError, match=r"--gemini-latency must be MIN-MAX"):
        Options(Ports.row(), latency=latency)


@pytest.mark.parametrize("rate", [0.0, -1.0, 501.0, float("nan")])
def test_a_rate_that_cloud_tasks_would_refuse_is_said(rate: float) -> None:
    with pytest.raises(StackError, match=r"--dispatch-rate must be above 0 and at most 500"):
        Options(Ports.row(), dispatch_rate=rate)


def test_another_gemini_api_is_the_one_that_functions_call() -> None:
    state = Endpoints.of(Ports.row(), "https://generativelanguage.googleapis.com/", "workflow")

    assert state.gemini == "https://generativelanguage.googleapis.com"
    assert (
        environment.function_environment("generate", state, NUMBERS, {}, Path("/run"))["GEMINI_API_URL"] == state.gemini
    )


def test_a_missing_number_of_the_queue_is_named(tmp_path: Path) -> None:
    path = tmp_path / "queue.json"
    path.write_text('{"max_dispatches_per_second": 1}')

    with pytest.raises(StackError, match=r"queue\.json does not state 'max_concurrent_dispatches'"):
        QueueNumbers.read(path)


@pytest.mark.parametrize("content", ["", "[]", "{}"])
def test_a_workflow_file_without_an_id_is_said(tmp_path: Path, content: str) -> None:
    path = tmp_path / "workflow.json"
    path.write_text(content)

    with pytest.raises(StackError, match=r"workflow\.json"):
        workflow_id(path)


def test_the_old_name_of_restart_still_works_with_a_warning(capsys: pytest.CaptureFixture[str]) -> None:
    options = read_options(build_parser().parse_args(["--revive"]))

    assert options.restart
    assert capsys.readouterr().err == "--revive is deprecated: use --restart.\n"
    assert "--revive" not in build_parser().format_help()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_setting_of_a_function_is_the_stacks_or_the_users_to_choose(name: str) -> None:
    of_the_stack = given(name, {})
    chosen = {"RETENTION_DAYS": "7", "ID_TOKENS_NOT_BEFORE": "2026-01-01T00:00:00Z", "GENERATE_REQUIRES_IAM": "yes"}

    got = given(name, chosen)

    names = {field.name.upper() for field in fields(FUNCTIONS[name])}
    assert {setting: got[setting] for setting in chosen if setting in names} == {
        setting: value for setting, value in chosen.items() if setting in names
    }
    assert not (got.keys() - of_the_stack.keys()) - names


def test_a_wrong_setting_in_the_shell_stops_the_stack_before_it_starts() -> None:
    with pytest.raises(
        StackError, match=r"^The settings of generate are wrong: MAX_CONCURRENT_DECODES must be at least 1"
    ):
        given("generate", {"MAX_CONCURRENT_DECODES": "0"})


def test_the_database_that_the_shell_names_is_the_one_that_is_seeded() -> None:
    endpoints = Endpoints.of(Ports.row(8080), None, "workflow", "another")

    got = environment.function_environment("status", endpoints, NUMBERS, {"DATABASE": "ignored"}, Path("/run"))

    assert got["DATABASE"] == "another"

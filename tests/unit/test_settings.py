from __future__ import annotations

import json
import os
from dataclasses import fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from imagefactory.domain.limits import Limits
from imagefactory.domain.retry import RetryPolicy
from imagefactory.settings import (
    FUNCTIONS,
    OLD_NAMES,
    BadSettings,
    GenerateSettings,
    Settings,
    StatusSettings,
    SubmitSettings,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

COMMON = {"PROJECT_ID": "p", "BUCKET": "b", "DISPATCH_RATE": "1"}
API = COMMON | {
    "ID_TOKEN_ISSUER": "https://issuer",
    "ID_TOKEN_AUDIENCE": "p",
    "ID_TOKEN_JWKS_URL": "https://issuer/jwks",
}
QUEUE = COMMON | {
    "QUEUE": "projects/p/locations/l/queues/q",
    "WATCHDOG_QUEUE": "projects/p/locations/l/queues/w",
    "GENERATE_URL": "https://generate",
    "TASKS_SERVICE_ACCOUNT": "tasks@p",
    "ENCRYPTION_KEY_SECRET": "projects/p/secrets/s",
    "DISPATCH_DEADLINE_SECONDS": "600",
}
GENERATE = QUEUE | {
    "GEMINI_API_URL": "https://gemini",
    "TASKS_ISSUER": "https://tasks",
    "TASKS_JWKS_URL": "https://jwks",
}


def refused(kind: type[Settings], env: Mapping[str, str]) -> str:
    with pytest.raises(BadSettings) as bad:
        kind.from_env(env)
    return str(bad.value)


@pytest.mark.parametrize(
    ("kind", "env"),
    [(SubmitSettings, API | QUEUE), (StatusSettings, API), (GenerateSettings, GENERATE), (Settings, COMMON)],
)
def test_each_function_starts_with_what_it_needs_and_nothing_else(kind: type[Settings], env: dict[str, str]) -> None:
    settings = kind.from_env(env)

    assert (settings.project_id, settings.bucket) == ("p", "b")
    assert (settings.database, settings.log_level, settings.retention_days) == ("(default)", "info", 30)


@pytest.mark.parametrize(
    ("kind", "env"), [(SubmitSettings, API | QUEUE), (StatusSettings, API), (GenerateSettings, GENERATE)]
)
def test_each_variable_that_is_missing_is_named_in_one_go(kind: type[Settings], env: dict[str, str]) -> None:
    message = refused(kind, {})

    assert {part.removesuffix(" is not set") for part in message.split("; ")} == set(env)


def test_an_empty_variable_is_a_missing_one() -> None:
    assert refused(Settings, COMMON | {"BUCKET": ""}) == "BUCKET is not set"
    assert Settings.from_env(COMMON | {"DATABASE": ""}).database == "(default)"


def test_values_are_read_as_their_types() -> None:
    settings = GenerateSettings.from_env(
        GENERATE | {"RETENTION_DAYS": "7", "MODEL_TIMEOUT_SECONDS": "90.5", "MAX_CONCURRENT_DECODES": "2"}
    )

    assert (settings.retention_days, settings.model_timeout_seconds, settings.max_concurrent_decodes) == (7, 90.5, 2)


def test_values_of_the_wrong_type_are_told_with_those_that_are_missing() -> None:
    message = refused(SubmitSettings, API | QUEUE | {"RETENTION_DAYS": "a month", "DISPATCH_RATE": "fast", "QUEUE": ""})

    assert set(message.split("; ")) == {
        "RETENTION_DAYS is 'a month', which is no int",
        "QUEUE is not set",
        "DISPATCH_RATE is 'fast', which is no float",
    }


@pytest.mark.parametrize(
    ("kind", "env", "faults"),
    [
        (StatusSettings, API | {"RETENTION_DAYS": "0"}, ["RETENTION_DAYS"]),
        (StatusSettings, API | {"DISPATCH_RATE": "0"}, ["DISPATCH_RATE"]),
        (StatusSettings, API | {"DISPATCH_RATE": "-1"}, ["DISPATCH_RATE"]),
        (StatusSettings, API | {"DISPATCH_RATE": "nan"}, ["DISPATCH_RATE"]),
        *(
            (StatusSettings, API | {"CORS_ORIGINS": f"https://page.test,{origin}"}, [f"CORS_ORIGINS has {origin}:"])
            for origin in ("*", "null", "page.test", "https://page.test/", "https://*.page.test", "https://Page.test")
        ),
        *(
            (StatusSettings, API | {"CORS_ORIGINS": origin}, [f"CORS_ORIGINS has {origin}:"])
            for origin in ("http://localhost:*.evil.test", "*://localhost:*", "http://*:80", "http://[::1]:*/")
        ),
        (
            StatusSettings,
            API | {"CORS_ORIGINS": "http://localhost:*", "K_SERVICE": "status"},
            ["CORS_ORIGINS has http://localhost:*:"],
        ),
        *(
            (StatusSettings, API | {"ID_TOKENS_NOT_BEFORE": moment}, ["ID_TOKENS_NOT_BEFORE"])
            for moment in ("yesterday", "2026-11-22T15:04:05", "1795359845", "2026-11-22")
        ),
        (StatusSettings, API | {"ID_TOKEN_JWKS_URL": "file:///etc/keys"}, ["ID_TOKEN_JWKS_URL"]),
        (StatusSettings, API | {"K_SERVICE": "s", "ID_TOKEN_JWKS_URL": "http://issuer"}, ["ID_TOKEN_JWKS_URL"]),
        (
            GenerateSettings,
            GENERATE | {"K_SERVICE": "g", "TASKS_JWKS_URL": "http://jwks", "GEMINI_API_URL": "http://gemini"},
            ["TASKS_JWKS_URL", "GEMINI_API_URL", "GENERATE_REQUIRES_IAM"],
        ),
        (StatusSettings, API | {"RESULT_URLS": "secret"}, ["RESULT_URLS"]),
        (StatusSettings, API | {"SIGNED_URL_SECONDS": "59"}, ["SIGNED_URL_SECONDS"]),
        (StatusSettings, API | {"SIGNED_URL_SECONDS": "604801"}, ["SIGNED_URL_SECONDS"]),
        (SubmitSettings, API | QUEUE | {"DISPATCH_DEADLINE_SECONDS": "1801"}, ["DISPATCH_DEADLINE_SECONDS"]),
        (SubmitSettings, API | QUEUE | {"DISPATCH_DEADLINE_SECONDS": "0"}, ["DISPATCH_DEADLINE_SECONDS"]),
        (SubmitSettings, API | QUEUE | {"WATCHDOG_INTERVAL_SECONDS": "0"}, ["WATCHDOG_INTERVAL_SECONDS"]),
        (SubmitSettings, API | QUEUE | {"MAX_EXECUTIONS_PER_USER": "0"}, ["MAX_EXECUTIONS_PER_USER"]),
        (SubmitSettings, API | QUEUE | {"MAX_PROMPTS_PER_USER": "-1"}, ["MAX_PROMPTS_PER_USER"]),
        (GenerateSettings, GENERATE | {"MAX_CONCURRENT_DECODES": "0"}, ["MAX_CONCURRENT_DECODES"]),
        (GenerateSettings, GENERATE | {"MODEL_TIMEOUT_SECONDS": "421"}, ["deadlines must nest"]),
        (GenerateSettings, GENERATE | {"MODEL_TIMEOUT_SECONDS": "nan"}, ["deadlines must nest"]),
        (GenerateSettings, GENERATE | {"MODEL_TIMEOUT_SECONDS": "-500"}, ["deadlines must nest"]),
        (GenerateSettings, GENERATE | {"FUNCTION_TIMEOUT_SECONDS": "239"}, ["deadlines must nest"]),
        (GenerateSettings, GENERATE | {"FUNCTION_TIMEOUT_SECONDS": "600"}, ["deadlines must nest"]),
        (
            SubmitSettings,
            API | QUEUE | {"DISPATCH_RATE": "0", "DISPATCH_DEADLINE_SECONDS": "0", "RETENTION_DAYS": "-1"},
            ["RETENTION_DAYS", "DISPATCH_DEADLINE_SECONDS", "DISPATCH_RATE"],
        ),
    ],
)
def test_values_that_cannot_work_keep_the_function_from_starting(
    kind: type[Settings], env: dict[str, str], faults: list[str]
) -> None:
    told = refused(kind, env).split("; ")

    assert [any(one.startswith(fault) for one in told) for fault in faults] == [True] * len(faults)


def test_origins_are_a_list_and_none_by_default() -> None:
    assert StatusSettings.from_env(API).origins == frozenset()
    assert StatusSettings.from_env(API | {"CORS_ORIGINS": " https://a , https://b,"}).origins == {
        "https://a",
        "https://b",
    }


def test_tokens_may_have_a_moment_before_which_none_counts() -> None:
    assert StatusSettings.from_env(API).not_before is None
    withdrawn = StatusSettings.from_env(API | {"ID_TOKENS_NOT_BEFORE": "2026-11-22T15:04:05Z"})
    assert withdrawn.not_before == datetime(2026, 11, 22, 15, 4, 5, tzinfo=UTC)


def test_the_first_timeout_can_be_chosen() -> None:
    settings = GenerateSettings.from_env(GENERATE | {"MODEL_TIMEOUT_SECONDS": "60"})

    assert settings.retry_policy.timeout(1) == 60
    # 540 s for the function, less 60 s around the model's call, less 60 s that the third attempt has more.
    assert settings.retry_policy == RetryPolicy(timeout_base=60, longest_base=420)
    assert settings.retry_policy.timeout(1, base=1000) == 420


def test_the_time_around_the_model_call_can_be_chosen_and_deadlines_still_nest() -> None:
    settings = GenerateSettings.from_env(GENERATE | {"ATTEMPT_OVERHEAD_SECONDS": "20"})

    assert settings.retry_policy.lease(1) == 140
    with pytest.raises(BadSettings, match="ATTEMPT_OVERHEAD_SECONDS must be above 0"):
        GenerateSettings.from_env(GENERATE | {"ATTEMPT_OVERHEAD_SECONDS": "0"})
    with pytest.raises(BadSettings, match="deadlines must nest: the longest attempt \\(680 s\\)"):
        GenerateSettings.from_env(GENERATE | {"ATTEMPT_OVERHEAD_SECONDS": "500"})


def test_without_an_argument_the_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        monkeypatch.delenv(name)
    for name, value in COMMON.items():
        monkeypatch.setenv(name, value)

    assert Settings.from_env() == Settings(project_id="p", bucket="b", dispatch_rate=1.0)


def test_on_cloud_run_generate_wants_to_be_told_that_iam_guards_it() -> None:
    assert "GENERATE_REQUIRES_IAM must be yes on Cloud Run" in refused(GenerateSettings, GENERATE | {"K_SERVICE": "g"})
    told = GENERATE | {"K_SERVICE": "g", "GENERATE_REQUIRES_IAM": "yes"}
    assert GenerateSettings.from_env(told).generate_requires_iam == "yes"


def test_a_guard_is_there_or_not() -> None:
    message = refused(GenerateSettings, GENERATE | {"GENERATE_REQUIRES_IAM": "perhaps"})

    assert message == "GENERATE_REQUIRES_IAM must be yes or no"


def test_a_renamed_setting_is_read_under_its_old_name_with_a_warning(capsys: pytest.CaptureFixture[str]) -> None:
    settings = GenerateSettings.from_env(GENERATE | {"GATE": "3"})

    logged = json.loads(capsys.readouterr().out)
    assert settings.max_concurrent_decodes == 3
    assert (logged["severity"], logged["old_name"], logged["new_name"]) == (
        "WARNING",
        "GATE",
        "MAX_CONCURRENT_DECODES",
    )


def test_the_new_name_wins_over_the_old_one(capsys: pytest.CaptureFixture[str]) -> None:
    settings = GenerateSettings.from_env(GENERATE | {"GATE": "3", "MAX_CONCURRENT_DECODES": "5"})

    assert settings.max_concurrent_decodes == 5
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("record", FUNCTIONS.values())
def test_an_old_name_is_no_name_of_now(record: type[Settings]) -> None:
    names = {item.name.upper() for item in fields(record)}

    assert not names & set(OLD_NAMES.values())


def test_what_is_not_set_has_its_default() -> None:
    submit, status = SubmitSettings.from_env(API | QUEUE), StatusSettings.from_env(API)
    generate = GenerateSettings.from_env(GENERATE)

    assert (submit.database, submit.log_level, submit.retention_days, submit.k_service) == ("(default)", "info", 30, "")
    assert (submit.watchdog_interval_seconds, submit.limits) == (60, Limits(executions=100, prompts=50_000))
    assert (submit.cloud_tasks_emulator_host, submit.secret_manager_emulator_host) == ("", "")
    assert (status.result_urls, status.signed_url_seconds) == ("signed", 3600)
    assert status.storage_url == "https://storage.googleapis.com"
    assert (generate.model_timeout_seconds, generate.attempt_overhead_seconds) == (120, 60)
    assert (generate.function_timeout_seconds, generate.max_concurrent_decodes, generate.generate_requires_iam) == (
        540,
        8,
        "no",
    )


@pytest.mark.parametrize(
    ("kind", "env"),
    [
        (StatusSettings, API | {"RETENTION_DAYS": "1"}),
        (StatusSettings, API | {"DISPATCH_RATE": "0.01"}),
        (StatusSettings, API | {"SIGNED_URL_SECONDS": "60"}),
        (StatusSettings, API | {"SIGNED_URL_SECONDS": "604800"}),
        (StatusSettings, API | {"RESULT_URLS": "public"}),
        (StatusSettings, API | {"CORS_ORIGINS": "http://localhost:8080, http://[::1]:*, http://localhost:*"}),
        (StatusSettings, API | {"CORS_ORIGINS": "https://page.test:65535", "K_SERVICE": "status"}),
        (StatusSettings, API | {"ID_TOKEN_JWKS_URL": "http://127.0.0.1:1/jwks"}),
        (SubmitSettings, API | QUEUE | {"DISPATCH_DEADLINE_SECONDS": "1800"}),
        (SubmitSettings, API | QUEUE | {"DISPATCH_DEADLINE_SECONDS": "0.5"}),
        (SubmitSettings, API | QUEUE | {"WATCHDOG_INTERVAL_SECONDS": "0.5"}),
        (SubmitSettings, API | QUEUE | {"MAX_EXECUTIONS_PER_USER": "1", "MAX_PROMPTS_PER_USER": "1"}),
        (GenerateSettings, GENERATE | {"MAX_CONCURRENT_DECODES": "1"}),
        (GenerateSettings, GENERATE | {"ATTEMPT_OVERHEAD_SECONDS": "0.5"}),
        # 420 s for the first attempt are 480 for the third, and 60 around the model's call.
        (GenerateSettings, GENERATE | {"MODEL_TIMEOUT_SECONDS": "420"}),
        (GenerateSettings, GENERATE | {"FUNCTION_TIMEOUT_SECONDS": "240"}),
        (GenerateSettings, GENERATE | {"FUNCTION_TIMEOUT_SECONDS": "599"}),
    ],
)
def test_values_at_their_limits_are_taken(kind: type[Settings], env: dict[str, str]) -> None:
    assert kind.from_env(env).errors() == []


@pytest.mark.parametrize(
    ("kind", "env", "message"),
    [
        (Settings, COMMON | {"RETENTION_DAYS": "0"}, "RETENTION_DAYS must be at least 1"),
        (Settings, COMMON | {"DISPATCH_RATE": "inf"}, "DISPATCH_RATE must be above 0"),
        (StatusSettings, API | {"RESULT_URLS": "none"}, "RESULT_URLS must be signed or public"),
        (StatusSettings, API | {"SIGNED_URL_SECONDS": "1"}, "SIGNED_URL_SECONDS must be from 60 to 604800"),
        (
            StatusSettings,
            API | {"ID_TOKEN_JWKS_URL": "ftp://x"},
            "ID_TOKEN_JWKS_URL must begin with https:// or http://",
        ),
        (
            StatusSettings,
            API | {"ID_TOKEN_JWKS_URL": "http://x", "K_SERVICE": "s"},
            "ID_TOKEN_JWKS_URL must begin with https://",
        ),
        (
            StatusSettings,
            API | {"CORS_ORIGINS": "b,https://ok,a"},
            "CORS_ORIGINS has a, b: an origin is https://HOST, without a path, and neither * nor null is one",
        ),
        (
            StatusSettings,
            API | {"ID_TOKENS_NOT_BEFORE": "now"},
            "ID_TOKENS_NOT_BEFORE must be a timestamp with its zone, such as 2026-11-22T15:04:05Z",
        ),
        (
            SubmitSettings,
            API | QUEUE | {"DISPATCH_DEADLINE_SECONDS": "1801"},
            "DISPATCH_DEADLINE_SECONDS must be at most 1800",
        ),
        (
            SubmitSettings,
            API | QUEUE | {"WATCHDOG_INTERVAL_SECONDS": "-1"},
            "WATCHDOG_INTERVAL_SECONDS must be above 0",
        ),
        (
            SubmitSettings,
            API | QUEUE | {"MAX_EXECUTIONS_PER_USER": "0", "MAX_PROMPTS_PER_USER": "0"},
            "MAX_EXECUTIONS_PER_USER must be at least 1; MAX_PROMPTS_PER_USER must be at least 1",
        ),
        (GenerateSettings, GENERATE | {"MAX_CONCURRENT_DECODES": "0"}, "MAX_CONCURRENT_DECODES must be at least 1"),
        (
            GenerateSettings,
            GENERATE | {"FUNCTION_TIMEOUT_SECONDS": "239"},
            (
                "deadlines must nest: the longest attempt (240 s) within FUNCTION_TIMEOUT_SECONDS (239) "
                "within DISPATCH_DEADLINE_SECONDS (600)"
            ),
        ),
    ],
)
def test_a_refusal_names_the_variable_and_what_it_must_be(
    kind: type[Settings], env: dict[str, str], message: str
) -> None:
    assert refused(kind, env) == message

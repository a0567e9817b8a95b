"""Instructions for the stack: `python -m local` prints them, the gateway serves them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from local.stack.settings import Endpoints

READ_TOKEN = "python3 -c 'import json, sys; print(json.load(sys.stdin)[\"id_token\"])'"  # noqa: S105 - a command line


def instructions(gateway: str, identity: str, workflow: str) -> str:
    """The instructions for curl as one text."""
    return "\n".join(
        [
            "Image Factory: a list of prompts in, one image per prompt out.",
            "",
            *commands(gateway, identity, workflow),
            "",
        ]
    )


def commands(gateway: str, identity: str, workflow: str) -> list[str]:
    """Shell commands: get a token, submit a prompt, and get the execution's status."""
    return [
        f"TOKEN=$(curl -s '{identity}/token?user=ada' | {READ_TOKEN})",
        f'curl -s {gateway}/api/workflows/{workflow}/execute -H "Authorization: Bearer $TOKEN" \\',
        "     -F 'prompts_text=a red fox in snow' -F api_key=any-key-will-do",
        f'curl -s {gateway}/api/executions/EXECUTION_ID -H "Authorization: Bearer $TOKEN"',
    ]


def table(endpoints: Endpoints) -> list[str]:
    """Every address, one a line."""
    rows = [
        ("page and API", endpoints.gateway),
        ("tokens", f"{endpoints.identity}/token?user=NAME"),
        ("functions", f"submit {endpoints.submit}  generate {endpoints.generate}  status {endpoints.status}"),
        ("Firestore", endpoints.firestore),
        ("Cloud Storage", f"{endpoints.storage}  bucket {endpoints.bucket}"),
        (
            "Cloud Tasks",
            f"{endpoints.cloud_tasks} (gRPC)  {endpoints.cloud_tasks_rest} (REST)  queue {endpoints.queue}",
        ),
        ("Secret Manager", endpoints.secret_manager),
        ("Gemini API", endpoints.gemini),
    ]
    return [f"  {name:<14}  {value}" for name, value in rows]

"""The few lines that tell a person how to use the stack: printed by `python -m local`, served by the gateway."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from local.stack.settings import State

READ_TOKEN = "python3 -c 'import json, sys; print(json.load(sys.stdin)[\"id_token\"])'"  # noqa: S105 - a command line


def instructions(gateway: str, identity: str, workflow: str) -> str:
    """What this is and how to submit a batch with curl."""
    return "\n".join(
        [
            "Image Factory: a list of prompts in, one image per prompt out.",
            "",
            *commands(gateway, identity, workflow),
            "",
        ]
    )


def commands(gateway: str, identity: str, workflow: str) -> list[str]:
    """The shell commands that get a token, submit three prompts, and look at what became of them."""
    return [
        f"TOKEN=$(curl -s '{identity}/token?user=ada' | {READ_TOKEN})",
        f'curl -s {gateway}/api/workflows/{workflow}/execute -H "Authorization: Bearer $TOKEN" \\',
        "     -F 'prompts_text=a red fox in snow' -F api_key=any-key-will-do",
        f'curl -s {gateway}/api/executions/EXECUTION_ID -H "Authorization: Bearer $TOKEN"',
    ]


def table(state: State) -> list[str]:
    """Every address, one a line."""
    rows = [
        ("page and API", state.gateway),
        ("tokens", f"{state.identity}/token?user=NAME"),
        ("functions", f"submit {state.submit}  generate {state.generate}  status {state.status}"),
        ("Firestore", state.firestore),
        ("Cloud Storage", f"{state.storage}  bucket {state.bucket}"),
        ("Cloud Tasks", f"{state.cloud_tasks} (gRPC)  {state.cloud_tasks_rest} (REST)  queue {state.queue}"),
        ("Secret Manager", state.secret_manager),
        ("Gemini API", state.gemini),
    ]
    return [f"  {name:<14}  {value}" for name, value in rows]

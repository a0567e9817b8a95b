"""Uses the deployed functions as a user would: two prompts, watched until they are done, their images fetched.

Whatever goes wrong is a sentence with what to do about it.
"""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.plan.rest import Answer, call
from infra.plan.settings import Settings, read_json
from infra.plan.verify import NotThereError, There

PROMPTS = ["A small red lighthouse on a rock, calm sea, morning light", "A paper boat on a puddle, seen from above"]
PATIENCE_SECONDS = 900
OK, ACCEPTED, NO_CONTENT, UNAUTHORIZED, FORBIDDEN, NOT_FOUND = 200, 202, 204, 401, 403, 404
ENDED = ("completed", "partially_completed", "failed", "cancelled")
PICTURES = {"image/png": b"\x89PNG", "image/jpeg": b"\xff\xd8\xff", "image/webp": b"RIFF"}


class WrongError(Exception):
    """What is wrong, and how to mend it."""


@dataclass(frozen=True)
class Functions:
    """Where the three are."""

    submit: str
    generate: str
    status: str


def ok(what: str) -> None:
    """Say that this works."""
    sys.stdout.write(f"  ok     {what}\n")
    sys.stdout.flush()


def outside(functions: Functions, settings: Settings, workflow: str) -> None:
    """What somebody without a token gets: nothing."""
    answer = call("GET", f"{functions.status}/api/workflows/{workflow}")
    if answer.status == FORBIDDEN:
        raise WrongError(
            "status is closed to the world by IAM (403). Mend: make deploy, by somebody who may set policies"
        )
    _expect(answer, UNAUTHORIZED, "status without a token")
    answer = call("POST", f"{functions.generate}/", {})
    if answer.status not in (UNAUTHORIZED, FORBIDDEN, NOT_FOUND):
        raise WrongError(f"generate answers strangers with {answer.status}. Mend: make deploy, and look at its ingress")
    ok("strangers get nothing")
    for origin in settings.origins:
        asks = {"Origin": origin, "Access-Control-Request-Method": "GET"}
        answer = call("OPTIONS", f"{functions.status}/api/workflows/{workflow}", headers=asks)
        allowed = {name.lower(): value for name, value in answer.headers.items()}.get("access-control-allow-origin")
        if answer.status != NO_CONTENT or allowed != origin:
            raise WrongError(f"pages of {origin} may not call status. Mend: CORS_ORIGINS, then make deploy")
        ok(f"pages of {origin} may call")


def token() -> str:
    """ID_TOKEN, or a token from Firebase Authentication for VERIFY_EMAIL."""
    if os.environ.get("ID_TOKEN"):
        return os.environ["ID_TOKEN"]
    names = ("FIREBASE_API_KEY", "VERIFY_EMAIL", "VERIFY_PASSWORD")
    key, email, password = (os.environ.get(name, "") for name in names)
    if not (key and email and password):
        raise WrongError(
            f"nobody to sign in as: set ID_TOKEN, or {', '.join(names)}; verify.sh --configuration does without"
        )
    base = os.environ.get("IDENTITY_TOOLKIT_URL", "https://identitytoolkit.googleapis.com")
    body = {"email": email, "password": password, "returnSecureToken": True}
    answer = call("POST", f"{base}/v1/accounts:signInWithPassword?key={key}", body)
    if answer.status != OK:
        raise WrongError(f"Firebase does not sign {email} in: {_message(answer)}")
    signed_in: str = answer.json["idToken"]
    return signed_in


def batch(functions: Functions, workflow: str, bearer: dict[str, str]) -> None:
    """Submit, watch, fetch."""
    key = os.environ.get("GEMINI_API_KEY", "")
    if not key:
        raise WrongError("no GEMINI_API_KEY, so no images; verify.sh --configuration does without")
    url = f"{functions.submit}/api/workflows/{workflow}/execute"
    answer = call("POST", url, {"prompts": PROMPTS, "api_key": key}, bearer)
    _expect(answer, ACCEPTED, "submit")
    execution = answer.json["data"]["execution_id"]
    ok(f"submit accepted two prompts as execution {execution}")
    shown = _watched(f"{functions.status}/api/executions/{execution}", bearer)
    for result in shown["batch_results"]:
        _fetched(result)
    ok(f"both images are made and can be fetched ({shown['batch_results'][0]['content_type']})")


def _watched(url: str, bearer: dict[str, str]) -> dict[str, Any]:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        answer = call("GET", url, headers=bearer)
        _expect(answer, OK, "status")
        shown: dict[str, Any] = answer.json["data"]
        if shown["status"] in ENDED:
            return shown
        time.sleep((shown["poll_after_ms"] or 2000) / 1000)
    raise WrongError(
        f"after {PATIENCE_SECONDS} s it stands at {shown['status']}: does Cloud Tasks reach generate? Look at its "
        "log and at gcloud tasks list; 401 or 403 there mean the token's audience or the right to invoke"
    )


def _fetched(result: dict[str, Any]) -> None:
    if result["status"] != "completed":
        error = result.get("error", {})
        raise WrongError(f"a prompt ended as {result['status']}: {error.get('code')} {error.get('message')}")
    answer = call("GET", result["result_url"])
    if answer.status != OK:
        raise WrongError(
            f"the image's URL answers {answer.status}: may status sign, and read the bucket? Mend: make setup-cloud"
        )
    if len(answer.body) != result["bytes"] or not answer.body.startswith(PICTURES[result["content_type"]]):
        raise WrongError("the image that was fetched is not the one that was recorded")


def _expect(answer: Answer, status: int, what: str) -> None:
    if answer.status != status:
        raise WrongError(f"{what} answered {answer.status}, not {status}: {_message(answer)}")


def _message(answer: Answer) -> str:
    problem = answer.json.get("error", {}) if isinstance(answer.json, dict) else {}
    return str(problem.get("message") or answer.body[:200].decode(errors="replace"))


def main() -> int:
    """Do it; the argument is the folder with gcloud's descriptions, which have the functions' addresses."""
    settings, there = Settings.from_env(), There(Path(sys.argv[1]))
    workflow = read_json(settings["WORKFLOW_FILE"])["id"]
    try:
        functions = Functions(*(there[name]["serviceConfig"]["uri"] for name in ("submit", "generate", "status")))
        outside(functions, settings, workflow)
        bearer = {"Authorization": f"Bearer {token()}"}
        _expect(
            call("GET", f"{functions.status}/api/workflows/{workflow}", headers=bearer), OK, "status, for the workflow,"
        )
        ok("the user is let in, and the workflow is there")
        batch(functions, workflow, bearer)
    except (NotThereError, WrongError) as wrong:
        sys.stdout.write(f"  WRONG  {wrong}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

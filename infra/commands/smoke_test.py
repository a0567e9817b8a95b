"""Uses the deployed functions as a user would: two prompts, watched until they are done, their images fetched."""

from __future__ import annotations

import time
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from infra.console import say_fail, say_ok
from infra.rest import call
from infra.settings import read_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infra.rest import Answer
    from infra.settings import Settings

PROMPTS = ["A small red lighthouse on a rock, calm sea, morning light", "A paper boat on a puddle, seen from above"]
TIMEOUT_SECONDS = 900
ENDED = ("completed", "partially_completed", "failed", "cancelled")
SIGNATURES = {"image/png": b"\x89PNG", "image/jpeg": b"\xff\xd8\xff", "image/webp": b"RIFF"}
FIREBASE = ("FIREBASE_API_KEY", "VERIFY_EMAIL", "VERIFY_PASSWORD")


class SmokeTestFailure(Exception):
    """What does not work, and how to fix it."""


@dataclass(frozen=True)
class Deployed:
    """The three functions' addresses, and the workflow that is used."""

    submit: str
    generate: str
    status: str
    workflow: str

    @property
    def shown_workflow(self) -> str:
        """Where status shows the workflow."""
        return f"{self.status}/api/workflows/{self.workflow}"


def run(addresses: Mapping[str, str], settings: Settings, environ: Mapping[str, str]) -> bool:
    """Print a line for each thing that works, up to the first that does not; returns whether all did.

    `environ` has GEMINI_API_KEY, and either ID_TOKEN or the three of `FIREBASE`.
    """
    deployed = Deployed(**addresses, workflow=read_json(settings["WORKFLOW_FILE"])["id"])
    try:
        check_outside(deployed, settings.origins)
        bearer = {"Authorization": f"Bearer {sign_in(environ)}"}
        _expect(call("GET", deployed.shown_workflow, headers=bearer), HTTPStatus.OK, "status, for the workflow,")
        say_ok("the user is let in, and the workflow is there")
        make_images(deployed, bearer, environ.get("GEMINI_API_KEY", ""))
    except SmokeTestFailure as failure:
        say_fail(str(failure))
        return False
    return True


def check_outside(deployed: Deployed, origins: list[str]) -> None:
    """Check that somebody without a token gets nothing, and that pages of these origins may call.

    Raises:
        SmokeTestFailure: one of it is not so.
    """
    answer = call("GET", deployed.shown_workflow)
    if answer.status == HTTPStatus.FORBIDDEN:
        raise SmokeTestFailure(
            "status is closed to the world by IAM (403). Fix: make deploy, by somebody who may set policies"
        )
    _expect(answer, HTTPStatus.UNAUTHORIZED, "status without a token")
    answer = call("POST", f"{deployed.generate}/", {})
    if answer.status not in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND):
        raise SmokeTestFailure(
            f"generate answers strangers with {answer.status}. Fix: make deploy, and look at its ingress"
        )
    say_ok("strangers get nothing")
    for origin in origins:
        _check_origin(deployed, origin)


def _check_origin(deployed: Deployed, origin: str) -> None:
    headers = {"Origin": origin, "Access-Control-Request-Method": "GET"}
    answer = call("OPTIONS", deployed.shown_workflow, headers=headers)
    allowed = {name.lower(): value for name, value in answer.headers.items()}.get("access-control-allow-origin")
    if answer.status != HTTPStatus.NO_CONTENT or allowed != origin:
        raise SmokeTestFailure(f"pages of {origin} may not call status. Fix: CORS_ORIGINS, then make deploy")
    say_ok(f"pages of {origin} may call")


def sign_in(environ: Mapping[str, str]) -> str:
    """ID_TOKEN, or a token from Firebase Authentication for VERIFY_EMAIL.

    Raises:
        SmokeTestFailure: there is nobody to sign in as, or Firebase refuses.
    """
    if environ.get("ID_TOKEN"):
        return environ["ID_TOKEN"]
    key, email, password = (environ.get(name, "") for name in FIREBASE)
    if not (key and email and password):
        raise SmokeTestFailure(
            f"nobody to sign in as: set ID_TOKEN, or {', '.join(FIREBASE)}; verify --configuration does without"
        )
    base = environ.get("IDENTITY_TOOLKIT_URL", "https://identitytoolkit.googleapis.com")
    body = {"email": email, "password": password, "returnSecureToken": True}
    answer = call("POST", f"{base}/v1/accounts:signInWithPassword?key={key}", body)
    if answer.status != HTTPStatus.OK:
        raise SmokeTestFailure(f"Firebase does not sign {email} in: {answer.message}")
    token: str = answer.json["idToken"]
    return token


def make_images(deployed: Deployed, bearer: dict[str, str], api_key: str) -> None:
    """Submit two prompts with this key, watch them, and fetch the images.

    Raises:
        SmokeTestFailure: there is no key, or no images.
    """
    if not api_key:
        raise SmokeTestFailure("no GEMINI_API_KEY, so no images; verify --configuration does without")
    url = f"{deployed.submit}/api/workflows/{deployed.workflow}/execute"
    answer = call("POST", url, {"prompts": PROMPTS, "api_key": api_key}, bearer)
    _expect(answer, HTTPStatus.ACCEPTED, "submit")
    execution = answer.json["data"]["execution_id"]
    say_ok(f"submit accepted two prompts as execution {execution}")
    shown = _watch(f"{deployed.status}/api/executions/{execution}", bearer)
    for result in shown["batch_results"]:
        _fetch(result)
    say_ok(f"both images are made and can be fetched ({shown['batch_results'][0]['content_type']})")


def _watch(url: str, bearer: dict[str, str]) -> dict[str, Any]:
    """What status shows of an execution when it has ended."""
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while time.monotonic() < deadline:
        answer = call("GET", url, headers=bearer)
        _expect(answer, HTTPStatus.OK, "status")
        shown: dict[str, Any] = answer.json["data"]
        if shown["status"] in ENDED:
            return shown
        time.sleep((shown["poll_after_ms"] or 2000) / 1000)
    raise SmokeTestFailure(
        f"after {TIMEOUT_SECONDS} s it stands at {shown['status']}: does Cloud Tasks reach generate? Look at its "
        "log and at gcloud tasks list; 401 or 403 there mean the token's audience or the right to invoke"
    )


def _fetch(result: dict[str, Any]) -> None:
    if result["status"] != "completed":
        error = result.get("error", {})
        raise SmokeTestFailure(f"a prompt ended as {result['status']}: {error.get('code')} {error.get('message')}")
    answer = call("GET", result["result_url"])
    if answer.status != HTTPStatus.OK:
        raise SmokeTestFailure(
            f"the image's URL answers {answer.status}: may status sign, and read the bucket? Fix: make setup-cloud"
        )
    if len(answer.body) != result["bytes"] or not answer.body.startswith(SIGNATURES[result["content_type"]]):
        raise SmokeTestFailure("the image that was fetched is not the one that was recorded")


def _expect(answer: Answer, status: int, what: str) -> None:
    if answer.status != status:
        raise SmokeTestFailure(f"{what} answered {answer.status}, not {status}: {answer.message}")

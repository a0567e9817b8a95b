"""Uses the deployed functions as a user would: two prompts, watched until they have ended, their images downloaded."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from infra.console import say_fail, say_ok
from infra.rest import call
from infra.settings import read_json
from infra.stop import Stop

if TYPE_CHECKING:
    from collections.abc import Mapping

    from imagefactory_client import Client, Result
    from infra.rest import Answer
    from infra.settings import Settings

PROMPTS = ["A small red lighthouse on a rock, calm sea, morning light", "A paper boat on a puddle, seen from above"]
TIMEOUT_SECONDS = 900
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


def require_client() -> None:
    """Check that what imagefactory_client needs is installed; everything else here runs on a bare Python.

    Raises:
        Stop: it is not.
    """
    if find_spec("requests") is None:
        raise Stop("the images of verify need the package requests: run make setup, then make verify.")


def run(addresses: Mapping[str, str], settings: Settings, environ: Mapping[str, str]) -> bool:
    """Print a line for each thing that works, up to the first that does not; returns whether all did.

    `environ` has GEMINI_API_KEY, and either ID_TOKEN or the three of `FIREBASE`.
    """
    deployed = Deployed(**addresses, workflow=read_json(settings["WORKFLOW_FILE"])["id"])
    try:
        check_outside(deployed, settings.origins)
        make_images(deployed, sign_in(environ), environ.get("GEMINI_API_KEY", ""))
    except SmokeTestFailure as failure:
        say_fail(str(failure))
        return False
    return True


def check_outside(deployed: Deployed, origins: list[str]) -> None:
    """Check that callers without a token are refused, and that pages of these origins may call.

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
            f"generate answers unauthenticated callers with {answer.status}. Fix: make deploy, and look at its ingress"
        )
    say_ok("unauthenticated callers are refused")
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


def make_images(deployed: Deployed, token: str, api_key: str) -> None:
    """Submit two prompts with this key, watch them, and download the images.

    Raises:
        SmokeTestFailure: there is no key, or no images.
    """
    from imagefactory_client import Batch, Client, DownloadFailed, ImageFactoryError  # noqa: PLC0415 - see require_client

    with Client(deployed.submit, token) as submit, Client(deployed.status, token) as status:
        try:
            status.workflow(deployed.workflow)
            say_ok("the user is let in, and the workflow is there")
            if not api_key:
                raise SmokeTestFailure("no GEMINI_API_KEY, so no images; verify --configuration does without")
            accepted = submit.submit(Batch(PROMPTS), workflow_id=deployed.workflow, api_key=api_key)
            say_ok(f"submit accepted two prompts as execution {accepted.execution_id}")
            _watch(status, accepted.execution_id)
            types = [_download(status, result) for result in status.results(accepted.execution_id)]
        except DownloadFailed as failure:
            fix = "; may status sign, and read the bucket? Fix: make setup-cloud" if failure.status else ""
            raise SmokeTestFailure(f"{failure}{fix}") from failure
        except ImageFactoryError as error:
            raise SmokeTestFailure(str(error)) from error
    say_ok(f"both images are made and can be fetched ({types[0]})")


def _watch(client: Client, execution_id: str) -> None:
    """Wait until the execution has ended, at most TIMEOUT_SECONDS."""
    for execution in client.watch(execution_id, max_seconds=TIMEOUT_SECONDS):
        if execution.has_ended:
            return
    raise SmokeTestFailure(
        f"after {TIMEOUT_SECONDS} s it stands at {execution.status}: does Cloud Tasks reach generate? Look at its "
        "log and at gcloud tasks list; 401 or 403 there mean the token's audience or the right to invoke"
    )


def _download(client: Client, result: Result) -> str:
    """Download a result's image and look at it; return its content type."""
    if result.error or not result.content_type:
        error = result.error
        reason = f": {error.code} {error.message}" if error else ""
        raise SmokeTestFailure(f"a prompt ended as {result.status}{reason}")
    with TemporaryDirectory() as folder:
        content = client.download(result, Path(folder)).read_bytes()
    if not content.startswith(SIGNATURES[result.content_type]):
        raise SmokeTestFailure(f"the image that was downloaded is no {result.content_type}")
    return result.content_type


def _expect(answer: Answer, status: int, what: str) -> None:
    if answer.status != status:
        raise SmokeTestFailure(f"{what} answered {answer.status}, not {status}: {answer.message}")

"""Calls gcloud, and turns every failure into one sentence that says what to do."""

from __future__ import annotations

import itertools
import json
import os
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self, TypeVar

from infra.programs import is_installed, run_program
from infra.rest import Firestore
from infra.stop import Stop

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

T = TypeVar("T")
#: gcloud keeps a core busy, and needs 100 MB, while it starts.
CONCURRENT_CALLS = 4
DENIED = ("PERMISSION_DENIED", "HTTPError 403")
MISSING = ("NOT_FOUND", "not found", "does not exist", "matched no objects")
SIGNED_OUT = ("gcloud auth login", "Reauthentication")
#: Signs in what gcloud said, and the sentence that says what to do; the first that fits counts.
ADVICE: tuple[tuple[tuple[str, ...], str], ...] = (
    (SIGNED_OUT, "sign in with gcloud auth login, and run this again."),
    (
        ("actAs",),
        "you need roles/iam.serviceAccountUser on that service account; docs/deploy.md lists who needs what.",
    ),
    (
        ("permitted customer", "allowedPolicyMemberDomains"),
        "the organisation forbids public members: set API_INVOKERS to members it permits, or have the policy relaxed.",
    ),
    (("billing", "BILLING"), "link a billing account to {project}, and run this again."),
    (
        ("SERVICE_DISABLED", "has not been used in project"),
        "an API is not enabled: run make setup-cloud first.",
    ),
    (
        ("PERMISSION_DENIED", "does not have permission", "ermission denied", "forbidden", "HTTPError 403"),
        "you may not do this in {project}; docs/deploy.md lists which role each step needs.",
    ),
    (
        ("ALREADY_EXISTS", "already exists", "HTTPError 409"),
        (
            "the name is taken; choose another one in the settings (a deleted queue's or database's name is free "
            "again after some days)."
        ),
    ),
    (
        ("NOT_FOUND", "not found", "does not exist"),
        "something this builds on is missing: run make setup-cloud, and then this again.",
    ),
    (("",), "fix what gcloud says above, and run this again; what is done already is left as it is."),
)


class GcloudError(Stop):
    """gcloud failed. `said` is what it printed; the message says what failed and what to do."""

    def __init__(self, what: str, said: str, project: str) -> None:
        self.said, self.project = said.strip(), project
        advice = next(text for signs, text in ADVICE if self.mentions(*signs))
        super().__init__(f"{what} failed: {advice.format(project=project)}", said)

    def mentions(self, *signs: str) -> bool:
        """Whether gcloud said any of these."""
        return any(sign in self.said for sign in signs)

    @property
    def is_missing(self) -> bool:
        """Whether what was asked for does not exist, as far as the caller may know."""
        return self.mentions(*MISSING) and not self.mentions(*DENIED)

    @property
    def first_line(self) -> str:
        """The line that says what is wrong."""
        lines = self.said.splitlines()
        return next((line for line in lines if "ERROR" in line), self.said)

    def describe_as(self, what: str) -> GcloudError:
        """The same failure, of something that the user knows by another name than gcloud's."""
        return GcloudError(what, self.said, self.project)


@dataclass(frozen=True)
class Retry:
    """How often a refusal that passes is met before it counts, and the seconds to wait after the first."""

    times: int = 8
    seconds: float = 5

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> Self:
        """RETRIES and RETRY_SECONDS of this environment.

        Raises:
            Stop: they are no numbers.
        """
        try:
            return cls(int(environ.get("RETRIES") or cls.times), float(environ.get("RETRY_SECONDS") or cls.seconds))
        except ValueError as error:
            raise Stop("RETRIES must be a whole number, and RETRY_SECONDS a number.") from error


@dataclass(frozen=True)
class Gcloud:
    """gcloud in one project, never in that of whatever configuration is active; `folder` is for files that it reads."""

    project: str
    folder: Path
    retry: Retry = Retry()

    def read(self, *words: str, stdin: bytes = b"") -> str:
        """What gcloud prints.

        Raises:
            GcloudError: it failed.
        """
        env = {"CLOUDSDK_CORE_PROJECT": self.project, "CLOUDSDK_CORE_DISABLE_PROMPTS": "1"}
        done = run_program(["gcloud", *words], env, stdin)
        if done.code:
            named = itertools.takewhile(lambda word: not word.startswith("-"), words)
            raise GcloudError(" ".join(["gcloud", *named]), done.err, self.project)
        return done.out.strip()

    def read_json(self, *words: str) -> Any:
        """What gcloud prints, as JSON."""
        return json.loads(self.read(*words, "--format=json"))

    def describe(self, *words: str) -> Any | None:
        """What gcloud describes, None when it does not exist.

        Raises:
            GcloudError: it may exist; a guess would create it twice.
        """
        try:
            return self.read_json(*words)
        except GcloudError as error:
            if error.is_missing:
                return None
            raise

    def change(self, *words: str) -> None:
        """Carry out what changes something; the caller says in its own words what was changed."""
        self.read(*words, "--format=none")

    def write_with_retries(
        self, prepare: Callable[[], T | None], write: Callable[[T], object], temporary: Sequence[str], what: str
    ) -> bool:
        """Write what `prepare` returns, unless that is None; begin anew while gcloud says one of the `temporary` signs.

        Returns whether something was written.

        Raises:
            GcloudError: the write was refused for another reason, or too often.
        """
        for attempt in itertools.count(1):
            desired = prepare()
            if desired is None:
                return False
            try:
                write(desired)
            except GcloudError as error:
                if not error.mentions(*temporary):
                    raise error.describe_as(what) from error
                if attempt >= self.retry.times:
                    raise error.describe_as(f"{what} ({attempt} times)") from error
                time.sleep(self.retry.seconds * attempt)
            else:
                return True
        raise AssertionError

    def write_file(self, name: str, content: object) -> str:
        """The path of a new file with this content as JSON."""
        path = self.folder / name
        path.write_text(json.dumps(content, indent=2), encoding="utf-8")
        return str(path)

    def project_number(self) -> str:
        """The number that Google gave to the project."""
        return self.read("projects", "describe", self.project, "--format=value(projectNumber)")

    def firestore(self) -> Firestore:
        """Firestore's REST interface, as gcloud's user and at gcloud's address; the token stays in memory."""
        base = os.environ.get("CLOUDSDK_API_ENDPOINT_OVERRIDES_FIRESTORE", "https://firestore.googleapis.com/")
        return Firestore(base.rstrip("/"), self.read("auth", "print-access-token"))


def run_concurrently(calls: Sequence[Callable[[], T]]) -> list[T]:
    """The results of calls that only read, in their order; some run at once, for gcloud takes a second to start."""
    with ThreadPoolExecutor(CONCURRENT_CALLS) as pool:
        return list(pool.map(lambda call: call(), calls))


def require_gcloud() -> None:
    """Raise Stop when gcloud is not installed."""
    if not is_installed("gcloud"):
        raise Stop("gcloud is not installed: https://cloud.google.com/sdk/docs/install")

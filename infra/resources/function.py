"""A deployed function: its size, its account and who can reach it, as gcloud's flags and as Google describes it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from infra.resources.environment import environment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from infra.settings import Settings

#: gcloud's word for who can reach a function, and Google's.
INTERNAL, PUBLIC = ("internal-only", "ALLOW_INTERNAL_ONLY"), ("all", "ALLOW_ALL")
#: Google's own doing.
ADDED_BY_GOOGLE = {"LOG_EXECUTION_ID"}


def flags(settings: Settings, name: str) -> list[str]:
    """The flags of `gcloud functions deploy`, but for the files; they replace what the function had."""
    return [
        "--gen2",
        f"--region={settings['REGION']}",
        f"--runtime={settings['RUNTIME']}",
        f"--entry-point={name}",
        "--trigger-http",
        f"--service-account={settings.account(name)}",
        f"--build-service-account=projects/{settings['PROJECT_ID']}/serviceAccounts/{settings.account('build')}",
        "--serve-all-traffic-latest-revision",
        f"--update-labels=deployment={settings['DEPLOYMENT']}",
        f"--ingress-settings={_ingress(name)[0]}",
        f"--cpu={settings.size(name, 'CPU')}",
        f"--memory={settings.size(name, 'MEMORY')}",
        f"--concurrency={settings.size(name, 'CONCURRENCY')}",
        f"--timeout={settings.timeout(name)}s",
        f"--min-instances={settings.size(name, 'MIN_INSTANCES')}",
        f"--max-instances={settings.size(name, 'MAX_INSTANCES')}",
    ]


def differences(actual: dict[str, Any], settings: Settings, name: str) -> list[str]:
    """What of the function is not as it should be."""
    service = actual.get("serviceConfig", {})
    facts = {
        "state": (actual.get("state"), "ACTIVE"),
        "service account": (service.get("serviceAccountEmail"), settings.account(name)),
        "ingress": (service.get("ingressSettings"), _ingress(name)[1]),
        "concurrency": (str(service.get("maxInstanceRequestConcurrency")), settings.size(name, "CONCURRENCY")),
        "instances": (str(service.get("maxInstanceCount")), settings.size(name, "MAX_INSTANCES")),
        "CPU": (service.get("availableCpu"), settings.size(name, "CPU")),
        "memory": (service.get("availableMemory"), settings.size(name, "MEMORY")),
        "timeout": (str(service.get("timeoutSeconds")), settings.timeout(name)),
    }
    faults = [f"its {what} is {is_}, not {desired}" for what, (is_, desired) in facts.items() if is_ != desired]
    return faults + list(_variables(service.get("environmentVariables", {}), environment(name, settings)))


def address_differences(service: dict[str, Any], settings: Settings) -> list[str]:
    """Whether the Cloud Run service of generate answers where tasks go."""
    annotation = service.get("metadata", {}).get("annotations", {}).get("run.googleapis.com/urls", "[]")
    urls = {*json.loads(annotation), service.get("status", {}).get("url")}
    if settings.generate_url in urls:
        return []
    return [f"tasks go to {settings.generate_url}, but the service answers at {', '.join(sorted(filter(None, urls)))}"]


def _ingress(name: str) -> tuple[str, str]:
    return INTERNAL if name == "generate" else PUBLIC


def _variables(actual: dict[str, str], desired: dict[str, str]) -> Iterator[str]:
    for name, value in desired.items():
        if actual.get(name, "") != value:
            yield f"{name} is {actual.get(name, '')!r}, not {value!r}"
    for name in sorted({*actual} - {*desired} - ADDED_BY_GOOGLE):
        yield f"{name} is set, and should not be"

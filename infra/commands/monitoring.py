"""Makes log-based metrics, alert policies and a dashboard from the files in infra/monitoring, or deletes them.

Alert policies need gcloud's alpha component.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from infra.console import say
from infra.gcloud import run_concurrently
from infra.resources import monitoring

if TYPE_CHECKING:
    from infra.gcloud import Gcloud
    from infra.resources.monitoring import Item
    from infra.settings import Settings

COMMANDS = {
    "metric": ("logging", "metrics"),
    "policy": ("alpha", "monitoring", "policies"),
    "dashboard": ("monitoring", "dashboards"),
}
FILE_FLAGS = {
    "metric": "--config-from-file",
    "policy": "--policy-from-file",
    "dashboard": "--config-from-file",
}
#: A new metric is unknown to Monitoring for up to some minutes, and a policy on an unknown metric is refused.
UNKNOWN_METRIC = ("annot find metric",)


def run(settings: Settings, gcloud: Gcloud) -> None:
    """Write what is missing or different."""
    channel = _ensure_channel(gcloud, settings) if settings["ALERT_EMAIL"] else ""
    for item in monitoring.changes(_list(gcloud), settings, channel):
        _write(gcloud, item)
    project = settings["PROJECT_ID"]
    say(f"Monitoring is in place: https://console.cloud.google.com/monitoring/dashboards?project={project}")


def remove(settings: Settings, gcloud: Gcloud) -> None:
    """Delete all of it."""
    for item in monitoring.removals(_list(gcloud), settings):
        gcloud.read(*COMMANDS[item.kind], "delete", item.name)
        say(f"  {item.kind} {item.name.rpartition('/')[2]}: deleted")


def _list(gcloud: Gcloud) -> dict[str, list[monitoring.Json]]:
    calls = [partial(gcloud.read_json, *COMMANDS[kind], "list") for kind in monitoring.KINDS]
    return dict(zip(monitoring.KINDS, run_concurrently(calls), strict=True))


def _ensure_channel(gcloud: Gcloud, settings: Settings) -> str:
    """The full name of the channel to ALERT_EMAIL."""
    email, words = settings["ALERT_EMAIL"], ("beta", "monitoring", "channels")
    query = f'--filter=type=email AND labels.email_address="{email}"'
    channel = gcloud.read(*words, "list", "--format=value(name)", "--limit=1", query)
    if channel:
        return channel
    facts = (f"--display-name={settings['DEPLOYMENT']} alerts", f"--channel-labels=email_address={email}")
    channel = gcloud.read(*words, "create", "--type=email", *facts, "--format=value(name)")
    say(f"  notification channel to {email}: created")
    return channel


def _write(gcloud: Gcloud, item: Item) -> None:
    # What a metric is called is its name; gcloud names the others itself.
    name = item.key if item.kind == "metric" else item.name
    verb = "update" if item.name else "create"
    target = [name] if item.kind == "metric" or item.name else []
    file = gcloud.write_file(f"{item.kind}-{item.file}", item.content)
    words = (*COMMANDS[item.kind], verb, *target, f"{FILE_FLAGS[item.kind]}={file}")
    if item.kind == "policy":
        what = f"writing the alert policy {item.file}"
        gcloud.write_with_retries(lambda: words, lambda words: gcloud.change(*words), UNKNOWN_METRIC, what)
    else:
        gcloud.change(*words)
    say(f"  {item.kind} {item.file}: {verb}d")

"""Rolls out a release: the three functions from their staged folders, the workflow's configuration, the page.

CI can run it: once the policies are as they should be, it needs no right to change them.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from infra.console import say
from infra.programs import is_installed, publish_site, stage
from infra.resources import function, hosting, workflow
from infra.resources.environment import environment
from infra.rest import RestError
from infra.settings import ROOT
from infra.steps import grant_rights, has_key
from infra.stop import Stop

if TYPE_CHECKING:
    from infra.gcloud import Gcloud
    from infra.settings import Settings

#: generate comes first, so that no new submit sends a task to an old generate.
ORDER = ("generate", "submit", "status")


def run(settings: Settings, gcloud: Gcloud) -> None:
    """Deploy everything, and say where the functions are."""
    _require_site(settings)
    say(f"Deploying {settings['DEPLOYMENT']} to {settings['PROJECT_ID']} ({settings['REGION']})")
    stage()
    # generate's own settings need its address, the audience of the tasks' tokens, before it exists. Cloud Run gives
    # every service, besides an address with a random part, one that follows from its name and the project's number.
    settings = settings.with_project_number(gcloud.project_number())
    if not has_key(gcloud, settings):
        name = settings["KEY_SECRET"]
        raise Stop(f"the secret {name} has no enabled version, so submit could not encrypt: run make setup-cloud.")
    addresses = {name: _deploy_function(gcloud, settings, name) for name in ORDER}
    _write_workflow(gcloud, settings)
    if settings["HOSTING"] == "firebase":
        _publish_page(gcloud, settings)
    say("Deployed.")
    say(f"  submit  {addresses['submit']}")
    say(f"  status  {addresses['status']}")
    say("Next: make verify")


def _require_site(settings: Settings) -> None:
    if settings["HOSTING"] != "firebase":
        return
    if not (ROOT / "web").is_dir():
        raise Stop("HOSTING=firebase publishes the folder web, which is not there.")
    if not is_installed("firebase"):
        raise Stop("HOSTING=firebase needs the Firebase CLI: npm install -g firebase-tools")


def _deploy_function(gcloud: Gcloud, settings: Settings, name: str) -> str:
    """Roll out a function and grant the right to call it; returns its address."""
    full_name, source = settings.function(name), gcloud.folder / name
    say(f"  {full_name}: building and rolling out, which takes a minute or two")
    # A copy without bytecode: the local stack runs these folders too, and only their sources are meant.
    shutil.copytree(ROOT / "build" / name, source, ignore=shutil.ignore_patterns("__pycache__"))
    variables = gcloud.write_file(f"{name}.json", environment(name, settings))
    files = (f"--source={source}", f"--env-vars-file={variables}")
    words = (*files, *function.flags(settings, name), "--format=value(serviceConfig.uri)")
    address = gcloud.read("functions", "deploy", full_name, *words)
    grant_rights(gcloud, settings, f"run:{name}")
    return address


def _write_workflow(gcloud: Gcloud, settings: Settings) -> None:
    try:
        say(f"  {workflow.write(settings, gcloud.firestore())}")
    except RestError as error:
        message = "the workflow's configuration was not written; the functions are deployed. Run this again."
        raise Stop(message, str(error)) from error


def _publish_page(gcloud: Gcloud, settings: Settings) -> None:
    site = gcloud.folder / "site"
    shutil.copytree(ROOT / "web", site / "web")
    gcloud.write_file("site/firebase.json", hosting.configuration(settings))
    say(publish_site(settings["PROJECT_ID"], site / "firebase.json"))
    say("  page: published")

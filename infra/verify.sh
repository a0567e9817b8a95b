#!/usr/bin/env bash
# After a release: compares every part with the settings, then submits two prompts as a user, watches them, and fetches the
# images. `verify.sh --configuration` only compares. For the rest it needs GEMINI_API_KEY (two images are paid), and
# either ID_TOKEN or FIREBASE_API_KEY, VERIFY_EMAIL and VERIFY_PASSWORD to sign in with.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
begin

mkdir "$work/there"
look() { # NAME CMD...: what gcloud says of it, or why it says nothing
  "${@:2}" >"$work/there/$1.json" 2>"$work/stderr" </dev/null && return 0
  rm "$work/there/$1.json"
  case $(<"$work/stderr") in
    *"gcloud auth login"* | *"Reauthentication"*) fail "looking at $1" ;;
  esac
  grep ERROR "$work/stderr" | head -n 1 >"$work/there/$1.error" || cp "$work/stderr" "$work/there/$1.error"
}

say "Looking at $DEPLOYMENT in $PROJECT_ID ($REGION)"
project_number
look queue gcloud tasks queues describe "$QUEUE_NAME" --location="$REGION" --format=json
look watchdog-queue gcloud tasks queues describe "$WATCHDOG_QUEUE_NAME" --location="$REGION" --format=json
look bucket gcloud storage buckets describe "gs://$BUCKET" --raw --format=json
look versions gcloud secrets versions list "$KEY_SECRET" --filter=state=ENABLED --format=json
look database gcloud firestore databases describe --database="$DATABASE" --format=json
look indexes gcloud firestore indexes composite list --database="$DATABASE" --format=json
look fields gcloud firestore indexes fields list --database="$DATABASE" --format=json
look ttls gcloud firestore fields ttls list --database="$DATABASE" --format=json
look service gcloud run services describe "$DEPLOYMENT-generate" --region="$REGION" --format=json
for name in submit generate status; do
  look "$name" gcloud functions describe "$DEPLOYMENT-$name" --gen2 --region="$REGION" --format=json
done
for resource in project queue watchdog-queue bucket secret account:tasks account:status run:submit run:generate run:status; do
  look "policy-$resource" policy get "$resource"
done
wrong=0
plan verify "$work/there" || wrong=1

if [[ ${1:-} != --configuration ]]; then
  plan batch "$work/there" || wrong=1
fi
((wrong == 0)) || die "something is wrong; the lines above say what, and how to mend it."
say "All is as it should be."

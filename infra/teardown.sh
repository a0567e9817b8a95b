#!/usr/bin/env bash
# Deletes a deployment: first it names everything, then it asks. `--keep-data` spares the database and the bucket.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
begin
keep=
[[ ${1:-} == --keep-data ]] && keep=yes

say "This deletes the deployment $DEPLOYMENT in $PROJECT_ID ($REGION), for good:"
say "  the functions $DEPLOYMENT-submit, $DEPLOYMENT-generate, $DEPLOYMENT-status"
say "  the queues $QUEUE_NAME and $WATCHDOG_QUEUE_NAME with every task in them (their names stay taken for some days)"
say "  the secret $KEY_SECRET: API keys of open executions can then never be decrypted"
say "  the service accounts $DEPLOYMENT-{submit,generate,status,tasks,build} and their rights"
say "  the metrics, alerts and the dashboard of $DEPLOYMENT"
if [[ $keep ]]; then
  say "It keeps the database $DATABASE and the bucket $BUCKET."
else
  say "  the database $DATABASE with every execution in it"
  say "  the bucket $BUCKET with every image in it"
fi
answer=${CONFIRM:-}
[[ $answer ]] || read -r -p "Type $DEPLOYMENT to go on: " answer || true
[[ $answer == "$DEPLOYMENT" ]] || die "that is not $DEPLOYMENT; nothing was deleted."

remove() { # WHAT CMD...: deletes it, if it is there
  if "${@:2}" >/dev/null 2>"$work/stderr" </dev/null; then
    say "  $1: deleted"
    return
  fi
  case $(<"$work/stderr") in
    *PERMISSION_DENIED* | *"HTTPError 403"*) fail "deleting $1" ;;
    *NOT_FOUND* | *"not found"* | *"does not exist"* | *"matched no objects"*) say "  $1: was not there" ;;
    *) fail "deleting $1" ;;
  esac
}

for name in submit status generate; do
  remove "function $DEPLOYMENT-$name" gcloud functions delete "$DEPLOYMENT-$name" --gen2 --region="$REGION"
done
for name in "$QUEUE_NAME" "$WATCHDOG_QUEUE_NAME"; do
  remove "queue $name" gcloud tasks queues delete "$name" --location="$REGION"
done
"$here/monitoring.sh" remove
# Before the accounts: a right of an account that is gone stays in the policy as a riddle.
project_number
edit_policy remove project
for name in submit generate status tasks build deploy; do
  remove "service account $DEPLOYMENT-$name" gcloud iam service-accounts delete "$(sa "$name")"
done
remove "secret $KEY_SECRET" gcloud secrets delete "$KEY_SECRET"
if [[ ! $keep ]]; then
  if exists gcloud storage buckets describe "gs://$BUCKET"; then
    run gcloud storage rm --recursive "gs://$BUCKET" >/dev/null
    say "  bucket $BUCKET: deleted"
  fi
  if exists gcloud firestore databases describe --database="$DATABASE"; then
    change gcloud firestore databases update --database="$DATABASE" --no-delete-protection
  fi
  remove "database $DATABASE" gcloud firestore databases delete --database="$DATABASE"
fi
say "Gone. Enabled APIs stay enabled, and the images of the builds stay in Artifact Registry under gcf-artifacts."
say "So does the workload identity pool of setup-ci.sh, if there is one: it opens nothing any more."

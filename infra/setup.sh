#!/usr/bin/env bash
# Once for each deployment, by somebody who may administer the project: APIs, service accounts, queue, database with
# indexes and TTL, bucket, encryption key, rights. Safe to run again: it writes only what is missing or different.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
begin

say "Setting up $DEPLOYMENT in $PROJECT_ID ($REGION)"
change gcloud services enable artifactregistry.googleapis.com cloudbuild.googleapis.com cloudfunctions.googleapis.com \
  cloudtasks.googleapis.com firestore.googleapis.com iam.googleapis.com iamcredentials.googleapis.com \
  logging.googleapis.com monitoring.googleapis.com run.googleapis.com secretmanager.googleapis.com \
  storage.googleapis.com
project_number

accounts=$(run gcloud iam service-accounts list --format='value(email)')
account() { # NAME PURPOSE
  [[ $'\n'$accounts$'\n' == *$'\n'"$(sa "$1")"$'\n'* ]] && return 0
  change gcloud iam service-accounts create "$DEPLOYMENT-$1" --display-name="$DEPLOYMENT: $2"
  say "  service account $DEPLOYMENT-$1: created"
}
account submit "the function submit"
account generate "the function generate"
account status "the function status"
account tasks "Cloud Tasks, when it calls generate"
account build "Cloud Build, when it builds the functions"

# No --max-retry-duration: with one, Cloud Tasks would go on until both limits are met.
queue() { # QUEUE or WATCHDOG_QUEUE
  local name_of=$1_NAME file_of=$1_FILE flag flags=()
  local name=${!name_of}
  plan queue flags "$1" >"$work/flags"
  while IFS= read -r flag; do flags+=("$flag"); done <"$work/flags"
  if ! exists gcloud tasks queues describe "$name" --location="$REGION"; then
    change gcloud tasks queues create "$name" --location="$REGION" "${flags[@]}"
    say "  queue $name: created"
    return
  fi
  run gcloud tasks queues describe "$name" --location="$REGION" --format=json >"$work/queue.json"
  if ! is_as_planned "$work/queue.json" queue "$1"; then
    change gcloud tasks queues update "$name" --location="$REGION" "${flags[@]}"
    say "  queue $name: changed to the numbers of ${!file_of}"
  fi
}
queue QUEUE
queue WATCHDOG_QUEUE

if ! exists gcloud firestore databases describe --database="$DATABASE"; then
  change gcloud firestore databases create --database="$DATABASE" --location="$LOCATION" --type=firestore-native \
    --delete-protection
  say "  database $DATABASE: created"
fi
run gcloud firestore indexes composite list --database="$DATABASE" --format=json >"$work/indexes.json"
run gcloud firestore indexes fields list --database="$DATABASE" --format=json >"$work/fields.json"
run gcloud firestore fields ttls list --database="$DATABASE" --format=json >"$work/ttls.json"
plan firestore "$work/indexes.json" "$work/fields.json" "$work/ttls.json" >"$work/todo"
# Google builds indexes and takes up TTL policies by itself for some minutes; verify.sh waits for neither, but looks.
while IFS=$'\t' read -r -u 3 what group path rest; do
  flags=()
  case $what in
    index)
      IFS=' ' read -r -a fields <<<"$path $rest"
      for field in "${fields[@]}"; do flags+=("--field-config=field-path=${field%:*},order=${field#*:}"); done
      change gcloud firestore indexes composite create --database="$DATABASE" --collection-group="$group" \
        --query-scope=collection "${flags[@]}" --async
      ;;
    field)
      IFS=' ' read -r -a orders <<<"$rest"
      for order in ${orders[@]+"${orders[@]}"}; do flags+=("--index=order=$order"); done
      change gcloud firestore indexes fields update "$path" --database="$DATABASE" --collection-group="$group" \
        "${flags[@]:---disable-indexes}" --async
      ;;
    ttl)
      change gcloud firestore fields ttls update "$path" --database="$DATABASE" --collection-group="$group" \
        --enable-ttl --async
      ;;
  esac
  say "  database $DATABASE, $group: $what on $path $rest"
done 3<"$work/todo"

plan bucket lifecycle >"$work/lifecycle.json"
plan bucket cors >"$work/cors.json"
# Deleted images are gone at once: whoever deletes one means it, and soft-deleted ones would be paid for a week.
bucket_flags=(--uniform-bucket-level-access --public-access-prevention --lifecycle-file="$work/lifecycle.json")
if ! exists gcloud storage buckets describe "gs://$BUCKET"; then
  change gcloud storage buckets create "gs://$BUCKET" --location="$LOCATION" --soft-delete-duration=0 "${bucket_flags[@]}"
  say "  bucket $BUCKET: created"
fi
run gcloud storage buckets describe "gs://$BUCKET" --raw --format=json >"$work/bucket.json"
if ! is_as_planned "$work/bucket.json" bucket; then
  # `create` takes no CORS file; an empty list takes CORS away.
  change gcloud storage buckets update "gs://$BUCKET" "${bucket_flags[@]}" --cors-file="$work/cors.json"
  say "  bucket $BUCKET: access, lifecycle and CORS written"
fi

if ! exists gcloud secrets describe "$KEY_SECRET"; then
  change gcloud secrets create "$KEY_SECRET" --replication-policy=automatic
  say "  secret $KEY_SECRET: created"
fi
key=$(run gcloud secrets versions list "$KEY_SECRET" --filter=state=ENABLED --limit=1 --format='value(name)')
if [[ -z $key ]]; then
  add_key_version >"$work/version"
  say "  secret $KEY_SECRET: has a new random key"
fi

for resource in queue watchdog-queue account:tasks account:status secret bucket project; do edit_policy add "$resource"; done

say "Set up. Next: make deploy"

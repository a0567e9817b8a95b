#!/usr/bin/env bash
# Each release: the three functions from their staged folders, then the workflow's configuration, then the page.
# Safe to run again, and to run from CI: it needs no right to change policies once they are as they should be.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
begin
if [[ $HOSTING == firebase ]]; then
  [[ -d $root/web ]] || die "HOSTING=firebase publishes the folder web, which is not there."
  command -v firebase >/dev/null || die "HOSTING=firebase needs the Firebase CLI: npm install -g firebase-tools"
fi

say "Deploying $DEPLOYMENT to $PROJECT_ID ($REGION)"
make -C "$root" --silent --no-print-directory stage >/dev/null || die "make stage failed."
project_number
key=$(run gcloud secrets versions list "$KEY_SECRET" --filter=state=ENABLED --limit=1 --format='value(name)')
[[ -n $key ]] ||
  die "the secret $KEY_SECRET has no enabled version, so submit could not encrypt: run make setup-cloud."

deploy() { # FUNCTION FLAGS...: what is given here replaces what the function had
  local name=$1
  say "  $DEPLOYMENT-$name: building and rolling out, which takes a minute or two"
  # A copy without bytecode: the local stack runs these folders too, and only their sources are meant.
  mkdir "$work/$name"
  tar -C "$root/build/$name" --exclude=__pycache__ -cf - . | tar -C "$work/$name" -xf -
  plan environment "$name" >"$work/$name.json"
  run gcloud functions deploy "$DEPLOYMENT-$name" --gen2 --region="$REGION" --runtime="$RUNTIME" \
    --source="$work/$name" --entry-point="$name" --trigger-http --env-vars-file="$work/$name.json" \
    --service-account="$(sa "$name")" \
    --build-service-account="projects/$PROJECT_ID/serviceAccounts/$(sa build)" \
    --serve-all-traffic-latest-revision --update-labels="deployment=$DEPLOYMENT" \
    --format='value(serviceConfig.uri)' "${@:2}" >"$work/$name.url"
}

# generate comes first, so that no new submit sends a task to an old generate. Its address, which is also the audience of
# the tasks' tokens, is needed in its own settings before it exists: Cloud Run gives every service, besides an address
# with a random part, one that follows from its name and the project's number, and accepts both as audience.
deploy generate --ingress-settings=internal-only --cpu="$GENERATE_CPU" --memory="$GENERATE_MEMORY" \
  --concurrency="$GENERATE_CONCURRENCY" --timeout="${FUNCTION_TIMEOUT_SECONDS}s" \
  --min-instances="$GENERATE_MIN_INSTANCES" --max-instances="$GENERATE_MAX_INSTANCES"
edit_policy add run:generate
for name in submit status; do
  deploy "$name" --ingress-settings=all --cpu="$API_CPU" --memory="$API_MEMORY" --concurrency="$API_CONCURRENCY" \
    --timeout="${API_TIMEOUT_SECONDS}s" --min-instances="$API_MIN_INSTANCES" --max-instances="$API_MAX_INSTANCES"
  edit_policy add "run:$name"
done

access_token
plan workflow || die "the workflow's configuration was not written; the functions are deployed. Run this again."

if [[ $HOSTING == firebase ]]; then
  mkdir "$work/site"
  cp -R "$root/web" "$work/site/web"
  plan hosting >"$work/site/firebase.json"
  run firebase deploy --only hosting --project "$PROJECT_ID" --config "$work/site/firebase.json" --non-interactive
  say "  page: published"
fi

say "Deployed."
say "  submit  $(<"$work/submit.url")"
say "  status  $(<"$work/status.url")"
say "Next: make verify"

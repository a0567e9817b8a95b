# shellcheck shell=bash
# What all scripts share: settings, the checks before any call, and ways to call gcloud that end in one clear sentence.
set -Eeuo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname "$here")
PYTHON=${PYTHON:-python3}
# How often a policy is written that names an account which is not visible yet, and how long is waited in between.
RETRIES=${RETRIES:-8}
RETRY_SECONDS=${RETRY_SECONDS:-5}

export CLOUDSDK_CORE_DISABLE_PROMPTS=1 PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$root

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

say() { printf '%s\n' "$*"; }
die() {
  printf '\nStopped: %s\n' "$*" >&2
  exit 1
}

# Reads NAME=value lines. What is set already stays; nothing is evaluated but ${NAME} of an earlier setting.
read_settings() {
  local line name value
  [[ -f $1 ]] || die "there is no settings file $1."
  while IFS= read -r line || [[ -n $line ]]; do
    [[ $line =~ ^([A-Z][A-Z0-9_]*)=(.*)$ ]] || continue
    name=${BASH_REMATCH[1]} value=${BASH_REMATCH[2]}
    [[ -z ${!name+set} ]] || continue
    while [[ $value =~ \$\{([A-Z][A-Z0-9_]*)\} ]]; do
      value=${value/"${BASH_REMATCH[0]}"/"${!BASH_REMATCH[1]-}"}
    done
    export "$name=$value"
  done <"$1"
}

plan() { # MODULE ARGS...: the part that is easier to say in Python
  "$PYTHON" -m "infra.plan.$1" "${@:2}"
}

# is_as_planned FILE MODULE ARGS...: whether what gcloud describes in FILE is already as the module wants it
is_as_planned() {
  local code=0
  plan "$2" differs "${@:3}" <"$1" || code=$?
  case $code in
    0) return 0 ;;
    3) return 1 ;;
    *) die "what gcloud says of the $2 could not be read." ;;
  esac
}

# Settings, programs and limits: everything that can be known to be wrong before anything is called.
begin() {
  [[ -z ${SETTINGS:-} ]] || read_settings "$SETTINGS"
  read_settings "$here/settings.env"
  command -v gcloud >/dev/null || die "gcloud is not installed: https://cloud.google.com/sdk/docs/install"
  "$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
    die "Python 3.11 or newer is needed: name one with PYTHON=python3.12."
  plan limits || die "the settings above do not fit together; nothing was called."
  # Never the project of whatever configuration happens to be active.
  export CLOUDSDK_CORE_PROJECT=$PROJECT_ID
}

# The sentence that says what to do about what gcloud said.
advice() {
  case $1 in
    *"gcloud auth login"* | *"Reauthentication"*) say "sign in with gcloud auth login, and run this again." ;;
    *"actAs"*) say "you need roles/iam.serviceAccountUser on that service account; docs/deploy.md lists who needs what." ;;
    *"permitted customer"* | *"allowedPolicyMemberDomains"*)
      say "the organisation forbids public members: set API_INVOKERS to members it permits, or have the policy relaxed." ;;
    *"billing"* | *"BILLING"*) say "link a billing account to $PROJECT_ID, and run this again." ;;
    *"SERVICE_DISABLED"* | *"has not been used in project"*) say "an API is not enabled: run make setup-cloud first." ;;
    *"PERMISSION_DENIED"* | *"does not have permission"* | *"ermission denied"* | *"forbidden"* | *"HTTPError 403"*)
      say "you may not do this in $PROJECT_ID; docs/deploy.md lists which role each step needs." ;;
    *"ALREADY_EXISTS"* | *"already exists"* | *"HTTPError 409"*)
      say "the name is taken; choose another one in the settings (a deleted queue's or database's name is free again after some days)." ;;
    *"NOT_FOUND"* | *"not found"* | *"does not exist"*) say "something this builds on is missing: run make setup-cloud, and then this again." ;;
    *) say "mend what gcloud says above, and run this again; what is done already is left as it is." ;;
  esac
}

fail() { # WHAT: ends the script with what gcloud said and the advice for it
  local said
  said=$(<"$work/stderr")
  printf '%s\n' "$said" >&2
  die "$1 failed: $(advice "$said")"
}

run() { # CMD...: carries it out, or ends the script
  "$@" 2>"$work/stderr" </dev/null || fail "$(named "$@")"
}

change() { # CMD...: the same for what changes something; what was changed is said in our words
  run "$@" --format=none >/dev/null
}

named() { # CMD...: its words up to the first option
  local word words=()
  for word; do
    [[ $word == -* ]] && break
    words+=("$word")
  done
  printf '%s' "${words[*]}"
}

# exists CMD...: 0 it is there, 1 it is not; whatever else goes wrong ends the script, for guessing would create twice
exists() {
  "$@" --format=none >/dev/null 2>"$work/stderr" </dev/null && return 0
  case $(<"$work/stderr") in
    *PERMISSION_DENIED* | *"HTTPError 403"*) fail "$(named "$@")" ;;
    *NOT_FOUND* | *"not found"* | *"does not exist"*) return 1 ;;
  esac
  fail "$(named "$@")"
}

sa() { printf '%s-%s@%s.iam.gserviceaccount.com' "$DEPLOYMENT" "$1" "$PROJECT_ID"; }

policy() { # get|set RESOURCE [FILE]: the IAM policy of one of the resources in infra/plan/bindings.py
  local verb=$1-iam-policy name=${2#*:}
  case $2 in
    project) gcloud projects "$verb" "$PROJECT_ID" "${@:3}" --format=json ;;
    queue) gcloud tasks queues "$verb" "$QUEUE_NAME" "${@:3}" --location="$REGION" --format=json ;;
    watchdog-queue) gcloud tasks queues "$verb" "$WATCHDOG_QUEUE_NAME" "${@:3}" --location="$REGION" --format=json ;;
    bucket) gcloud storage buckets "$verb" "gs://$BUCKET" "${@:3}" --format=json ;;
    secret) gcloud secrets "$verb" "$KEY_SECRET" "${@:3}" --format=json ;;
    account:*) gcloud iam service-accounts "$verb" "$(sa "$name")" "${@:3}" --format=json ;;
    run:*) gcloud run services "$verb" "$DEPLOYMENT-$name" "${@:3}" --region="$REGION" --format=json ;;
  esac
}

# edit_policy add|remove RESOURCE: brings a resource's policy to what infra/plan/bindings.py says; writes nothing when it
# is so already. A new service account stays invisible to other services for up to a minute, and somebody else may write
# the policy in between (its etag tells): both are tried again with the policy read anew.
edit_policy() {
  local try code
  for ((try = 1; ; try++)); do
    run policy get "$2" >"$work/policy.json"
    code=0
    plan bindings "$1" "$2" <"$work/policy.json" >"$work/wanted.json" || code=$?
    case $code in
      0) ;;
      3) return 0 ;;
      *) die "the policy of $2 could not be read." ;;
    esac
    policy set "$2" "$work/wanted.json" >/dev/null 2>"$work/stderr" </dev/null && break
    case $(<"$work/stderr") in
      *"does not exist"* | *ABORTED* | *"concurrent policy"* | *etag* | *conditionNotMet*) ;;
      *) fail "writing the policy of $2" ;;
    esac
    ((try < RETRIES)) || fail "writing the policy of $2 ($RETRIES times)"
    sleep $((RETRY_SECONDS * try))
  done
  say "  rights on $2: written"
}

project_number() {
  PROJECT_NUMBER=$(run gcloud projects describe "$PROJECT_ID" --format='value(projectNumber)')
  export PROJECT_NUMBER
}

# An access token for the REST calls of infra/plan, in the environment: never in an argument, which others can list.
access_token() {
  ACCESS_TOKEN=$(run gcloud auth print-access-token)
  export ACCESS_TOKEN
}

# A new encryption key: 32 random bytes that are never in a file, an argument or a log.
add_key_version() {
  head -c 32 /dev/urandom |
    gcloud secrets versions add "$KEY_SECRET" --data-file=- --format='value(name.basename())' 2>"$work/stderr" ||
    fail "adding a version to the secret $KEY_SECRET"
}

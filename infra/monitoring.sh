#!/usr/bin/env bash
# Log-based metrics, alert policies and a dashboard, from the files in monitoring/. Safe to run again: it writes only what
# differs. `monitoring.sh remove` deletes them. Alert policies need gcloud's alpha component.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
begin

listed() { # the names and contents of what is there
  run gcloud logging metrics list --format=json >"$work/metrics.json"
  run gcloud alpha monitoring policies list --format=json >"$work/policies.json"
  run gcloud monitoring dashboards list --format=json >"$work/dashboards.json"
}

if [[ ${1:-} == remove ]]; then
  listed
  plan monitoring remove "$work" >"$work/todo"
  while IFS=$'\t' read -r -u 3 kind name; do
    case $kind in
      policy) run gcloud alpha monitoring policies delete "$name" >/dev/null ;;
      dashboard) run gcloud monitoring dashboards delete "$name" >/dev/null ;;
      metric) run gcloud logging metrics delete "$name" >/dev/null ;;
    esac
    say "  $kind ${name##*/}: deleted"
  done 3<"$work/todo"
  exit
fi

CHANNEL=
if [[ $ALERT_EMAIL ]]; then
  CHANNEL=$(run gcloud beta monitoring channels list --format='value(name)' --limit=1 \
    --filter="type=email AND labels.email_address=\"$ALERT_EMAIL\"")
  if [[ -z $CHANNEL ]]; then
    CHANNEL=$(run gcloud beta monitoring channels create --type=email --display-name="$DEPLOYMENT alerts" \
      --channel-labels="email_address=$ALERT_EMAIL" --format='value(name)')
    say "  notification channel to $ALERT_EMAIL: created"
  fi
fi
export CHANNEL

listed
plan monitoring write "$work" >"$work/todo"
while IFS=$'\t' read -r -u 3 kind verb name file; do
  case $kind in
    metric) change gcloud logging metrics "$verb" "$name" --config-from-file="$file" ;;
    dashboard)
      [[ $verb == update ]] && change gcloud monitoring dashboards update "$name" --config-from-file="$file"
      [[ $verb == create ]] && change gcloud monitoring dashboards create --config-from-file="$file"
      ;;
    policy)
      # A new metric is unknown to Monitoring for up to some minutes, and a policy on an unknown metric is refused.
      for ((try = 1; ; try++)); do
        words=(gcloud alpha monitoring policies "$verb")
        [[ $verb == update ]] && words+=("$name")
        "${words[@]}" --policy-from-file="$file" --format=none >/dev/null 2>"$work/stderr" </dev/null && break
        [[ $(<"$work/stderr") == *"annot find metric"* && $try -lt $RETRIES ]] || fail "writing the alert policy ${file##*/}"
        sleep $((RETRY_SECONDS * try))
      done
      ;;
  esac
  say "  $kind ${file##*/}: ${verb}d"
done 3<"$work/todo"
say "Monitoring is in place: https://console.cloud.google.com/monitoring/dashboards?project=$PROJECT_ID"

#!/usr/bin/env bash
# A new encryption key. New executions use it within a minute; open ones keep the key they were sealed with. Versions that
# no open execution needs are disabled, which can be undone; `rotate-key.sh sweep` only does that, and adds no key.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
begin
[[ $# == 0 || $* == sweep ]] || die "the only argument there is, is sweep."

if [[ $# == 0 ]]; then
  version=$(add_key_version)
  say "Version $version of $KEY_SECRET is the key of new executions, at the latest in a minute."
fi

run gcloud secrets versions list "$KEY_SECRET" --filter=state=ENABLED --format=json >"$work/versions.json"
access_token
plan keys <"$work/versions.json" >"$work/unneeded" || die "which keys are still needed could not be found out; none was disabled."
while IFS= read -r -u 3 version; do
  change gcloud secrets versions disable "$version" --secret="$KEY_SECRET"
  say "Version $version is disabled: nothing needs it."
done 3<"$work/unneeded"

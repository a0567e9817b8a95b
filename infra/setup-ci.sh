#!/usr/bin/env bash
# Once, after setup.sh: lets the `production` environment of one GitHub repository deploy, without any key. GitHub vouches
# for the workflow, and what it gets is a service account that may roll out functions but not change rights.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
begin
[[ $CI_REPOSITORY =~ ^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+$ ]] || die "CI_REPOSITORY must be the repository's OWNER/NAME."
project_number

pool=(--location=global --workload-identity-pool="$DEPLOYMENT")
if ! exists gcloud iam workload-identity-pools describe "$DEPLOYMENT" --location=global; then
  change gcloud iam workload-identity-pools create "$DEPLOYMENT" --location=global --display-name="$DEPLOYMENT"
  say "  workload identity pool $DEPLOYMENT: created"
fi
if ! exists gcloud iam workload-identity-pools providers describe github "${pool[@]}"; then
  # Without the condition, every repository on GitHub could ask.
  change gcloud iam workload-identity-pools providers create-oidc github "${pool[@]}" \
    --issuer-uri=https://token.actions.githubusercontent.com \
    --attribute-mapping=google.subject=assertion.sub,attribute.repository=assertion.repository \
    --attribute-condition="assertion.repository=='$CI_REPOSITORY' && assertion.environment=='production'"
  say "  provider github: created, for the environment production of $CI_REPOSITORY"
fi
accounts=$(run gcloud iam service-accounts list --format='value(email)')
if [[ $'\n'$accounts$'\n' != *$'\n'"$(sa deploy)"$'\n'* ]]; then
  change gcloud iam service-accounts create "$DEPLOYMENT-deploy" --display-name="$DEPLOYMENT: GitHub, when it deploys"
  say "  service account $DEPLOYMENT-deploy: created"
fi
for resource in account:deploy account:submit account:generate account:status account:build secret project; do
  edit_policy add "$resource"
done

say "Set up. Give the environment production of $CI_REPOSITORY these variables:"
say "  PROJECT_ID=$PROJECT_ID"
say "  WORKLOAD_IDENTITY_PROVIDER=projects/$PROJECT_NUMBER/locations/global/workloadIdentityPools/$DEPLOYMENT/providers/github"
say "  DEPLOYER=$(sa deploy)"

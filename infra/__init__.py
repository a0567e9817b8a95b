"""The deployment: shell scripts that call gcloud, and `infra.plan`, which works out what they should bring about."""

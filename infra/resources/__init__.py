"""What each resource of a deployment should be like, and how the actual one differs; nothing here calls gcloud."""

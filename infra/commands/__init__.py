"""The commands, a module each: every `run` takes the settings and gcloud, and raises Stop when it cannot go on."""

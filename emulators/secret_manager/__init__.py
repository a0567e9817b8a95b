"""An emulator of Google Secret Manager's gRPC API, for the official client; everything is kept in memory only."""

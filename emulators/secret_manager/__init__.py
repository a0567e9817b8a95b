"""An emulator of Google Secret Manager's gRPC API for the official client; it keeps everything in memory."""

"""An emulator of Google Cloud Tasks v2 for one machine: gRPC, REST, real HTTP deliveries, real tokens."""

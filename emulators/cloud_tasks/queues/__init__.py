"""The state of the emulator: queues, their tasks, and when each task is due."""

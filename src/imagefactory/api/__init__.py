"""The HTTP edge: who asks, what they ask, and how the answer looks."""

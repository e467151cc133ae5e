"""A node: a replica with its store, its timers, and a way to reach others."""

"""The Redis protocol: the set commands of Redis, over the sets of the node."""

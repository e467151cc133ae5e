"""A cluster in one process, on virtual time, from one seed: the protocol's own code under faults.

Replicas and memory stores are those of the product. The network, the clocks, and the disks that
lose what was not flushed are the simulation's. docs/SIMULATION.md says what it checks.
"""

"""The demonstration: three nodes, a cut, monkeys, and the proof that nothing was lost.

`python -m tools.demo` starts real nodes, lets monkeys and writers loose on them, cuts one node
off and lets it come back, and then compares every node with every write that was acknowledged.
"""

"""Benchmarks: figures that anyone can repeat. `make bench` runs them."""

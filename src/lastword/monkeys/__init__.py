"""Monkeys play with a node as any client could: to see it work, and to catch it if it lies.

Each is a coroutine that is given its randomness, its sleep and what to tell people by, so that it
runs in a test as in a terminal. Source: the three monkeys of lww-hs.
"""

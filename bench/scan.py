"""Scans a set over and over by SSCAN, until it is told to stop; then it prints its members per s.

python -m bench.scan PORT SET
"""

import signal
import sys
import time

import redis

PAGE = 1_000


class Stop(Exception):
    """The signal to stop came."""


def main() -> None:
    """Scan until SIGTERM."""
    port, set_name = sys.argv[1:]
    client = redis.Redis(port=int(port))
    passed, began_s = 0, time.perf_counter()

    def on_signal(*_: object) -> None:
        raise Stop

    signal.signal(signal.SIGTERM, on_signal)
    try:
        for _ in iter(int, 1):
            for _ in client.sscan_iter(set_name, count=PAGE):
                passed += 1
    except Stop:
        print(passed / (time.perf_counter() - began_s))


if __name__ == "__main__":
    main()

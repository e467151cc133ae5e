"""How many calls a second the clients make, one after the other and many at once.

`python -m bench.client`: a node with a file of its own, on this machine. A loop in a thread is the
other way in which a blocking client could be made; it is measured to be weighed.
"""

import asyncio
import tempfile
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import perf_counter
from typing import Final

from lastword.client import AsyncClient, Client
from tools.processes import NodeProcess

CALLS: Final = 3_000
AT_ONCE: Final = 32
TIMES: Final = 3


def best(run: Callable[[], object], calls: int = CALLS) -> int:
    """Return the calls per second of the quickest of some runs."""
    quickest_s = float("inf")
    for _ in range(TIMES):
        begun_s = perf_counter()
        run()
        quickest_s = min(quickest_s, perf_counter() - begun_s)
    return round(calls / quickest_s)


def blocking(address: str) -> dict[str, int]:
    """Measure `Client`."""
    with Client(address) as client, ThreadPoolExecutor(AT_ONCE) as pool:
        fruit = client["fruit"]
        elements = [f"element {number}" for number in range(100_000)]
        return {
            "in": best(lambda: [element in fruit for element in elements[:CALLS]]),
            "add": best(lambda: [*map(fruit.add, elements[:CALLS])]),
            f"in, {AT_ONCE} threads": best(
                lambda: list(pool.map(fruit.__contains__, elements[:CALLS]))
            ),
            "|=, elements": best(lambda: fruit.update(elements), 100_000),
            "list, elements": best(lambda: list(fruit), 100_000),
        }


async def awaited(address: str) -> dict[str, int]:
    """Measure `AsyncClient`."""
    async with AsyncClient(address) as client:
        fruit = client["fruit"]
        begun_s = perf_counter()
        for number in range(CALLS):
            await fruit.contains(str(number))
        one_s = perf_counter() - begun_s
        begun_s = perf_counter()
        for start in range(0, CALLS, AT_ONCE):
            names = map(str, range(start, start + AT_ONCE))
            await asyncio.gather(*map(fruit.contains, names))
        many_s = perf_counter() - begun_s
    return {
        "contains": round(CALLS / one_s),
        f"contains, {AT_ONCE} at once": round(CALLS / many_s),
    }


def loop_in_a_thread(address: str) -> dict[str, int]:
    """Measure `AsyncClient` on a loop in a thread, called from another one."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    def wait(coroutine: object) -> object:
        return asyncio.run_coroutine_threadsafe(coroutine, loop).result()  # type: ignore[arg-type]

    client = AsyncClient(address)
    wait(client.__aenter__())
    fruit = client["fruit"]
    found = {"in": best(lambda: [wait(fruit.contains(str(n))) for n in range(CALLS)])}
    wait(client.close())
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()
    return found


def main() -> None:
    """Measure all, and print it."""
    with (
        tempfile.TemporaryDirectory() as folder,
        NodeProcess(Path(folder) / "a.db") as node,
    ):
        print("calls a second")
        for name, figures in (
            ("Client", blocking(node.address)),
            ("AsyncClient", asyncio.run(awaited(node.address))),
            ("a loop in a thread", loop_in_a_thread(node.address)),
        ):
            for what, rate in figures.items():
                print(f"{name}: {what}: {rate:,}")


if __name__ == "__main__":
    main()

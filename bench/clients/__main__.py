"""Ask every kind of model by every client on the local AWS: `python -m bench.clients`.

It installs what is missing, deploys the models, asks, and writes docs/clients.json and docs/clients.md after each
client, so that it can be resumed: `--client` names those to ask by.
"""

from __future__ import annotations

import argparse
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from bench.clients import homes, page
from bench.clients.asking import ask
from bench.clients.clients import CLIENTS
from bench.clients.served import served

# Most of a client's time is its start, which takes a core.
_AT_ONCE = 2


def main() -> int:
    """Write the page; return 1 if a cell has no reason."""
    parser = argparse.ArgumentParser(prog="python -m bench.clients", description=__doc__.splitlines()[0])
    parser.add_argument("--client", action="append", default=[], metavar="WORD", help="clients whose title has it")
    parser.add_argument("--resume", action="store_true", help="only clients without recorded results")
    options = parser.parse_args()
    results = page.read()
    wanted = [
        client
        for client in CLIENTS
        if (not options.client or any(word.lower() in client.title.lower() for word in options.client))
        and not (options.resume and all(client.title in cells for cells in results.values()) and results)
    ]
    if not wanted:
        print("nothing to do: no such client, or all are recorded")
        return 0
    for client in wanted:
        homes.require(client)
    with served() as models:
        for client in wanted:
            start = time.monotonic()
            with ThreadPoolExecutor(_AT_ONCE) as pool:
                for model, cells in zip(models, pool.map(partial(ask, client), models), strict=True):
                    results.setdefault(model.kind.model.name, {})[client.title] = cells
            page.write(results)
            print(f"{client.title}: {time.monotonic() - start:.0f} s", flush=True)
    unexplained = page.faults(results)
    print("\n".join(unexplained))
    return 1 if unexplained else 0


if __name__ == "__main__":
    sys.exit(main())

"""`python -m localaws`: the command line of the local AWS."""

from __future__ import annotations

import argparse
import os
import re
import sys
from pathlib import Path


def _account(text: str) -> str:
    if not re.fullmatch(r"[0-9]{12}", text):
        raise argparse.ArgumentTypeError(f"{text!r}: an account's number has 12 digits")
    return text


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m localaws", description="Serve a local AWS on 127.0.0.1.")
    parser.add_argument("--port", type=int, default=5000, help="TCP port; 0 picks a free one (default: %(default)s)")
    parser.add_argument(
        "--apis-port", type=int, default=0, help="TCP port of deployed APIs; 0 picks a free one (default: %(default)s)"
    )
    parser.add_argument(
        "--account", type=_account, help="number of the account that it plays, 12 digits (default: 123456789012)"
    )
    parser.add_argument(
        "--ready-file",
        type=Path,
        help="file that receives the addresses and the credential as JSON once it answers; else they are printed",
    )
    parser.add_argument("--parent-pid", type=int, help="quit when this process has ended")
    parser.add_argument(
        "--node-modules",
        type=Path,
        default=Path("node_modules"),
        help="folder of the Node packages that deployed Node functions import (default: %(default)s)",
    )
    parser.add_argument(
        "--engine",
        type=Path,
        help="folder with a small language model that answers in place of made-up texts, as localaws/README.md says",
    )
    parser.add_argument("--verbose", action="store_true", help="log every request to standard error")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Serve until stopped; return the exit code."""
    arguments = _arguments(argv)
    if arguments.account:
        os.environ["MOTO_ACCOUNT_ID"] = arguments.account
    # Imported only now: modules take the account from the environment when they are imported, as moto's do.
    from localaws import server  # noqa: PLC0415 - see above

    try:
        server.serve(
            port=arguments.port,
            apis_port=arguments.apis_port,
            ready_file=arguments.ready_file,
            parent_pid=arguments.parent_pid,
            node_modules=arguments.node_modules.resolve(),
            engine=None if arguments.engine is None else arguments.engine.resolve(),
            verbose=arguments.verbose,
        )
    except (server.PortTakenError, server.EngineMissingError) as error:
        print(f"localaws: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

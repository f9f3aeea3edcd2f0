"""Entry point of `./jumpstack`, started by its path."""

import sys
from pathlib import Path

_ROOT = str(Path(__file__).resolve().parents[2])

if __name__ == "__main__":
    if _ROOT not in sys.path:
        sys.path.insert(0, _ROOT)
    try:
        from tools.cli.main import start

        code = start(sys.argv[1:])
    except KeyboardInterrupt:
        # Before or after the command itself, which ends so, too.
        print("interrupted", file=sys.stderr)
        code = 130
    except Exception as error:
        # Most commands read the declarations before they start, which may be no Python.
        from stacks.reading import reading_problem

        if not (problem := reading_problem(error)):
            raise
        print(f"error: {problem}", file=sys.stderr)
        code = 1
    sys.exit(code)

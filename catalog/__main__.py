"""Print the new form of `python -m catalog`."""

from tools.retired import retired

if __name__ == "__main__":
    raise SystemExit(retired("catalog"))

"""Print the new form of `python -m tools.demo`."""

from tools.retired import retired

if __name__ == "__main__":
    raise SystemExit(retired("tools.demo"))

"""Print the new form of `python -m tools.dataset_request`."""

from tools.retired import retired

if __name__ == "__main__":
    raise SystemExit(retired("tools.dataset_request"))

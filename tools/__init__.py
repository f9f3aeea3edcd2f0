"""Commands for people: `python -m tools.chat`, `python -m tools.demo`, `python -m tools.local`."""

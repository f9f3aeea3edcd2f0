"""The commands of `python -m catalog`, a module each."""

"""Commands for people, behind `./jumpstack`; `tools/cli/` parses and prints, the other modules do the work."""

"""Command line `./jumpstack`: parsing and printing. The work is done by the modules beside this package."""

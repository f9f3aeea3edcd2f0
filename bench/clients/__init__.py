"""The clients that people use, each asking each kind of model the same on the local AWS: `python -m bench.clients`."""

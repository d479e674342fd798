"""The same load to whichstep and to its peers, each from PyPI in an environment of its own: `python -m benchmarks.peers`."""

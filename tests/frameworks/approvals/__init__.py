"""Held actions in real frameworks: each plays every decision against a running sidecar, across a kill -9.

scenarios   what can be decided, and what must then have run
play        plays one framework, in its own environment; agents/ are the frameworks
stage       the sidecar, the scripted models and the reviewer around it
__main__    all of them, and the page `docs/approvals_frameworks.md` (`make adapters`)
"""

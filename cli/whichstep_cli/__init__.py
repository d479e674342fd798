"""The `whichstep` command: the one place where the parts are put together."""

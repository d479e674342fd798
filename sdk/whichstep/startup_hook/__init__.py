"""A folder that leads PYTHONPATH under `whichstep run`; nothing imports it as a package."""

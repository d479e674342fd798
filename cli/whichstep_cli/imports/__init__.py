"""`whichstep import`: recorded runs, from OTLP files and other tools' exports, through the door that all runs use.

reading.py   a file of any kind → its records, one in memory at a time
formats/     one module a format: a record → steps and evaluations; `formats/__init__.py` lists them
steps.py     steps and evaluations → OTLP requests with OpenTelemetry's GenAI names
sending.py   requests in bounded batches to the sidecar
command.py   the command: which files, what was read, what was skipped and why
"""

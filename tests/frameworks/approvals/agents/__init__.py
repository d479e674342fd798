"""One module a framework: NAME, PACKAGE, REQUIREMENTS, SUSPENDS, and `start(job)`; where it suspends also `go_on(job)`.

They are declared without the framework, which is imported inside.
"""

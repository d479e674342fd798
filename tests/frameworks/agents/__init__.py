"""One module a framework: its declaration, its instrumentation, its agent."""

"""Benchmarks of the store, each a module with one question."""

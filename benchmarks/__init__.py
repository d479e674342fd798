"""Benchmarks. Each module states its question and prints one line a figure; `make bench` runs them all."""

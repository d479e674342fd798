"""The demo: two support agents on real frameworks, the shop they work for, and weeks of sample history."""

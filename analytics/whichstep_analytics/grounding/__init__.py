"""Whether what an agent answers stands anywhere in what it was given."""

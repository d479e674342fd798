"""One module a screen, each with `show()`; the rest are parts that screens share."""

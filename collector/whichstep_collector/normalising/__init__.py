"""From spans and log records as received to rows: types, messages, tokens, errors, ids, texts. Names no framework.

`normalise` beside it is the way in; what a framework's habit is stands in `dialects`.
"""

"""Holds actions until they may run: by the policy alone, or by a person's decision that the sidecar keeps.

    state       which policy is in force in this process
    gate        what becomes of one action: runs, is marked, waits, or never runs
    request     one request for a decision, from its creation to the arguments that may be run
    sidecar     the HTTP calls; authority: the sidecar's own policy, kept up to date
    arguments   what is sent of arguments, and the digest over the whole of them
    evidence    what the execution found so far
    action      the verb `action`; guard: lists of tools

Whatever goes wrong, the action does not run: only here, and only on purpose, does the SDK raise into the host.
"""

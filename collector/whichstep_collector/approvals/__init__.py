"""Requests for approval: the desk, what the policy asks, the light pages, the login of reviewers, the webhook."""

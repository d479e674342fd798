"""`GET /api/v1/policy`: the sidecar's policy as agents are told it, so that their own can only add to it."""

from __future__ import annotations

import orjson
from starlette.requests import Request
from starlette.responses import Response

from whichstep.policy import Policy
from whichstep_collector import health
from whichstep_collector.api import ApiRoute, known_only
from whichstep_collector.replies import JSON_TYPE
from whichstep_collector.tokens import INGEST, READ, REVIEW

PATH = "/api/v1/policy"


def policy_route(policy: Policy | None) -> ApiRoute:
    """Return the route that tells the policy: its form, digest and number of rules; null where there is none."""
    form, digest = (None, None) if policy is None else (policy.form(), policy.digest)
    body = orjson.dumps({"policy": form, "digest": digest, "rules": len(policy.rules) if policy else 0})

    async def tell(request: Request) -> Response:
        known_only(request, ())
        return Response(body, media_type=JSON_TYPE, headers=health.NO_STORE)

    return ApiRoute(
        PATH, "GET", frozenset({INGEST, READ, REVIEW}), tell, "The policy on actions, as agents judge by it."
    )

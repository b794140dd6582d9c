"""How health is read, how long a release is watched, who must agree."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator

from runbook_lib.config.values import Count, Number, RoutePath, Seconds, Table


class Smoke(Table):
    """A business check: one request and what the answer must be."""

    name: str = Field(description="What the check proves, in a few words.")
    path: RoutePath = Field(description="Route below the environment's url.")
    method: Literal["GET", "HEAD", "POST"] = Field("GET", description="HTTP method.")
    status: Count = Field(200, ge=100, le=599, description="Status that the answer must have.")
    contains: str = Field("", description="Text that the answer must contain.")


class Checks(Table):
    """How health is read."""

    up: RoutePath = Field("/up", description="Liveness route; 200 when the process serves.")
    ready: RoutePath = Field("/ready", description="Readiness route; 200 when database, cache and queue are reached.")
    version: str = Field(
        "", description="Route whose answer names the running tag, commit or digest; empty: not asked."
    )
    smoke: list[Smoke] = Field([], description="Business checks, all of which must pass.")
    timeout: Annotated[Number, Field(gt=0, le=300)] = Field(5, description="Seconds one request may take.")
    within: Annotated[Number, Field(gt=0, le=3600)] = Field(
        60, description="Seconds after a switch within which everything must be healthy."
    )

    @field_validator("version")
    @classmethod
    def _route(cls, value: str) -> str:
        if value and not value.startswith("/"):
            raise ValueError("a route starts with /")
        return value


class Observation(Table):
    """How long and how strictly a release is watched after the switch."""

    window: Seconds = Field(60, description="Seconds of observation; 0: a single look.")
    interval: Annotated[Number, Field(gt=0, le=3600)] = Field(2, description="Seconds between two samples.")
    min_requests: Annotated[Count, Field(ge=1)] = Field(
        20,
        description="Requests below which nothing is concluded; made up with synthetic ones to the smoke routes.",
    )
    max_error_rate: Annotated[Number, Field(ge=0, le=1)] = Field(
        0.01, description="Share of failed requests (5xx, no answer) above which the verdict is FAIL."
    )
    max_p95_ms: Annotated[Number, Field(gt=0)] = Field(
        500, description="95th percentile of latency in milliseconds above which the verdict is FAIL."
    )
    failure_limit: Annotated[Count, Field(ge=0)] = Field(
        0, description="Failed samples (/up, /ready, smoke) that are tolerated in one window."
    )
    metrics: str = Field(
        "",
        description="Route with Prometheus text metrics for errors and latency of real traffic; empty: none.",
    )
    requests_metric: str = Field(
        "http_requests_total",
        description="Counter of requests, with the status in its `status` or `code` label.",
    )
    latency_metric: str = Field(
        "http_request_duration_seconds", description="Histogram of latency in seconds (its _bucket series)."
    )


class Approval(Table):
    """Who must agree to a plan before it is carried out."""

    policy: Literal["none", "confirm", "second-person"] = Field(
        "confirm", description="none; confirm: whoever runs it; second-person: somebody else."
    )
    expires: Annotated[Number, Field(gt=0, le=86_400 * 7)] = Field(
        3600, description="Seconds after which an approval is no longer valid."
    )
    wait: Seconds = Field(600, description="Seconds a headless run waits at the gate before it ends, to be continued.")

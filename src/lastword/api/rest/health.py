"""The calls about a node's health: whether it lives, is ready and converged, its condition."""

from typing import Final

from lastword.access.rights import Need
from lastword.api.rest.about import About, Ready
from lastword.api.rest.routes import Body, Call, Given, Query, Route, body
from lastword.client.condition import Condition
from lastword.client.health import Converged
from lastword.client.history import History

MAX_LAG: Final = Query("max_lag", "how far members may be apart: 500ms, 2s, 1m", str)


def health_routes(about: About) -> tuple[Route, ...]:
    """Return them, in the table's form."""
    facts = body("what it is and holds", Ready)
    ready = Given(200, "send it traffic", facts), Given(503, "send it none, and why", facts)
    condition = Given(200, "its condition", body("settings, disk, limits", Condition))
    live = Given(200, "its event loop turns", body("that it does", dict[str, bool]))
    lags = body("whether, why not, and how far members are apart", Converged)
    done = Given(200, "by stretches of ten seconds", body("counts of each", History))
    converged = Given(200, "it is", lags), Given(503, "it is not, and why", lags)
    text = Body("the Prometheus text format", {"text/plain": str})
    return (
        Route(
            "/_/metrics",
            {
                "GET": Call(
                    about.metrics, "metrics", (Given(200, "metrics", text),), Need.READ_NODE
                )
            },
        ),
        Route(
            "/_/ready",
            {"GET": Call(about.ready, "whether to send it traffic", ready, Need.READ_NODE)},
        ),
        Route(
            "/_/condition",
            {
                "GET": Call(
                    about.condition,
                    "settings, disk and limits, for operators",
                    (condition,),
                    Need.ADMIN_NODE,
                )
            },
        ),
        Route(
            "/_/history",
            {
                "GET": Call(
                    about.history,
                    "what was read, written and replicated during the last hour",
                    (done,),
                    Need.READ_NODE,
                )
            },
        ),
        Route(
            "/_/live",
            {"GET": Call(about.live, "whether the process lives", (live,), Need.NOTHING)},
        ),
        Route(
            "/_/converged",
            {
                "GET": Call(
                    about.converged,
                    "whether all members have what the others had a moment ago",
                    converged,
                    Need.READ_NODE,
                    queries=(MAX_LAG,),
                )
            },
        ),
    )

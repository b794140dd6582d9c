"""Which feature could be done without."""

from __future__ import annotations

from runbook_lib.diagnosis.cause import Next
from runbook_lib.diagnosis.facts import Facts


def without_the_feature(facts: Facts) -> Next | None:
    """Switch off the feature that the failing routes or messages name; without a name, the only one there is."""
    features = facts.remedies.features
    texts = " ".join([*facts.impact.routes_erring, *(m.sample for m in facts.current)]).lower()
    named = [name for name in features if name.lower().rstrip("s") in texts]
    chosen = named[0] if named else features[0] if len(features) == 1 else ""
    if chosen:
        return facts.remedies.mitigation("disable_features", disable_features=chosen)
    return None

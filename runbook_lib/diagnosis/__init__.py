"""Diagnosis: everything is looked at once, in parallel and bounded in time; rules name the likely causes, the likeliest
first, with the evidence for and against each and the next runbook. Changes nothing."""

from __future__ import annotations

from runbook_lib.diagnosis.cause import EVENT, Cause, Next, event
from runbook_lib.diagnosis.causes import Diagnosis, diagnose
from runbook_lib.diagnosis.facts import Facts
from runbook_lib.diagnosis.looking import EVERYTHING, look

__all__ = ["EVENT", "EVERYTHING", "Cause", "Diagnosis", "Facts", "Next", "diagnose", "event", "look"]

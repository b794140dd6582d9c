"""Drills: a runbook is run headlessly against a known fault; the record is the evidence that it works."""

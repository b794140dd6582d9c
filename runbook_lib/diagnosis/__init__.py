"""Diagnosis: what names likely causes, and the event that it leaves."""

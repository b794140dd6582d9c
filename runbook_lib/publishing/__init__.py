"""The published site: pages made from the notebooks, the drills' evidence and the journal. Nothing is executed here."""

"""What a release that goes live, or leaves, takes along: hooks, database, doors, jobs, workers."""

"""What is in force: whether it still is, and taking it back."""

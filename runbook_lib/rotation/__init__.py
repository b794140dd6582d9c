"""Changing secrets: how a value is made, where it lives, what shows that it is good and that the old one is dead."""

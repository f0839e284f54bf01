"""What was used, at what cost, and what that leads to."""

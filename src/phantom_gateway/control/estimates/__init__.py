"""What a request would count and cost, without making it."""

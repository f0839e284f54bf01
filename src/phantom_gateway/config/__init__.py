"""What the operator writes: schema, loading, secret references, LiteLLM's keys."""

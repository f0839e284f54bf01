"""What runs in the bridge's own environment: imports the standard library, its neighbours here, and litellm; nothing else."""

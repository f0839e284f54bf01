"""The gateway against nginx (the floor) and LiteLLM: one command, figures with their run."""

"""Phantom Gateway: an LLM gateway that speaks LiteLLM's language."""

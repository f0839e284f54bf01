"""OpenAI's chat completions: read into the neutral form and written from it."""

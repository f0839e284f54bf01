"""OpenAI's Responses API: read into the neutral form and written from it."""

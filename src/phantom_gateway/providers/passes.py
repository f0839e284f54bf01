"""Providers whose whole API can be passed through: where it is, how it is authenticated, what of it can be metered.

Addresses and variable names are those of LiteLLM 1.106.2 and of the providers (November 2026). What providers sign (AWS Signature
Version 4, Google's service accounts) is not done here; their API keys are used, which both have.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Shape = Literal["", "openai", "anthropic", "gemini", "bedrock", "cohere"]
"""In whose words an answer reports its usage; empty: in nobody's that is known."""


@dataclass(frozen=True, slots=True)
class PassProvider:
    """One API."""

    name: str
    """The first segment of the path."""
    provider: str
    """Whose price list holds."""
    base_url: str
    """``{region}`` is filled from ``region_env``; empty: from ``base_env`` only."""
    key_env: tuple[str, ...]
    shape: Shape
    metered: str
    """A regular expression for the ends of paths whose answers report usage."""
    free: str = r"(?!)"
    """The same for those that cost nothing."""
    base_env: tuple[str, ...] = ()
    region_env: tuple[str, ...] = ()
    auth_header: str = "authorization"
    auth_prefix: str = "Bearer "
    root: str = ""
    """Stands before every path that does not begin with it."""
    escaped_slash: bool = False
    """Whether names in its paths have escaped slashes."""


_OPENAI = r"/(chat/completions|completions|embeddings|responses)"


def _openai(name: str) -> PassProvider:
    return PassProvider(
        name,
        "openai",
        "https://api.openai.com",
        ("OPENAI_API_KEY",),
        "openai",
        _OPENAI,
        base_env=("OPENAI_BASE_URL", "OPENAI_API_BASE"),
        root="/v1",
    )


_GOOGLE = r":(generateContent|streamGenerateContent|embedContent|batchEmbedContents)"

PASSES = (
    _openai("openai"),
    _openai("openai_passthrough"),
    PassProvider(
        "anthropic",
        "anthropic",
        "https://api.anthropic.com",
        ("ANTHROPIC_API_KEY",),
        "anthropic",
        r"/v1/messages",
        r"/v1/messages/count_tokens",
        ("ANTHROPIC_API_BASE", "ANTHROPIC_BASE_URL"),
        auth_header="x-api-key",
        auth_prefix="",
    ),
    PassProvider(
        "gemini",
        "gemini",
        "https://generativelanguage.googleapis.com",
        ("GEMINI_API_KEY", "GOOGLE_API_KEY"),
        "gemini",
        _GOOGLE,
        r":countTokens",
        ("GEMINI_API_BASE",),
        auth_header="x-goog-api-key",
        auth_prefix="",
    ),
    PassProvider(
        "azure",
        "azure",
        "",
        ("AZURE_OPENAI_API_KEY", "AZURE_API_KEY"),
        "openai",
        _OPENAI,
        base_env=("AZURE_API_BASE",),
        auth_header="api-key",
        auth_prefix="",
    ),
    PassProvider(
        "vertex_ai",
        "vertex_ai",
        "https://{region}-aiplatform.googleapis.com",
        ("VERTEXAI_API_KEY",),
        "gemini",
        _GOOGLE,
        r":countTokens",
        ("VERTEXAI_API_BASE",),
        ("VERTEXAI_LOCATION", "VERTEX_LOCATION"),
        auth_header="x-goog-api-key",
        auth_prefix="",
    ),
    PassProvider(
        "bedrock",
        "bedrock",
        "https://bedrock-runtime.{region}.amazonaws.com",
        ("AWS_BEARER_TOKEN_BEDROCK",),
        "bedrock",
        r"/model/[^/]+/(converse|converse-stream|invoke)",
        r"/model/[^/]+/count-tokens",
        ("AWS_BEDROCK_RUNTIME_ENDPOINT",),
        ("AWS_REGION_NAME", "AWS_REGION", "AWS_DEFAULT_REGION"),
        escaped_slash=True,
    ),
    PassProvider(
        "cohere",
        "cohere",
        "https://api.cohere.com",
        ("COHERE_API_KEY", "CO_API_KEY"),
        "cohere",
        r"/v[12]/(chat|embed|rerank)",
        r"/v1/(tokenize|detokenize)",
        ("COHERE_API_BASE",),
    ),
    PassProvider(
        "mistral",
        "mistral",
        "https://api.mistral.ai",
        ("MISTRAL_API_KEY",),
        "openai",
        r"/v1/(chat/completions|fim/completions|agents/completions|embeddings)",
        base_env=("MISTRAL_API_BASE",),
    ),
)
ROOTS = ("/openai/deployments", "/openai/v1", "/openai", "/v1beta", "/v1")
"""What a base address ends with where a deployment's is used, and what is part of the path here."""

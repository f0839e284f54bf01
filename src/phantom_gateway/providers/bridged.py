"""Providers behind the bridge, as data: which variables of the environment are theirs, and where they live.

LiteLLM's SDK reads much of its configuration from the environment (1.106.2, November 2026); in the bridge there is none, so what
belongs to the provider of a deployment is handed to the one process that serves it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

OPERATIONS = (
    "chat", "completions", "embeddings", "moderations", "images", "image_edits", "image_variations", "speech",
    "transcriptions", "rerank",
)  # fmt: skip
"""What the bridge takes; what a provider has of it is for the SDK to say."""


@dataclass(frozen=True, slots=True)
class Bridged:
    """What is known of one provider."""

    prefixes: tuple[str, ...]
    """Beginnings of the names of its variables."""
    hosts: tuple[str, ...] = ()
    """Its public hosts, with all below them; empty: not known, so any."""


_AWS = Bridged(("AWS_",), ("amazonaws.com", "amazonaws.com.cn", "api.aws"))
_GOOGLE = Bridged(("VERTEX", "GOOGLE_"), ("googleapis.com",))
_IBM = Bridged(("WATSONX_", "WX_"), ("cloud.ibm.com",))
_AZURE = ("azure.com", "microsoftonline.com", "microsoft.com", "windows.net")
_KNOWN: Mapping[str, Bridged] = MappingProxyType(
    dict.fromkeys(
        ("bedrock", "bedrock_converse", "bedrock_mantle", "sagemaker", "sagemaker_chat", "sagemaker_nova"), _AWS
    )
    | dict.fromkeys(("aws_polly", "aws_textract", "s3_vectors", "transcribe"), _AWS)
    | dict.fromkeys(("vertex_ai", "vertex_ai_beta"), _GOOGLE)
    | dict.fromkeys(("watsonx", "watsonx_text"), _IBM)
    | {
        "anthropic_text": Bridged(("ANTHROPIC_",), ("anthropic.com",)),
        "assemblyai": Bridged(("ASSEMBLYAI_",), ("assemblyai.com",)),
        "azure_ai": Bridged(("AZURE_AI_",), _AZURE),
        "azure_speech": Bridged(("AZURE_SPEECH_",), _AZURE),
        "azure_text": Bridged(("AZURE_",), _AZURE),
        "cloudflare": Bridged(("CLOUDFLARE_",), ("cloudflare.com",)),
        "cohere_chat": Bridged(("COHERE_", "CO_API_KEY"), ("cohere.com", "cohere.ai")),
        "databricks": Bridged(("DATABRICKS_",), ("databricks.com", "azuredatabricks.net", "databricksapps.com")),
        "deepgram": Bridged(("DEEPGRAM_",), ("deepgram.com",)),
        "elevenlabs": Bridged(("ELEVENLABS_",), ("elevenlabs.io",)),
        "huggingface": Bridged(("HF_", "HUGGINGFACE_"), ("huggingface.co", "huggingface.cloud", "hf.co", "hf.space")),
        "nlp_cloud": Bridged(("NLP_CLOUD_",), ("nlpcloud.io",)),
        "oci": Bridged(("OCI_",), ("oraclecloud.com",)),
        "replicate": Bridged(("REPLICATE_",), ("replicate.com", "replicate.delivery")),
        "snowflake": Bridged(("SNOWFLAKE_",), ("snowflakecomputing.com",)),
        "text-completion-codestral": Bridged(("CODESTRAL_",), ("mistral.ai",)),
        "voyage": Bridged(("VOYAGE_",), ("voyageai.com", "mongodb.com")),
    }
)
_NOT_HANDED_ON = frozenset(
    {"AWS_PROFILE", "AWS_PROFILE_NAME", "AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE", "AWS_WEB_IDENTITY_TOKEN_FILE",
     "AWS_CA_BUNDLE",
     "GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_API_KEY", "GOOGLE_CLIENT_SECRET", "HF_HOME"}
)  # fmt: skip
"""They name files, which the bridge cannot read, or belong to somebody else."""


def bridged(provider: str) -> Bridged:
    """What is known of ``provider``; of most, their name alone."""
    return _KNOWN.get(provider) or Bridged((provider.upper().replace("-", "_") + "_",))


def handed_on(variables: Mapping[str, str]) -> dict[str, str]:
    """Of a provider's variables those that mean something in the bridge."""
    return {name: value for name, value in variables.items() if name not in _NOT_HANDED_ON}

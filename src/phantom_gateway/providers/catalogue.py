"""Providers as data: where they are, how they are authenticated, what they offer.

A new OpenAI-compatible provider is a line here. Addresses and variable names are those of LiteLLM 1.106.2 (its
documentation and package, looked up in November 2026), except DeepSeek's address, for which the provider's documented ``/v1``
is used.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

UsageInStream = Literal["include_usage", "always", "never"]

PATHS: Mapping[str, str] = MappingProxyType(
    {
        "chat": "/chat/completions",
        "completions": "/completions",
        "embeddings": "/embeddings",
        "messages": "/messages",
        "count_tokens": "/messages/count_tokens",
        "generate": "/models/{model}:generateContent",
        "count_contents": "/models/{model}:countTokens",
        "embed_contents": "/models/{model}:batchEmbedContents",
        "responses": "/responses",
        "compact": "/responses/compact",
        "input_tokens": "/responses/input_tokens",
        "moderations": "/moderations",
        "images": "/images/generations",
        "image_edits": "/images/edits",
        "image_variations": "/images/variations",
        "speech": "/audio/speech",
        "transcriptions": "/audio/transcriptions",
        "translations": "/audio/translations",
        "rerank": "/rerank",
    }
)
"""Operations and their paths below the base of a provider."""

CHAT = ("chat",)
CHAT_EMBED = ("chat", "embeddings")
ALL = ("chat", "completions", "embeddings")
AUDIO = ("speech", "transcriptions", "translations")
AZURE = (*ALL, "images", "image_edits", *AUDIO)
OPENAI = (*ALL, "moderations", "images", "image_edits", "image_variations", *AUDIO)
EVERYTHING = (*OPENAI, "rerank")
"""OpenAI's API, and the ranking that many compatible servers have beside it."""
TEXT_MODES = frozenset({"chat", "completion", "embedding", "responses"})
"""Kinds of models that do nothing of ``MEDIA``."""
SINGLE_MODES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "embedding": ("embeddings", "embed_contents", "count_contents"),
        "rerank": ("rerank",),
        "moderation": ("moderations",),
    }
)
"""Kinds of models that do one thing: what else they were asked for would be done at no price."""
MEDIA = frozenset(EVERYTHING) - frozenset(ALL)
RESPONSES = ("responses", "compact", "input_tokens")
"""OpenAI's Responses API: of those that have it whole, responses kept and asked for included."""
RESPONSES_PATHS: Mapping[str, str] = MappingProxyType({name: PATHS[name] for name in RESPONSES})
EMBED = ("embeddings",)
RANK = ("embeddings", "rerank")
COMPLETE = ("completions",)
ANTHROPIC = ("messages", "count_tokens")
GOOGLE = ("generate", "count_contents", "embed_contents")

AZURE_PATHS: Mapping[str, str] = MappingProxyType({name: PATHS[name] for name in AZURE})
OPENAI_PATHS: Mapping[str, str] = MappingProxyType({name: PATHS[name] for name in EVERYTHING})
"""Those of OpenAI's API and of what is like it."""

DEMO = "demo"


@dataclass(frozen=True, slots=True)
class Provider:
    """One provider that is called directly."""

    name: str
    base_url: str = ""
    """Empty: the operator writes ``api_base``."""
    key_env: tuple[str, ...] = ()
    """Environment variables that hold the key, first one first."""
    operations: tuple[str, ...] = EVERYTHING
    paths: Mapping[str, str] = field(default_factory=dict)
    """Where operations are not at the usual path."""
    base_env: tuple[str, ...] = ()
    """Environment variables that hold another ``api_base``."""
    base_suffix: str = ""
    """Appended to an ``api_base`` that does not end with it (Ollama's ``/v1``)."""
    keeps_path: bool = False
    """An ``api_base`` that has a path of its own is taken as it is, without ``base_suffix``."""
    key_optional: bool = False
    """The server usually runs without a key."""
    auth_header: str = "authorization"
    auth_prefix: str = "Bearer "
    usage_in_stream: UsageInStream = "include_usage"
    style: Literal["openai", "azure", "demo"] = "openai"
    headers: tuple[tuple[str, str], ...] = ()
    """Sent with every request."""
    traits: tuple[str, ...] = ()
    """``Deployment.traits`` of all its models."""


def _hosted(name: str, base_url: str, key_env: str, operations: tuple[str, ...] = CHAT, base_env: str = "") -> Provider:
    return Provider(name, base_url, tuple(key_env.split()), operations, base_env=tuple(base_env.split()))


_PROVIDERS = (
    Provider(
        "openai",
        "https://api.openai.com/v1",
        ("OPENAI_API_KEY",),
        (*EVERYTHING, *RESPONSES),
        base_env=("OPENAI_BASE_URL", "OPENAI_API_BASE"),
        traits=("max_completion_tokens",),
    ),
    Provider(
        "anthropic",
        "https://api.anthropic.com",
        ("ANTHROPIC_API_KEY",),
        ANTHROPIC,
        base_env=("ANTHROPIC_API_BASE", "ANTHROPIC_BASE_URL"),
        base_suffix="/v1",
        auth_header="x-api-key",
        auth_prefix="",
        usage_in_stream="always",
        headers=(("anthropic-version", "2023-06-01"),),
    ),
    Provider(
        "gemini",
        "https://generativelanguage.googleapis.com",
        ("GOOGLE_API_KEY", "GEMINI_API_KEY"),
        GOOGLE,
        base_env=("GEMINI_API_BASE",),
        base_suffix="/v1beta",
        keeps_path=True,
        auth_header="x-goog-api-key",
        auth_prefix="",
        usage_in_stream="always",
    ),
    Provider(
        "azure",
        key_env=("AZURE_OPENAI_API_KEY", "AZURE_API_KEY"),
        base_env=("AZURE_API_BASE",),
        auth_header="api-key",
        auth_prefix="",
        style="azure",
        traits=("max_completion_tokens",),
    ),
    Provider("custom_openai", key_optional=True),
    Provider("openai_like", key_env=("OPENAI_LIKE_API_KEY",), base_env=("OPENAI_LIKE_API_BASE",), key_optional=True),
    Provider(
        "text-completion-openai",
        "https://api.openai.com/v1",
        ("OPENAI_API_KEY",),
        COMPLETE,
        base_env=("OPENAI_BASE_URL", "OPENAI_API_BASE"),
    ),
    Provider(
        "litellm_proxy",
        operations=(*EVERYTHING, *RESPONSES),
        key_env=("LITELLM_PROXY_API_KEY",),
        base_env=("LITELLM_PROXY_API_BASE",),
        key_optional=True,
        traits=("cache_control",),
    ),
    # servers of one's own
    Provider(
        "ollama",
        "http://localhost:11434",
        ("OLLAMA_API_KEY",),
        ALL,
        base_env=("OLLAMA_API_BASE",),
        base_suffix="/v1",
        key_optional=True,
    ),
    Provider(
        "ollama_chat",
        "http://localhost:11434",
        ("OLLAMA_API_KEY",),
        CHAT,
        base_env=("OLLAMA_API_BASE",),
        base_suffix="/v1",
        key_optional=True,
    ),
    Provider("hosted_vllm", key_env=("HOSTED_VLLM_API_KEY",), base_env=("HOSTED_VLLM_API_BASE",), key_optional=True),
    Provider("lm_studio", key_env=("LM_STUDIO_API_KEY",), base_env=("LM_STUDIO_API_BASE",), key_optional=True),
    Provider(
        "llamafile",
        "http://127.0.0.1:8080/v1",
        ("LLAMAFILE_API_KEY",),
        ALL,
        base_env=("LLAMAFILE_API_BASE",),
        key_optional=True,
    ),
    Provider(
        "docker_model_runner",
        "http://localhost:22088/engines/llama.cpp",
        ("DOCKER_MODEL_RUNNER_API_KEY",),
        CHAT,
        base_env=("DOCKER_MODEL_RUNNER_API_BASE",),
        base_suffix="/v1",
        key_optional=True,
    ),
    Provider(
        "lemonade",
        "http://localhost:8000/api/v1",
        ("LEMONADE_API_KEY",),
        CHAT,
        base_env=("LEMONADE_API_BASE",),
        key_optional=True,
    ),
    # these send usage at the end of a stream unasked
    Provider(
        "mistral",
        "https://api.mistral.ai/v1",
        ("MISTRAL_API_KEY",),
        (*CHAT_EMBED, "moderations", "transcriptions"),
        base_env=("MISTRAL_API_BASE",),
        base_suffix="/v1",
        usage_in_stream="always",
    ),
    Provider(
        "perplexity",
        "https://api.perplexity.ai",
        ("PERPLEXITYAI_API_KEY", "PERPLEXITY_API_KEY"),
        CHAT,
        base_env=("PERPLEXITY_API_BASE",),
        usage_in_stream="always",
    ),
    # hosted, OpenAI-compatible
    _hosted("groq", "https://api.groq.com/openai/v1", "GROQ_API_KEY", (*CHAT, *AUDIO), "GROQ_API_BASE"),
    _hosted("deepseek", "https://api.deepseek.com/v1", "DEEPSEEK_API_KEY", CHAT, "DEEPSEEK_API_BASE"),
    _hosted(
        "together_ai",
        "https://api.together.ai/v1",
        "TOGETHER_API_KEY TOGETHER_AI_API_KEY TOGETHERAI_API_KEY TOGETHER_AI_TOKEN",
        (*ALL, "images", "rerank", *AUDIO),
        "TOGETHER_AI_API_BASE",
    ),
    _hosted(
        "fireworks_ai",
        "https://api.fireworks.ai/inference/v1",
        "FIREWORKS_API_KEY FIREWORKS_AI_API_KEY FIREWORKSAI_API_KEY FIREWORKS_AI_TOKEN",
        (*ALL, "rerank"),
        "FIREWORKS_API_BASE",
    ),
    Provider(
        "openrouter",
        "https://openrouter.ai/api/v1",
        ("OPENROUTER_API_KEY",),
        CHAT_EMBED,
        base_env=("OPENROUTER_API_BASE",),
        traits=("cache_control",),
    ),
    _hosted("xai", "https://api.x.ai/v1", "XAI_API_KEY", (*CHAT, "images"), "XAI_API_BASE"),
    _hosted("cerebras", "https://api.cerebras.ai/v1", "CEREBRAS_API_KEY", CHAT, "CEREBRAS_API_BASE"),
    _hosted(
        "nvidia_nim", "https://integrate.api.nvidia.com/v1", "NVIDIA_NIM_API_KEY", CHAT_EMBED, "NVIDIA_NIM_API_BASE"
    ),
    _hosted("deepinfra", "https://api.deepinfra.com/v1/openai", "DEEPINFRA_API_KEY", ALL, "DEEPINFRA_API_BASE"),
    Provider(
        "cohere",
        "https://api.cohere.com",
        ("COHERE_API_KEY", "CO_API_KEY"),
        (*CHAT, *RANK),
        MappingProxyType(
            {
                "chat": "/compatibility/v1/chat/completions",
                "embeddings": "/compatibility/v1/embeddings",
                "rerank": "/v2/rerank",
            }
        ),
        ("COHERE_API_BASE",),
        usage_in_stream="always",
    ),
    _hosted("jina_ai", "https://api.jina.ai/v1", "JINA_AI_API_KEY", RANK, "JINA_AI_API_BASE"),
    _hosted("anyscale", "https://api.endpoints.anyscale.com/v1", "ANYSCALE_API_KEY", CHAT, "ANYSCALE_API_BASE"),
    _hosted("sambanova", "https://api.sambanova.ai/v1", "SAMBANOVA_API_KEY", CHAT_EMBED, "SAMBANOVA_API_BASE"),
    _hosted("moonshot", "https://api.moonshot.ai/v1", "MOONSHOT_API_KEY", CHAT, "MOONSHOT_API_BASE"),
    _hosted(
        "dashscope",
        "https://dashscope.aliyuncs.com/compatible-mode/v1",
        "DASHSCOPE_API_KEY",
        CHAT_EMBED,
        "DASHSCOPE_API_BASE",
    ),
    _hosted("modelscope", "https://api-inference.modelscope.cn/v1", "MODELSCOPE_API_KEY", CHAT, "MODELSCOPE_API_BASE"),
    _hosted("novita", "https://api.novita.ai/v3/openai", "NOVITA_API_KEY", CHAT, "NOVITA_API_BASE"),
    _hosted("hyperbolic", "https://api.hyperbolic.xyz/v1", "HYPERBOLIC_API_KEY", CHAT, "HYPERBOLIC_API_BASE"),
    _hosted("nebius", "https://api.studio.nebius.ai/v1", "NEBIUS_API_KEY", CHAT_EMBED, "NEBIUS_API_BASE"),
    _hosted("github", "https://models.inference.ai.azure.com", "GITHUB_API_KEY", CHAT_EMBED, "GITHUB_API_BASE"),
    _hosted(
        "volcengine",
        "https://ark.cn-beijing.volces.com/api/v3",
        "VOLCENGINE_API_KEY",
        CHAT_EMBED,
        "VOLCENGINE_API_BASE",
    ),
    _hosted("ai21", "https://api.ai21.com/studio/v1", "AI21_API_KEY", CHAT, "AI21_API_BASE"),
    _hosted("ai21_chat", "https://api.ai21.com/studio/v1", "AI21_API_KEY", CHAT, "AI21_API_BASE"),
    _hosted(
        "featherless_ai",
        "https://api.featherless.ai/v1",
        "FEATHERLESS_AI_API_KEY FEATHERLESS_API_KEY",
        CHAT,
        "FEATHERLESS_AI_API_BASE",
    ),
    _hosted("lambda_ai", "https://api.lambda.ai/v1", "LAMBDA_API_KEY", CHAT),
    _hosted("meta_llama", "https://api.llama.com/compat/v1", "LLAMA_API_KEY", CHAT, "LLAMA_API_BASE"),
    _hosted("codestral", "https://codestral.mistral.ai/v1", "CODESTRAL_API_KEY", CHAT, "CODESTRAL_API_BASE"),
    _hosted("empower", "https://app.empower.dev/api/v1", "EMPOWER_API_KEY", CHAT, "EMPOWER_API_BASE"),
    _hosted(
        "friendliai",
        "https://api.friendli.ai/serverless/v1",
        "FRIENDLIAI_API_KEY FRIENDLI_TOKEN",
        CHAT,
        "FRIENDLI_API_BASE",
    ),
    _hosted("galadriel", "https://api.galadriel.com/v1", "GALADRIEL_API_KEY", CHAT, "GALADRIEL_API_BASE"),
    _hosted("baseten", "https://inference.baseten.co/v1", "BASETEN_API_KEY", CHAT, "BASETEN_API_BASE"),
    _hosted("nscale", "https://inference.api.nscale.com/v1", "NSCALE_API_KEY", CHAT, "NSCALE_API_BASE"),
    _hosted("v0", "https://api.v0.dev/v1", "V0_API_KEY", CHAT),
    _hosted("morph", "https://api.morphllm.com/v1", "MORPH_API_KEY", CHAT),
    _hosted("inception", "https://api.inceptionlabs.ai/v1", "INCEPTION_API_KEY", CHAT, "INCEPTION_API_BASE"),
    _hosted(
        "vercel_ai_gateway",
        "https://ai-gateway.vercel.sh/v1",
        "VERCEL_AI_GATEWAY_API_KEY VERCEL_OIDC_TOKEN",
        CHAT_EMBED,
        "VERCEL_AI_GATEWAY_API_BASE",
    ),
    _hosted("zai", "https://api.z.ai/api/paas/v4", "ZAI_API_KEY", CHAT, "ZAI_API_BASE"),
    Provider(
        "minimax",
        "https://api.minimax.io/v1",
        ("MINIMAX_API_KEY",),
        CHAT,
        base_env=("MINIMAX_API_BASE",),
        base_suffix="/v1",
    ),
    _hosted("tencent", "https://tokenhub-intl.tencentcloudmaas.com/v1", "TENCENT_API_KEY", CHAT, "TENCENT_API_BASE"),
    _hosted("wandb", "https://api.inference.wandb.ai/v1", "WANDB_API_KEY", CHAT, "WANDB_API_BASE"),
    _hosted("ovhcloud", "https://oai.endpoints.kepler.ai.cloud.ovh.net/v1", "OVHCLOUD_API_KEY", CHAT_EMBED),
    Provider(
        "cometapi",
        "https://api.cometapi.com/v1",
        ("COMETAPI_KEY", "COMETAPI_API_KEY"),
        CHAT_EMBED,
        base_env=("COMETAPI_API_BASE",),
        base_suffix="/v1",
    ),
    _hosted("compactifai", "https://api.compactif.ai/v1", "COMPACTIFAI_API_KEY", CHAT),
    _hosted("clarifai", "https://api.clarifai.com/v2/ext/openai/v1", "CLARIFAI_API_KEY", CHAT),
    _hosted("gradient_ai", "https://inference.do-ai.run/v1", "GRADIENT_AI_API_KEY", CHAT),
    _hosted("amazon_nova", "https://api.nova.amazon.com/v1", "AMAZON_NOVA_API_KEY", CHAT, "AMAZON_NOVA_API_BASE"),
    _hosted("aiml", "https://api.aimlapi.com/v1", "AIML_API_KEY", CHAT_EMBED),
    _hosted("veniceai", "https://api.venice.ai/api/v1", "VENICE_AI_API_KEY", CHAT),
    _hosted("publicai", "https://api.publicai.co/v1", "PUBLICAI_API_KEY", CHAT, "PUBLICAI_API_BASE"),
    _hosted("scaleway", "https://api.scaleway.ai/v1", "SCW_SECRET_KEY", CHAT_EMBED),
    _hosted("synthetic", "https://api.synthetic.new/openai/v1", "SYNTHETIC_API_KEY", CHAT),
    _hosted("nano-gpt", "https://nano-gpt.com/api/v1", "NANOGPT_API_KEY", CHAT_EMBED),
    _hosted("poe", "https://api.poe.com/v1", "POE_API_KEY", CHAT),
    _hosted("chutes", "https://llm.chutes.ai/v1", "CHUTES_API_KEY", CHAT),
    _hosted("gmi", "https://api.gmi-serving.com/v1", "GMI_API_KEY", CHAT),
    _hosted("aihubmix", "https://aihubmix.com/v1", "AIHUBMIX_API_KEY", CHAT_EMBED, "AIHUBMIX_API_BASE"),
    _hosted("xiaomi_mimo", "https://api.xiaomimimo.com/v1", "XIAOMI_MIMO_API_KEY", CHAT),
    _hosted(
        "crusoe", "https://managed-inference-api-proxy.crusoecloud.com/v1", "CRUSOE_API_KEY", CHAT, "CRUSOE_API_BASE"
    ),
    _hosted("parasail", "https://api.parasail.io/v1", "PARASAIL_API_KEY", CHAT, "PARASAIL_API_BASE"),
    _hosted("reka", "https://api.reka.ai/v1", "REKA_API_KEY", CHAT, "REKA_API_BASE"),
    Provider(DEMO, key_optional=True, style="demo"),
)

PROVIDERS: Mapping[str, Provider] = MappingProxyType({provider.name: provider for provider in _PROVIDERS})
"""Providers that are called directly, by prefix."""

_BRIDGED = """
a2a a2a_agent abliteration aiohttp_openai anthropic_text apertis assemblyai auto_router aws_polly aws_textract
azure_ai azure_speech azure_text bedrock bedrock_converse bedrock_mantle black_forest_labs bytez charity_engine chatgpt
cloudflare cognition cohere_chat cortecs cursor custom darkbloom databricks datarobot deepgram edenai elevenlabs
empiriolabs fal_ai gdc gigachat github_copilot helicone heroku huggingface humanloop infinity langflow
langfuse langgraph libertai litellm_agent llamagate manus maritalk meta milvus nadir neosantara nlp_cloud nvidia_riva oci
oobabooga petals pg_vector pinstripes predibase prism qwen_ai_platform qwencloud ragflow recraft reducto replicate runwayml
s3_vectors sagemaker sagemaker_chat sagemaker_nova sail sap sarvam scx-ai snowflake soniox stability tensormesh
text-completion-codestral text-completion-inception topaz transcribe triton typesafe vertex_ai vertex_ai_beta vllm voyage
watsonx watsonx_text xinference
"""
BRIDGED = frozenset(_BRIDGED.split())
"""Further provider prefixes LiteLLM knows: they need the bridge."""

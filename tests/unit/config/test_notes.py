from __future__ import annotations

from phantom_gateway.config.loader import parse_config

TEXT = """
model_list:
  - model_name: a
    litellm_params: {model: openai/a, api_bse: x, temperatur: 1, temperature: 1, tags: [t], input_cost_per_token_batches: 1}
    model_info: {mode: chat, moed: x, output_cost_per_token_above_999k_tokens: 0.1}
router_settings:
  routing_strategy: least-busy
  retry_policy: {RateLimitErrorRetries: 1}
  optional_pre_call_checks: [prompt_caching, encrypted_content_affinity]
litellm_settings:
  {cache_params: {s3_bucket_name: b, s3_region_name: r}, num_retrys: 1, cache: false, set_verbose: null,
   extra_spend_tag_headers: [h], max_parallel_requests: 5, service_callback: [prometheus_system]}
general_settings: {proxy_batch_write_at: 60, database_url: postgresql://u:p@h/d}
"""


def test_remarks_are_in_the_order_of_the_file() -> None:
    lines = {f"{note.kind} {str(note).partition(': ')[2]}" for note in parse_config(TEXT, {}).notes}
    assert lines == {
        (
            "warning model_list[0].litellm_params.api_bse: not a known key, "
            "sent to the provider as a parameter (did you mean api_base?)"
        ),
        "later model_list[0].litellm_params.input_cost_per_token_batches: this price is not read yet",
        "later model_list[0].model_info.output_cost_per_token_above_999k_tokens: this price is not read yet",
        ("later router_settings.optional_pre_call_checks[1]: encrypted_content_affinity is accepted, not active yet"),
        "later litellm_settings.cache_params.s3_bucket_name: Bucket of an S3 cache.",
        "later litellm_settings.cache_params.s3_region_name: known to LiteLLM, without a meaning here yet",
        "later litellm_settings.extra_spend_tag_headers: known to LiteLLM, without a meaning here yet",
        "later litellm_settings.service_callback: Another name of `service_callbacks`.",
        (
            "warning litellm_settings.max_parallel_requests: not a known key, without effect "
            "(did you mean general_settings.max_parallel_requests?)"
        ),
        "warning litellm_settings.num_retrys: not a known key, without effect (did you mean num_retries?)",
        "noted general_settings.proxy_batch_write_at: Spend is journaled with the request; nothing waits for a batch.",
    }
    positions = [note.position.line for note in parse_config(TEXT, {}).notes]
    assert positions == sorted(positions)


def test_a_plain_configuration_has_no_remarks() -> None:
    assert (
        parse_config("model_list: [{model_name: a, litellm_params: {model: openai/a, max_tokens: 5}}]", {}).notes == ()
    )

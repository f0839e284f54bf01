"""Plaintext of secrets is taken out of its wrapper in these modules only, each for its reason."""

from __future__ import annotations

from tests.unit.house.tree import calls, lines, modules

REVEALS = {
    "cli/remote/api.py": "the caller's key goes into the head of his request",
    "cli/remote/output.py": "a new key is shown once, to the one who asked for it",
    "config/crosscheck.py": "checks the form of keys and of addresses that carry credentials, never shows them",
    "config/redis_address.py": "takes the address of Redis apart; its password becomes a secret again",
    "config/schema.py": "resolves os.environ/NAME from the configuration's own environment_variables",
    "config/schema_base.py": "a reference that became a plain setting (a number, a name) is no secret any more",
    "control/compile_bridge.py": "a deployment's credentials travel in the header of its requests to the bridge",
    "control/checks/probe.py": "a health check carries the provider's key, as a worker's request does",
    "control/compile_deployment.py": "ids made as a keyed digest over the parameters; addresses kept in a credential",
    "control/compile_grant.py": "client credentials of the environment or a file, into what workers have tokens with",
    "control/invitations/service.py": "a new link is shown once, in the answer that makes it; a first password is hashed",
    "control/keys/rotation.py": "the new value of a key is digested before it is sealed",
    "control/keys/service.py": "a new key is shown once, in the answer that creates it",
    "control/compile_passes.py": "headers of the configuration are checked, and references in them resolved",
    "control/process.py": "a generated master key is handed to the supervisor, to be shown once",
    "control/routers/sign_in.py": "a new session goes into its cookie",
    "control/runtime.py": "the master key is digested like any other",
    "control/sign_in/identity.py": "UI_PASSWORD is digested, to be compared",
    "control/sign_in/sessions.py": "a new session is digested for its row",
    "control/stored.py": "what was sealed becomes the entry of a model or a credential again, and is concealed there",
    "dialects/openai.py": "an upstream's error event must not repeat the key it was sent",
    "gateway/call.py": "an upstream's error message must not repeat the key it was sent",
    "gateway/passages.py": "requests that are passed on carry the provider's key, and its errors must not repeat it",
    "gateway/table.py": "request heads carry the provider's key; rendered once per snapshot",
    "providers/tokens.py": "client credentials go to the service that gives tokens",
    "security/digest.py": "the key of the digest",
    "security/envelope.py": "seals secrets for the database, and derives from the root key",
    "security/keyring.py": "derives keys from the root key",
    "security/master.py": "judges the strength of the master key",
    "security/secret_file.py": "writes key files, mode 0600",
    "control/backends.py": "takes the address of the database apart; its password becomes a secret again",
    "limits/redis_link.py": "the password of Redis is handed to its client",
    "spine/codec.py": "a snapshot crosses the node's own unix socket",
    "spine/bridge.py": "the address of a proxy crosses the pipe to the supervisor and the keeper",
    "store/postgres.py": "the password of the database is handed to its driver",
    "wire/egress.py": "the address of a corporate proxy carries its credentials",
    "gateway/cache.py": "the key that names cached answers, into an HMAC",
    "gateway/caching/naming.py": "credentials of deployments, into a digest",
    "security/sealed_entry.py": "the key that seals cached answers, into an HMAC",
    "wire/redis_client.py": "the password of Redis, to Redis",
}
"""May only shrink; an addition needs its reason and a second pair of eyes."""


def test_secrets_are_revealed_where_that_is_explained() -> None:
    found = {path for path, tree in modules().items() if any(name == "reveal" for name, _ in calls(tree))}
    assert found <= REVEALS.keys(), "reveal() without a reason:" + lines(sorted(found - REVEALS.keys()))
    assert REVEALS.keys() <= found, "these reveal nothing any more:" + lines(sorted(REVEALS.keys() - found))

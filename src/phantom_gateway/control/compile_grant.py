"""Client credentials of Entra ID, from an entry of ``model_list`` or the environment, by which tokens for Azure are had."""

from __future__ import annotations

import re
from typing import Protocol

from phantom_gateway.config.schema import Environment
from phantom_gateway.config.schema_models import LitellmParams
from phantom_gateway.config.secret import Secret
from phantom_gateway.config.urls import parse_url
from phantom_gateway.control.compile_address import AddressError, Egress, compile_address
from phantom_gateway.providers.catalogue import Provider
from phantom_gateway.spine.snapshot import TokenGrant

AUTHORITY = "https://login.microsoftonline.com"
SCOPE = "https://cognitiveservices.azure.com/.default"
NAMES = ("tenant_id", "client_id", "client_secret")
_TENANT = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,127}")
_TEXT = re.compile(r"[\x21-\x7e]{1,512}")


class Around(Protocol):
    """What deployments have in common."""

    @property
    def environment(self) -> Environment:
        """The operator's variables."""
        ...

    @property
    def egress(self) -> Egress:
        """The way out."""
        ...


class GrantError(Exception):
    """Such credentials cannot be used: ``key`` says which setting is at fault, the message why."""

    def __init__(self, key: str, message: str) -> None:
        super().__init__(message)
        self.key = key


def compile_grant(
    provider: Provider, params: LitellmParams, around: Around, variables: Environment | None
) -> TokenGrant | None:
    """What tokens are had with, if that is how the deployment is reached. Raises GrantError.

    A key goes before it; ``variables`` count where the entry says nothing and they have no key.
    """
    if provider.style != "azure" or params.api_key:
        return None
    found: dict[str, str] = {}
    written = {name: getattr(params, name) for name in NAMES if getattr(params, name)}
    if not written:
        if variables is None or variables.first(*provider.key_env):
            return None
        for name in NAMES:
            variable = variables.first(f"AZURE_{name.upper()}")
            if variable is None:
                return None
            found[name] = variable[1]
    for name in NAMES:
        value = found.get(name) or written.get(name)
        if value is None:
            raise GrantError(name, f"is needed beside {' and '.join(each for each in NAMES if each in written)}")
        found[name] = value.reveal() if isinstance(value, Secret) else str(value)
    if not _TENANT.fullmatch(found["tenant_id"]):
        raise GrantError("tenant_id", "must be an id or a domain of Entra ID")
    scope = params.azure_scope or SCOPE
    for name, text in (("client_id", found["client_id"]), ("azure_scope", scope)):
        if not _TEXT.fullmatch(text):
            raise GrantError(name, "must be printable ASCII without blanks")
    variable = around.environment.first("AZURE_AUTHORITY_HOST")
    try:
        url = parse_url(variable[1] if variable else AUTHORITY)
        address = compile_address(url, around.egress, explicit=variable is not None, ssl_verify=params.ssl_verify)
    except (ValueError, AddressError) as error:
        raise GrantError("tenant_id", f"AZURE_AUTHORITY_HOST {error}") from error
    return TokenGrant(
        address=address,
        path=f"{url.path.rstrip('/')}/{found['tenant_id']}/oauth2/v2.0/token",
        client_id=found["client_id"],
        client_secret=Secret(found["client_secret"]),
        scope=scope,
    )

"""The whole configuration: LiteLLM's sections and ``phantom``.

``Config`` is what the loader returns and control compiles. It is immutable; secrets in it are ``Secret``. A configuration from the
loader also knows where it was written (``position``) and what is worth knowing about it (``notes``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, PrivateAttr

from phantom_gateway.config.credentials import conceal
from phantom_gateway.config.errors import KeyPath, Note, Position
from phantom_gateway.config.schema_base import Active, FreeDict, FreeList, Later, Names, Section
from phantom_gateway.config.schema_general import GeneralSettings
from phantom_gateway.config.schema_litellm import LitellmSettings
from phantom_gateway.config.schema_models import CredentialEntry, ModelEntry
from phantom_gateway.config.schema_phantom import PhantomSection
from phantom_gateway.config.schema_router import RouterSettings
from phantom_gateway.config.secret import Secret


def _variables(value: Any) -> Any:
    """Null is not set; ``true`` and ``false`` are the words LiteLLM exports for them."""
    if not isinstance(value, dict):
        return {} if value is None else value
    written = {name: str(each) if isinstance(each, bool) else each for name, each in value.items() if each is not None}
    return conceal(written, below=True)


class Config(Section):
    """A validated configuration."""

    model_list: Annotated[
        list[ModelEntry],
        Active(
            "The deployments. Empty or absent: wildcards such as `openai/*` for every provider whose key is in the environment."
        ),
    ] = Field(default_factory=list)
    litellm_settings: Annotated[LitellmSettings, Active("Behaviour of calls.")] = Field(default_factory=LitellmSettings)
    router_settings: Annotated[RouterSettings, Active("Retries, fallbacks, cooldowns, aliases.")] = Field(
        default_factory=RouterSettings
    )
    general_settings: Annotated[GeneralSettings, Active("The gateway itself.")] = Field(default_factory=GeneralSettings)
    phantom: Annotated[PhantomSection, Active("Settings LiteLLM has not.")] = Field(default_factory=PhantomSection)
    credential_list: Annotated[list[CredentialEntry], Active("Credentials shared by deployments.")] = Field(
        default_factory=list
    )
    environment_variables: Annotated[
        dict[str, Secret],
        BeforeValidator(_variables),
        Active(
            "Values for the `os.environ/` names of this configuration; they win over the environment and are not exported."
        ),
    ] = Field(default_factory=dict)
    include: Annotated[
        Names,
        Active(
            "Further files, relative to this one: lists are appended, mappings merged, and what this file says stays."
        ),
    ] = Field(default_factory=list)
    guardrails: Annotated[FreeList | None, Later("Guardrails.")] = None
    mcp_servers: Annotated[FreeDict | None, Later("MCP servers.")] = None
    mcp_tools: Annotated[FreeList | None, Later("MCP tools written in Python.")] = None
    callback_settings: Annotated[FreeDict | None, Later("Settings of log sinks.")] = None
    vector_store_registry: Annotated[FreeList | None, Later("Vector stores.")] = None
    search_tools: Annotated[FreeList | None, Later("Search tools.")] = None
    prompts: Annotated[FreeList | None, Later("Managed prompts.")] = None
    policies: Annotated[FreeDict | FreeList | None, Later("Guardrail policies.")] = None
    policy_attachments: Annotated[FreeList | None, Later("Where policies apply.")] = None
    teams: Annotated[FreeList | None, Later("Teams.")] = None
    finetune_settings: Annotated[FreeList | None, Later("Providers of fine-tuning.")] = None
    agents: Annotated[FreeList | None, Later("Agents (A2A).")] = None
    agent_list: Annotated[FreeList | None, Later("Another name of `agents`.")] = None
    sandbox_tools: Annotated[FreeList | None, Later("Tools that run code.")] = None
    default_vertex_config: Annotated[FreeDict | None, Later("Google Cloud's settings of pass-through.")] = None
    files_settings: Annotated[FreeList | None, Later("Providers of files.")] = None
    assistant_settings: Annotated[FreeDict | None, Later("Providers of assistants.")] = None
    worker_registry: Annotated[FreeList | None, Later("Other gateways of a fleet.")] = None

    _positions: dict[KeyPath, Position] = PrivateAttr(default_factory=dict)
    _places: list[int] = PrivateAttr(default_factory=list)
    _notes: tuple[Note, ...] = PrivateAttr(default=())

    @property
    def notes(self) -> tuple[Note, ...]:
        """The loader's remarks."""
        return self._notes

    def position(self, path: KeyPath) -> Position:
        """Where ``path``, or the nearest thing around it that was written, stands."""
        return locate(self._positions, path)

    def entries(self) -> Iterator[tuple[KeyPath, ModelEntry]]:
        """The entries of ``model_list`` with the place each has in the file."""
        places = self._places or range(len(self.model_list))
        for place, entry in zip(places, self.model_list, strict=True):
            yield ("model_list", place), entry

    def written(self, positions: dict[KeyPath, Position], places: list[int]) -> Config:
        """This configuration with its origin; for the loader, before anybody else sees it."""
        self._positions, self._places = positions, places
        return self

    def note(self, notes: Iterable[Note]) -> None:
        """Add remarks; for the loader."""
        self._notes += tuple(notes)

    def lookup(self, environment: Mapping[str, str]) -> Environment:
        """Environment variables as this configuration sees them."""
        return Environment(self.environment_variables, environment)


class Environment:
    """Variables by name: ``environment_variables`` of the configuration first, then the process's environment."""

    __slots__ = ("_own", "_process")

    def __init__(self, own: Mapping[str, Secret], process: Mapping[str, str]) -> None:
        self._own, self._process = own, process

    def first(self, *names: str) -> tuple[str, str] | None:
        """``(name, value)`` of the first of ``names`` that is set and not empty."""
        for name in names:
            own = self._own.get(name)
            value = own.reveal() if own else self._process.get(name, "").strip()
            if value:
                return name, value
        return None

    def beginning(self, *prefixes: str) -> dict[str, str]:
        """All variables whose names begin so, by name."""
        names = sorted(name for name in {*self._own, *self._process} if name.startswith(prefixes))
        return dict(found for name in names if (found := self.first(name)) is not None)


def locate(positions: Mapping[KeyPath, Position], path: KeyPath) -> Position:
    """The position of the longest written prefix of ``path``."""
    for length in range(len(path), -1, -1):
        if (position := positions.get(path[:length])) is not None:
            return position
    return Position()

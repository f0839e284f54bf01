"""Where the root key comes from: the data directory, unless ``phantom.security.root_key`` names another place.

    (nothing)     DATA/keys/root.key, made on the first start
    file:/path    a file of its owner alone (mode 0600 or stricter); symbolic links are followed, as orchestrators mount them
    env:NAME      a variable, which is removed from the environment once it is read

A root key that the operator named is never made: one that cannot be reached is a reason not to start.
"""

from __future__ import annotations

import os
from collections.abc import MutableMapping
from pathlib import Path

from phantom_gateway.config.secret import Secret
from phantom_gateway.security import secret_file
from phantom_gateway.security.keyring import Keyring, KeyringError, open_keyring


def open_root(
    setting: str | None, data_dir: Path, environment: MutableMapping[str, str], *, may_create: bool
) -> Keyring:
    """The keyring of the root key that ``setting`` names; ``None`` names the one of the data directory.

    A variable is taken out of ``environment`` and of this process's own. Raises KeyringError with the reason.
    """
    if setting is None:
        return open_keyring(data_dir, may_create=may_create)
    kind, _, name = setting.partition(":")
    if kind == "file":
        return _named(setting, _from_file(Path(name)))
    if kind == "env":
        return _named(setting, _from_environment(name, environment))
    raise KeyringError("the root key is named by file:/path or env:NAME")


def _from_file(path: Path) -> Secret:
    try:
        return secret_file.read(path.resolve(strict=True))
    except OSError as error:
        raise KeyringError(f"sealed: the root key {path} cannot be reached: {error.strerror}") from error
    except secret_file.SecretFileError as error:
        raise KeyringError(f"sealed: the root key cannot be used: {error}") from error


def _from_environment(name: str, environment: MutableMapping[str, str]) -> Secret:
    value = environment.pop(name, "").strip()
    os.environ.pop(name, None)
    if not value:
        raise KeyringError(f"sealed: the root key cannot be reached: the variable {name} is not set")
    return Secret(value)


def _named(setting: str, root: Secret) -> Keyring:
    try:
        return Keyring(root)
    except KeyringError as error:
        raise KeyringError(f"sealed: {setting}: {error}") from error

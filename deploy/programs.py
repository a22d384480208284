"""The programs of the product and their environments."""

import inspect
from collections.abc import Iterator, Mapping
from importlib import import_module

from shared.settings import ServiceSettings, Settings, SettingsError, load_settings

GATEWAY = "gateway"
SERVICES = ("auth_service", "social_service", "chat_service")
PROGRAMS = (GATEWAY, *SERVICES)


def environment_of(program: str, env: Mapping[str, str]) -> dict[str, str]:
    """Build the environment of one program; variables with its name as prefix are only for it.

    ``CHAT_SERVICE_DATABASE_URL`` is the ``DATABASE_URL`` of the chat service.
    """
    prefix = f"{program.upper()}_"
    own = {name.removeprefix(prefix): env[name] for name in env if name.startswith(prefix)}
    return with_precedence(env, own)


def with_precedence(env: Mapping[str, str], over: Mapping[str, str]) -> dict[str, str]:
    """Merge ``env`` with the settings of ``over``, also if only one of them names a file."""
    replaced = {name.removesuffix("_FILE") for name in over if over[name]}
    return {name: env[name] for name in env if name.removesuffix("_FILE") not in replaced} | {
        **over
    }


def validate_all_settings(env: Mapping[str, str]) -> list[str]:
    """List the invalid settings of all programs, without duplicates."""
    errors = (
        line
        for program in PROGRAMS
        for line in validation_errors(program, environment_of(program, env))
    )
    return list(dict.fromkeys(errors))


def validation_errors(program: str, env: Mapping[str, str]) -> Iterator[str]:
    """List the invalid settings of one program, one per line."""
    for kind in _settings_classes(program):
        try:
            load_settings(kind, env)
        except SettingsError as error:
            yield from str(error).splitlines()


def settings_names(program: str) -> set[str]:
    """Load the settings of a program."""
    return {name.upper() for kind in _settings_classes(program) for name in kind.model_fields}


def load_service_settings(service: str, env: Mapping[str, str]) -> ServiceSettings:
    """Load the settings of a service from the environment of all programs.

    Raises:
        SettingsError: a setting is invalid.
    """
    [kind] = (kind for kind in _settings_classes(service) if issubclass(kind, ServiceSettings))
    return load_settings(kind, environment_of(service, env))


def _settings_classes(program: str) -> Iterator[type[Settings]]:
    """Return the settings class of a program."""
    config = import_module(f"{program}.config")
    for _, kind in inspect.getmembers(config, inspect.isclass):
        if issubclass(kind, Settings) and kind.__module__ == config.__name__:
            yield kind

"""The settings that each program receives."""

from pathlib import Path

from deploy.environment import environment_for_new_run
from deploy.programs import SERVICES, environment_of

URLS = dict.fromkeys(SERVICES, "http://127.0.0.1:1")


def test_what_is_set_for_one_program_replaces_the_file_that_is_set_for_all() -> None:
    env = {"REDIS_URL_FILE": "/run/redis-url", "CHAT_SERVICE_REDIS_URL": "redis://chat:6379"}

    chat, auth = environment_of("chat_service", env), environment_of("auth_service", env)

    assert (chat["REDIS_URL"], "REDIS_URL_FILE" in chat) == ("redis://chat:6379", False)
    assert auth["REDIS_URL_FILE"] == "/run/redis-url"


def test_a_key_of_ones_own_replaces_the_file_of_the_generated_one(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()

    env = environment_for_new_run(tmp_path, URLS, {"JWT_PRIVATE_KEY": "my own"})

    assert env["JWT_PRIVATE_KEY"] == "my own"
    assert "JWT_PRIVATE_KEY_FILE" not in env
    assert "JWT_PUBLIC_KEYS_FILE" in env

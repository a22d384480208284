"""Settings: read from the environment or files, with errors by name and without values."""

from pathlib import Path

import pytest
from pydantic import Field

from shared.settings import (
    AcceptedSecrets,
    BaseUrl,
    BaseUrls,
    CommaSeparated,
    Settings,
    SettingsError,
    load_settings,
)

SECRET = "a-secret-that-nobody-may-see"


class Sample(Settings):
    """One setting of every kind."""

    deprecated_names = {"NUMBER": "COUNT"}

    count: int = Field(1, ge=1)
    loud: bool = False
    url: BaseUrl = "http://localhost"
    urls: BaseUrls = ("http://localhost",)
    secrets: AcceptedSecrets
    names: CommaSeparated = ()


def _load(**env: str) -> Sample:
    return load_settings(Sample, {"SECRETS": SECRET, **env})


def test_a_setting_is_parsed_to_its_type() -> None:
    settings = _load(COUNT="7", LOUD="on", URL="https://a.example/x/", NAMES=" a, b ,,c ")
    assert (settings.count, settings.loud) == (7, True)
    assert (settings.url, settings.names) == ("https://a.example/x", ("a", "b", "c"))


def test_a_former_name_is_accepted_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    assert _load(NUMBER="7").count == 7
    assert "NUMBER is deprecated and will be removed in 1.2: use COUNT" in caplog.text


def test_a_former_name_may_stand_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "number"
    file.write_text("7\n")
    assert _load(NUMBER_FILE=str(file)).count == 7


@pytest.mark.parametrize("name", ["NUMBER", "NUMBER_FILE"])
def test_a_setting_under_both_its_names_is_refused(name: str) -> None:
    with pytest.raises(SettingsError, match=r"^COUNT: NUMBER, its former name, is set as well$"):
        _load(COUNT="7", **{name: "8"})


def test_an_empty_value_counts_as_absent() -> None:
    assert _load(COUNT="").count == 1


def test_several_urls_and_secrets_are_separated_by_commas() -> None:
    settings = _load(URLS="http://a:1/, http://b:2", SECRETS=f"{SECRET}, {SECRET}-before")
    shown = [secret.get_secret_value() for secret in settings.secrets]
    assert settings.urls == ("http://a:1", "http://b:2")
    assert shown == [SECRET, f"{SECRET}-before"]


def test_a_setting_may_stand_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(f"{SECRET}\n")
    [secret] = load_settings(Sample, {"SECRETS_FILE": str(file)}).secrets
    assert secret.get_secret_value() == SECRET


def test_a_setting_and_its_file_at_once_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"^COUNT: COUNT_FILE is set as well"):
        _load(COUNT="3", COUNT_FILE=str(tmp_path / "count"))


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"^COUNT_FILE: No such file"):
        _load(COUNT_FILE=str(tmp_path / "nowhere"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("COUNT", "0"),
        ("COUNT", "many"),
        ("LOUD", "perhaps"),
        ("URL", "ftp://a.example"),
        ("URL", "http://a b"),
        ("URLS", "http://a,b"),
        ("URLS", " , "),
        ("SECRETS", "short"),
        ("SECRETS", f"{SECRET},short"),
        ("SECRETS", "x" * 40),
        ("SECRETS", "abababababababababab"),
        ("SECRETS", "ChangeMeChangeMe"),
        ("SECRETS", "supersecretsecret"),
        ("SECRETS", "password12345678"),
        ("SECRETS", "my-default-password"),
        ("SECRETS", f"{SECRET},0123456789abcdef0123456789abcdef"),
    ],
)
def test_a_wrong_value_is_named_and_never_shown(name: str, value: str) -> None:
    with pytest.raises(SettingsError) as refusal:
        _load(**{name: value})
    assert str(refusal.value).startswith(f"{name}: ")
    assert value not in str(refusal.value)


def test_a_weak_secret_is_refused_with_the_way_to_a_better_one() -> None:
    with pytest.raises(SettingsError, match=r"^SECRETS: is easy to guess: .*openssl rand -hex 32"):
        _load(SECRETS="secret-secret-secret")


def test_everything_that_is_wrong_is_named_at_once() -> None:
    with pytest.raises(SettingsError) as refusal:
        load_settings(Sample, {"COUNT": "x", "LOUD": "x"})
    lines = str(refusal.value).splitlines()
    assert [line.partition(":")[0] for line in lines] == ["COUNT", "LOUD", "SECRETS"]


def test_secrets_are_not_in_what_is_printed() -> None:
    assert SECRET not in repr(_load())

"""Generate the parts of the documentation that come from code: ``make docs``.

``docs/api.md`` lists every endpoint with its errors, and ``docs/openapi.json`` is the document
that the gateway serves, so that a diff shows a change of the API. The settings table of the README
and ``.env.example`` list every setting, ``deploy/compose.env.example`` those of docker-compose.yml,
``deploy/observe/kubernetes/rules.yaml`` every alert, ``docs/security.md`` the rate limits,
``docs/operations.md`` every metric. ``docs/licences.md`` lists the contents of the images, and
``docs/performance.md`` has the committed figures of ``make bench``.
``--check`` writes nothing and fails if a text is out of date.
"""

import argparse
import importlib
import json
import re
import sys
from operator import itemgetter
from pathlib import Path
from tempfile import TemporaryDirectory

from prometheus_client.metrics import MetricWrapperBase
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from auth_service.config import AuthSettings
from benchmarks.report import as_markdown
from chat_service.config import ChatSettings
from deploy.run import LauncherSettings
from docs.api_reference import METHODS, api_reference
from docs.licences import licences
from gateway.config import GatewaySettings
from gateway.docs import merge_documents
from shared.settings import Settings
from shared.testing.tokens import PRIVATE_KEY_PEM, PUBLIC_KEYS_PEM
from social_service.config import SocialSettings

ROOT = Path(__file__).parent.parent
PROGRAMS: dict[str, type[Settings]] = {
    "gateway": GatewaySettings,
    "auth": AuthSettings,
    "social": SocialSettings,
    "chat": ChatSettings,
    "make run": LauncherSettings,
}
METRICS = {
    "shared.metrics": "all",
    "shared.data.db": "auth, social, chat",
    "shared.data.pool": "auth, social, chat",
    "shared.data.outbox": "auth, social",
    "shared.data.redis_pool": "auth, chat",
    "gateway.metrics": "gateway",
    "auth_service.metrics": "auth",
    "chat_service.metrics": "chat",
}
# gunicorn reads it in every program; only chat has rules for it.
_OF_GUNICORN = "WEB_CONCURRENCY"
# Variables of .env that only docker-compose.yml reads.
_OF_COMPOSE = {
    "LISTEN_ADDRESS": ("127.0.0.1", "Address of this machine on which the gateway is published."),
    "PORT": ("8000", "Port on which the gateway is published."),
    "AUTH_REPLICAS": ("1", "Containers of the auth service; 2 for upgrades without a pause."),
    "SOCIAL_REPLICAS": ("1", "Containers of the social service."),
    "CHAT_REPLICAS": ("1", "Containers of the chat service."),
    "POSTGRES_CPUS": ("1", "CPUs of PostgreSQL; at most the number of the machine."),
    "GRAFANA_PORT": ("3000", "Port of Grafana on 127.0.0.1."),
    "IMS_VERSION": ("dev", "Tag of the images."),
}


def main() -> int:
    """Write or check every generated text.

    Returns:
        the exit status: 1 if ``--check`` finds a text that is out of date.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, only compare")
    check: bool = parser.parse_args().check
    documents = _documents()
    texts = {
        ROOT / "docs" / "api.md": api_reference(documents),
        ROOT / "docs" / "openapi.json": _openapi(documents),
        ROOT / "docs" / "licences.md": licences(ROOT),
        ROOT / ".env.example": _env_example(),
        ROOT / "deploy" / "compose.env.example": _compose_env_example(),
        ROOT / "deploy" / "observe" / "kubernetes" / "rules.yaml": _prometheus_rule(),
        ROOT / "README.md": _with_table(ROOT / "README.md"),
        ROOT / "README.zh-CN.md": _with_table(ROOT / "README.zh-CN.md"),
        ROOT / "docs" / "operations.md": _between(
            "metrics", ROOT / "docs" / "operations.md", _metrics()
        ),
        ROOT / "docs" / "performance.md": _between(
            "figures", ROOT / "docs" / "performance.md", as_markdown()
        ),
        ROOT / "docs" / "security.md": _with_table(ROOT / "docs" / "security.md", "RATE_LIMIT"),
    }
    stale = [path for path, text in texts.items() if not path.exists() or path.read_text() != text]
    for path in stale:
        if check:
            sys.stderr.write(f"{path.relative_to(ROOT)} is not up to date: make docs\n")
        else:
            path.write_text(texts[path])
            sys.stdout.write(f"Wrote {path.relative_to(ROOT)}\n")
    return 1 if check and stale else 0


def _documents() -> dict[str, bytes]:
    """Build the OpenAPI document of each service, by the service's name in the route table."""
    documents = {}
    for name in ("auth", "social", "chat"):
        with TemporaryDirectory() as folder:
            documents[name] = _document(f"{name}_service", folder)
    return documents


def _document(service: str, folder: str) -> bytes:
    """Build the OpenAPI document of a service from an application without a server."""
    neighbours = {
        f"{name}_SERVICE_{what}": value
        for name in ("AUTH", "SOCIAL", "CHAT")
        for what, value in (("URL", "http://127.0.0.1:1"), ("SECRET", "only-for-the-docs"))
    }
    env = {
        "DATA_DIR": folder,
        "JWT_PRIVATE_KEY": PRIVATE_KEY_PEM,
        "JWT_PUBLIC_KEYS": PUBLIC_KEYS_PEM,
        "INTERNAL_SECRETS": "only-for-the-docs",
        "LOG_LEVEL": "ERROR",
        **neighbours,
    }
    app = importlib.import_module(f"{service}.app").create_app(env)
    document: bytes = app.test_client().get("/openapi.json").data
    return document


def _openapi(documents: dict[str, bytes]) -> str:
    merged = merge_documents({**documents})
    for operations in merged["paths"].values():
        for method in operations.keys() & METHODS:  # Those in a path are listed in any order.
            operations[method].get("parameters", []).sort(key=itemgetter("in", "name"))
    return json.dumps(merged, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def _settings() -> dict[str, tuple[FieldInfo, list[str]]]:
    """List every setting with the programs that read it."""
    settings: dict[str, tuple[FieldInfo, list[str]]] = {}
    for program, kind in PROGRAMS.items():
        for name, field in kind.model_fields.items():
            settings.setdefault(name.upper(), (field, []))[1].append(program)
    settings[_OF_GUNICORN] = (
        settings[_OF_GUNICORN][0],
        [name for name in PROGRAMS if name != "make run"],
    )
    return settings


def _default(field: FieldInfo) -> str:
    if field.default is PydanticUndefined:
        return "required"
    if field.default is None or field.default == "":
        return ""
    if isinstance(field.default, bool):
        return "on" if field.default else "off"
    if isinstance(field.default, tuple):
        return ",".join(map(str, field.default))
    if hasattr(field.default, "get_secret_value"):
        return str(field.default.get_secret_value())
    return str(field.default)


def _table(beginning: str) -> str:
    rows = ["| variable | default | read by | description |", "|---|---|---|---|"]
    chosen = (each for each in _settings().items() if each[0].startswith(beginning))
    for name, (field, programs) in sorted(chosen):
        readers = "all" if len(programs) >= 4 else ", ".join(programs)
        default = _default(field)
        shown = f"`{default}`" if default not in ("", "required") else default
        rows.append(f"| `{name}` | {shown} | {readers} | {field.description} |")
    return "\n".join(rows)


def _metrics() -> str:
    """List every metric with the programs that export it."""
    rows = ["| metric | type | exported by | description |", "|---|---|---|---|"]
    for module, programs in METRICS.items():
        for metric in vars(importlib.import_module(module)).values():
            if isinstance(metric, MetricWrapperBase):
                [family] = metric.describe()
                name = f"{family.name}{'_total' if family.type == 'counter' else ''}"
                rows.append(f"| `{name}` | {family.type} | {programs} | {family.documentation} |")
    return "\n".join(rows)


def _with_table(path: Path, beginning: str = "") -> str:
    """Return the text of ``path`` with the table of all settings that have this prefix."""
    return _between("settings", path, _table(beginning))


def _between(marks: str, path: Path, table: str) -> str:
    """Return the text of ``path`` with ``table`` between these marks."""
    opening, closing = f"<!-- {marks} -->\n", f"<!-- /{marks} -->\n"
    before, _, rest = path.read_text().partition(opening)
    return f"{before}{opening}{table}\n{closing}{rest.partition(closing)[2]}"


def _env_example() -> str:
    head = """# Every setting with its default. NAME_FILE=/path reads the value of NAME from a file.
# `make run` sets the required ones itself. Generated by `make docs`.
"""
    blocks = [head]
    for name, (field, programs) in sorted(_settings().items()):
        default = _default(field)
        value = f"{name}=" if default == "required" else f"# {name}={default}"
        blocks.append(f"# {field.description} ({', '.join(programs)})\n{value}\n")
    return "\n".join(blocks)


def _prometheus_rule() -> str:
    """Build the PrometheusRule object of the alert rules, for the Prometheus operator."""
    head = """\
# The rules of deploy/observe/alerts.yml. Generated by `make docs`.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: ims
  labels: {app.kubernetes.io/part-of: ims}
spec:
"""
    text = (ROOT / "deploy" / "observe" / "alerts.yml").read_text()
    rules = (line for line in text.splitlines() if not line.startswith("#"))
    return head + "".join(f"  {line}\n" if line else "\n" for line in rules)


def _compose_env_example() -> str:
    """List every variable that docker-compose.yml reads from its environment."""
    text = (ROOT / "docker-compose.yml").read_text()
    defaults = dict(re.findall(r"\$\{(\w+):-([^}]*)\}", text))
    passed_on = dict.fromkeys(re.findall(r"^ +([A-Z_]+):$", text, re.MULTILINE), "")
    settings = _settings()
    head = """\
# Settings of docker-compose.yml with their defaults. Copy this file to .env beside
# docker-compose.yml and set what you need. Generated secrets are in var/secrets. .env can
# contain passwords, so make it readable by its owner only. Generated by `make docs`.
"""
    blocks = [head]
    for name, (default, meaning) in _OF_COMPOSE.items():
        blocks.append(f"# {meaning}\n# {name}={default}\n")
    for name in sorted((passed_on | defaults).keys() - _OF_COMPOSE.keys()):
        field, programs = settings[name]
        default = defaults.get(name) or _default(field)
        readers = ", ".join(programs)
        blocks.append(f"# {field.description} ({readers})\n# {name}={default}\n")
    return "\n".join(blocks)


if __name__ == "__main__":
    sys.exit(main())

"""Check objects of the Prometheus operator and the Gateway API as an API server would.

The npm packages contain both in a usable form: TypeScript types, so that its compiler rejects
unknown fields and wrong values, and validators of formats and patterns.
"""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from deploy.run import ROOT

PACKAGES = {
    "gateway.networking.k8s.io": "@kubernetes-models/gateway-api",
    "monitoring.coreos.com": "@kubernetes-models/prometheus-operator",
}
"""The package of each API group."""

_NODE_MODULES = ROOT / "web" / "node_modules"
_COMPILE = (
    "node node_modules/typescript/bin/tsc --strict --skipLibCheck --noEmitOnError "
    "--module nodenext --target es2022 objects.mts"
)


def is_extension(manifest: dict[str, Any]) -> bool:
    """Whether an object is of an API group that an API server has only with an extension."""
    return manifest["apiVersion"].partition("/")[0] in PACKAGES


def errors_of(manifests: list[dict[str, Any]], folder: Path) -> str:
    """Check objects strictly against their types and schemas.

    Args:
        manifests: objects of the groups in `PACKAGES`.
        folder: an empty folder.

    Returns:
        what is wrong, empty if they are valid.
    """
    _require_packages()
    (folder / "node_modules").symlink_to(_NODE_MODULES)
    lines = [_typed(manifest, f"object{i}") for i, manifest in enumerate(manifests)]
    (folder / "objects.mts").write_text("\n".join(lines))
    for command in (_COMPILE, "node objects.mjs"):
        done = subprocess.run(
            command.split(),
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            return done.stdout
    return ""


def _typed(manifest: dict[str, Any], name: str) -> str:
    """Write an object as a TypeScript constant that validates itself."""
    kind, version = manifest["kind"], manifest["apiVersion"]
    package = PACKAGES[version.partition("/")[0]]
    names = f"{kind} as Kind_{name}, type I{kind} as Type_{name}"
    return (
        f'import {{ {names} }} from "{package}/{version}";\n'
        f"const {name}: Type_{name} = {json.dumps(manifest)};\n"
        f"new Kind_{name}({name}).validate();"
    )


def _require_packages() -> None:
    """Skip a test without the packages, or let it fail in CI."""
    if all((_NODE_MODULES / package).exists() for package in PACKAGES.values()):
        return
    missing = "NOT TESTED: extensions of Kubernetes; their types are absent (make web/node_modules)"
    if "CI" in os.environ:
        pytest.fail(missing)
    pytest.skip(missing)

"""The product has one version, which every file and every document states."""

import json
import re
import tomllib
from collections.abc import Callable

import pytest
import yaml

from deploy.run import ROOT
from gateway.docs import merge_documents
from shared.version import VERSION


def _changelog() -> set[str]:
    [newest, *_] = re.findall(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    return {newest}


def _package() -> set[str]:
    return {tomllib.loads((ROOT / "shared" / "pyproject.toml").read_text())["project"]["version"]}


def _kubernetes() -> set[str]:
    overlay = ROOT / "deploy" / "kubernetes" / "production" / "kustomization.yaml"
    settings = yaml.safe_load(overlay.read_text())
    [labels] = settings["labels"]
    tags = {image["newTag"] for image in settings["images"]}
    return {*tags, labels["pairs"]["app.kubernetes.io/version"]}


def _committed_document() -> set[str]:
    document = json.loads((ROOT / "docs" / "openapi.json").read_text())
    return {document["info"]["version"]}


def _served_document() -> set[str]:
    return {merge_documents({})["info"]["version"]}


@pytest.mark.parametrize(
    "read_versions", [_changelog, _package, _kubernetes, _committed_document, _served_document]
)
def test_the_product_has_one_version(read_versions: Callable[[], set[str]]) -> None:
    assert read_versions() == {VERSION}

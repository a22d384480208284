"""The version of the product, which all of its programs state in their OpenAPI documents."""

VERSION = "1.1.0"

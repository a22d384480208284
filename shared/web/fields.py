"""Field types of the whole API, and the base classes of the schemas."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError, fields, pre_load

from shared.web.authentication import MAX_ID
from shared.web.spool import SpoolFile

_DECIMAL = re.compile(r"[0-9]{1,19}")
_FORBIDDEN_CHARACTERS = re.compile("[\x00\ud800-\udfff]")
_TIME = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d([.,]\d{1,30})?([Zz]|[+-]\d\d(:?[0-5]\d)?)?", re.ASCII
)


class RequestSchema(Schema):
    """Base class of input. Unknown fields are ignored; ``null`` means absent."""

    class Meta:
        unknown = EXCLUDE

    @pre_load
    def _apply_aliases(self, data: Mapping[str, Any], **_: Any) -> dict[str, Any]:
        present = {name: value for name, value in data.items() if value is not None}
        for field in self.fields.values():
            alias = field.metadata.get("alias")
            if alias in present:
                present.setdefault(field.data_key or str(field.name), present[alias])
        return present


class ResponseSchema(Schema):
    """Base class of output, for the documentation and the tests. All of its fields are always
    present.

    A field that can be absent has ``metadata={"optional": True}``.
    """

    def on_bind_field(self, field_name: str, field_obj: fields.Field[Any]) -> None:
        """Mark the field as required in the OpenAPI document."""
        field_obj.required = not field_obj.metadata.get("optional")


class Id(fields.Integer):
    """A 64-bit id: a JSON integer or a decimal string.

    Args:
        alias: an alternative name of the field.
    """

    def __init__(self, *, alias: str | None = None, **kwargs: Any) -> None:
        metadata = {"example": 12, **kwargs.pop("metadata", {})}
        if alias:
            metadata["alias"] = alias
        super().__init__(metadata=metadata, **kwargs)

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> int:
        if type(value) is str and _DECIMAL.fullmatch(value):
            value = int(value)
        if type(value) is not int or not 0 <= value <= MAX_ID:
            raise ValidationError("Not an id.")
        return value


class Text(fields.String):
    """Any UTF-8 except NUL and lone surrogates. Lengths are counted in code points."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> str:
        if not isinstance(value, str) or _FORBIDDEN_CHARACTERS.search(value):
            raise ValidationError("Not a text.")
        return value


class StrictBoolean(fields.Boolean):
    """A JSON boolean; other values are not converted."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> bool:
        if not isinstance(value, bool):
            raise ValidationError("Not a boolean.")
        return value


class QueryFlag(StrictBoolean):
    """A JSON boolean or, in a query string, ``true`` or ``false``."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> bool:
        flag = {"true": True, "false": False}.get(value, value) if type(value) is str else value
        return super()._deserialize(flag, *args, **kwargs)


class Time(fields.DateTime):
    """A time: ISO 8601, or ``2025-03-13 14:30:00``, which is read as UTC.

    Args:
        end_of_second: a value without a fraction means the last microsecond of its second (for an
            inclusive upper bound), otherwise the first.
    """

    def __init__(self, *, end_of_second: bool = False, **kwargs: Any) -> None:
        metadata = {"example": "2025-03-13T14:30:00Z", **kwargs.pop("metadata", {})}
        super().__init__(metadata=metadata, **kwargs)
        self.end_of_second = end_of_second

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> datetime:
        shape = _TIME.fullmatch(value) if isinstance(value, str) else None
        if shape is None:
            raise ValidationError("Not a time.")
        try:
            moment = datetime.fromisoformat(shape[0].upper())
            moment = moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
        except (ValueError, OverflowError):
            raise ValidationError("Not a time.") from None
        if self.end_of_second and not shape[1]:
            moment += timedelta(microseconds=999_999)
        return moment


class Upload(fields.Raw):
    """A file of a multipart body."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(metadata={"type": "string", "format": "binary"}, **kwargs)

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> SpoolFile:
        if not isinstance(value, SpoolFile):
            raise ValidationError("Not a file.")
        return value

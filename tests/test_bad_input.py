"""Bad input is refused as the API refuses, whatever it is, and changes nothing."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests.operations import IMAGE, OPERATIONS, WITH_FIELDS, Field, Kind, Operation
from tests.people import Person, Reply, Visitor, bad, refused
from tests.scene import Scene

pytestmark = pytest.mark.usefixtures("unchanged")

Values = tuple[Any, ...]

# One bad value for each kind of field: every service tries the whole variety on its own.
BAD_VALUES: Mapping[Kind, Values] = {
    Kind.ID: (2**63,),
    Kind.ID_LIST: ([-1],),
    Kind.ID_OR_LIST: ([True],),
    Kind.TEXT: ("a\0b",),
    Kind.SEARCHED: ("",),
    Kind.NAME: ("n" * 101,),
    Kind.SHORT: ("言" * 256,),
    Kind.CLIENT_ID: ("c" * 65,),
    Kind.FLAG: (1,),
    Kind.COUNT: (1_000_000,),
    Kind.LIMIT: (1001,),
    Kind.TIME: ("2025-02-30 10:00:00",),
}
BAD_TEXTS: Mapping[Kind, tuple[str, ...]] = {
    Kind.ID: ("1_0",),
    Kind.ID_LIST: ("abc",),
    Kind.SEARCHED: ("\0",),
    Kind.TEXT: ("a\0b",),
    Kind.LIMIT: ("0",),
    Kind.TIME: ("2025-13-01T00:00:00Z",),
}
NO_JSON = {
    "a bracket": b"{",
    "a form": b"email=a&name=b",
    "no UTF-8": b'{"email": "\xff\xfe"}',
    "brackets without end": b"[" * 20_000,
}
NO_OBJECTS = {
    "nothing": b"",
    "a list": b"[]",
    "a string": b'"text"',
    "null": b"null",
}

READING = tuple(each for each in WITH_FIELDS if each.method == "GET")
WITH_QUERY = tuple(each for each in WITH_FIELDS if each.method in {"GET", "DELETE"})
ONE_OF_EACH_SERVICE = ("/account/login", "/add_friend", "/interface")
WITH_BODY = tuple(
    each for each in WITH_FIELDS if each.method == "POST" and each.path in ONE_OF_EACH_SERVICE
)


def fields_of(scene: Scene, operation: Operation) -> dict[str, Any]:
    """What the operation needs."""
    return {field.name: scene.example(field.name) for field in operation.fields if field.required}


def ask(person: Visitor, operation: Operation, fields: dict[str, Any]) -> Reply:
    """Do it with the fields in the body."""
    return person.call(operation.method, operation.path, json=fields)


def bad_fields(operations: tuple[Operation, ...], values: Mapping[Kind, Values]) -> Iterator[Any]:
    """Each field of the operations with each bad value for its kind."""
    for operation in operations:
        for field in operation.fields:
            for value in values[field.kind]:
                name = f"{operation} {field.name}={ascii(value)[:30]}"
                yield pytest.param(operation, field, value, id=name)


def fields(*, required: bool) -> Iterator[Any]:
    """Each field of each operation."""
    for operation in WITH_FIELDS:
        for field in operation.fields:
            if field.required is required:
                yield pytest.param(operation, field, id=f"{operation} {field.name}")


@pytest.mark.parametrize(
    ("operation", "field", "value"), tuple(bad_fields(WITH_FIELDS, BAD_VALUES))
)
def test_an_ill_typed_field_in_the_body_is_refused_by_its_name(
    scene: Scene, operation: Operation, field: Field, value: object
) -> None:
    reply = ask(scene.alice, operation, {**fields_of(scene, operation), field.name: value})

    assert reply == bad(field.name)


@pytest.mark.parametrize(("operation", "field", "value"), tuple(bad_fields(WITH_QUERY, BAD_TEXTS)))
def test_an_ill_typed_field_in_the_query_string_is_refused_by_its_name(
    scene: Scene, operation: Operation, field: Field, value: str
) -> None:
    given = {**fields_of(scene, operation), field.name: value}

    assert scene.alice.call(operation.method, operation.path, params=given) == bad(field.name)


@pytest.mark.parametrize(("operation", "field"), tuple(fields(required=True)))
def test_a_missing_field_is_refused_by_its_name(
    scene: Scene, operation: Operation, field: Field
) -> None:
    given = fields_of(scene, operation)
    del given[field.name]

    assert ask(scene.alice, operation, given) == bad(field.name)


@pytest.mark.parametrize(("operation", "field"), tuple(fields(required=True)))
def test_null_in_a_required_field_is_refused_like_a_missing_one(
    scene: Scene, operation: Operation, field: Field
) -> None:
    reply = ask(scene.alice, operation, {**fields_of(scene, operation), field.name: None})

    assert reply == bad(field.name)


@pytest.mark.parametrize(("operation", "field"), tuple(fields(required=False)))
def test_null_in_an_optional_field_means_absent(
    scene: Scene, operation: Operation, field: Field
) -> None:
    given = fields_of(scene, operation)
    without = ask(scene.erin, operation, given)

    assert ask(scene.erin, operation, {**given, field.name: None}) == without


@pytest.mark.parametrize("operation", WITH_BODY, ids=str)
@pytest.mark.parametrize("body", NO_JSON.values(), ids=NO_JSON.keys())
def test_a_body_that_is_not_json_is_refused(
    scene: Scene, operation: Operation, body: bytes
) -> None:
    json_type = {"Content-Type": "application/json"}

    reply = scene.alice.call(operation.method, operation.path, data=body, headers=json_type)

    assert reply == bad("body")


@pytest.mark.parametrize("operation", WITH_BODY, ids=str)
@pytest.mark.parametrize("body", NO_OBJECTS.values(), ids=NO_OBJECTS.keys())
def test_a_body_that_is_no_json_object_is_refused(
    scene: Scene, operation: Operation, body: bytes
) -> None:
    json_type = {"Content-Type": "application/json"}

    reply = scene.alice.call(operation.method, operation.path, data=body, headers=json_type)

    assert reply in [bad("body"), *(bad(field.name) for field in operation.fields)]


@pytest.mark.parametrize("path", ONE_OF_EACH_SERVICE)
@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "application/x-www-form-urlencoded", "application/xml", "nonsense", ""],
)
def test_a_body_is_read_as_json_whatever_its_content_type_says(
    scene: Scene, path: str, content_type: str
) -> None:
    operation = next(each for each in WITH_BODY if each.path == path)
    given = {**fields_of(scene, operation), "password": "Not_hers_9"}
    as_json = ask(scene.erin, operation, given)
    typed = {"Content-Type": content_type}

    reply = scene.erin.call("POST", path, data=json.dumps(given), headers=typed)

    assert (reply, reply.status in {401, 403, 404}) == (as_json, True)


@pytest.mark.parametrize("operation", READING, ids=str)
def test_reading_takes_its_fields_from_a_body_as_from_the_query_string(
    scene: Scene, operation: Operation
) -> None:
    given = fields_of(scene, operation)

    by_query = scene.alice.get(operation.path, **given)

    assert (by_query.status, ask(scene.alice, operation, given)) == (200, by_query)


@pytest.mark.parametrize("operation", READING, ids=str)
def test_the_query_string_wins_over_the_body(scene: Scene, operation: Operation) -> None:
    given = fields_of(scene, operation)
    other = dict.fromkeys(given, 2**62)

    reply = scene.alice.call("GET", operation.path, params=given, json=other)

    assert reply == scene.alice.get(operation.path, **given)


@pytest.mark.parametrize("path", ["/account/info", "/friends", "/conversations"])
def test_reading_with_a_json_content_type_and_no_body_is_well_formed(
    scene: Scene, path: str
) -> None:
    reply = scene.alice.call("GET", path, headers={"Content-Type": "application/json"})

    assert reply.status == 200


@pytest.mark.parametrize("operation", READING, ids=str)
def test_an_id_may_be_a_decimal_string(scene: Scene, operation: Operation) -> None:
    given = fields_of(scene, operation)
    as_strings = {name: str(value) for name, value in given.items()}

    assert ask(scene.alice, operation, as_strings) == ask(scene.alice, operation, given)


@pytest.mark.parametrize(
    ("operation", "field"),
    [
        pytest.param(operation, field, id=f"{operation} {field.name}")
        for operation in WITH_FIELDS
        for field in operation.fields
        if field.name in {"conversationId", "conversation_id"} and field.required
    ],
)
def test_a_conversation_may_be_named_in_both_ways(
    scene: Scene, operation: Operation, field: Field
) -> None:
    given = fields_of(scene, operation)
    other = {"conversationId": "conversation_id", "conversation_id": "conversationId"}[field.name]
    as_documented = ask(scene.erin, operation, given)
    given[other] = given.pop(field.name)

    assert ask(scene.erin, operation, given) == as_documented


@pytest.mark.parametrize("path", ONE_OF_EACH_SERVICE)
def test_a_huge_body_is_refused(scene: Scene, path: str) -> None:
    reply = scene.alice.call("POST", path, data=b" " * (17 * 2**20))

    assert reply == refused(413, -413, "Payload too large")


@pytest.mark.parametrize("path", ONE_OF_EACH_SERVICE)
def test_a_huge_body_of_unknown_length_is_refused(scene: Scene, path: str) -> None:
    mebibytes = (b" " * 2**20 for _ in range(17))

    reply = scene.alice.call("POST", path, data=mebibytes)

    assert reply == refused(413, -413, "Payload too large")


@pytest.mark.parametrize(
    "path",
    ["/nothing", "/account", "/account/nothing", "/friends/nothing", "/conversations/1/x",
     "/FRIENDS", "/friends/", "//friends", "/friends%2f", "/internal/events",
     "/internal/accounts", "/friends;x"],
)  # fmt: skip
def test_an_unknown_path_is_not_found(scene: Scene, path: str) -> None:
    assert scene.alice.call("GET", path) == refused(404, -404, "Not found")


@pytest.mark.parametrize("path", sorted({each.path for each in OPERATIONS}))
def test_a_wrong_method_is_refused_with_the_right_ones(scene: Scene, path: str) -> None:
    served = {each.method for each in OPERATIONS if each.path == path}

    response = scene.alice.fetch("PATCH", path)

    assert response.json() == {"code": -405, "info": "Bad method"}
    assert served <= set(response.headers["Allow"].split(", ")) <= served | {"HEAD", "OPTIONS"}


@pytest.mark.parametrize("method", ["TRACE", "NONSENSE", "PROPFIND"])
def test_an_unknown_method_is_refused(scene: Scene, method: str) -> None:
    assert scene.alice.call(method, "/friends") == refused(405, -405, "Bad method")


@pytest.mark.parametrize("given", ["abc", "-1", "1.5", str(2**63), "9" * 2000, "%00", "1%0a"])
def test_a_conversation_in_a_path_that_cannot_exist_is_refused(scene: Scene, given: str) -> None:
    reply = scene.alice.get(f"/conversations/{given}/invitation")

    assert reply in [bad("conversation_id"), refused(404, -404, "Not found")]


def test_an_image_is_taken_as_multipart_only(scene: Scene) -> None:
    reply = scene.alice.post(IMAGE.path, conversationId=scene.group, image="picture")

    assert reply == refused(415, -415, "Unsupported media type")


@pytest.mark.parametrize("given", ["abc", "-1", "1.5", str(2**63), "", "1\0"])
def test_an_ill_typed_conversation_of_an_image_is_refused(scene: Scene, given: str) -> None:
    reply = scene.alice.call(
        "POST", IMAGE.path, data={"conversationId": given}, files={"image": b"no picture"}
    )

    assert reply == bad("conversationId")


def test_a_missing_image_is_refused(scene: Scene) -> None:
    nothing: dict[str, Any] = {"conversationId": (None, str(scene.group))}

    assert scene.alice.call("POST", IMAGE.path, files=nothing) == bad("image")


def test_a_missing_conversation_of_an_image_is_refused(scene: Scene) -> None:
    reply = scene.alice.call("POST", IMAGE.path, files={"image": b"no picture"})

    assert reply == bad("conversationId")


def test_a_multipart_body_without_a_boundary_is_refused(scene: Scene) -> None:
    typed = {"Content-Type": "multipart/form-data"}

    reply = scene.alice.call("POST", IMAGE.path, data=b"--x\r\n", headers=typed)

    assert reply.status in {400, 415}


@pytest.mark.parametrize("person", ["visitor", "stranger"])
@pytest.mark.parametrize(
    "query", ["%00", "a=%00&b=%ff%fe", "&&&===", "from=%zz", "a" * 5000, "a=1&" * 1000]
)
def test_a_strange_query_string_is_harmless(
    scene: Scene, visitor: Visitor, person: str, query: str
) -> None:
    caller: Visitor | Person = {"visitor": visitor, "stranger": scene.erin}[person]

    reply = caller.call("GET", f"/conversations/messages?{query}")

    assert reply.status in {400, 401}

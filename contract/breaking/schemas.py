"""Which values a schema takes, and whether another one takes them too."""

from dataclasses import dataclass, field
from itertools import product
from typing import Any, Iterator

Schema = dict[str, Any]

# Takes everything.
ANY: Schema = {}

# In which direction the bound tightens: a maximum that falls, a minimum that rises.
MAXIMA = ("maxLength", "maxItems", "maxProperties", "maximum", "exclusiveMaximum")
MINIMA = ("minLength", "minItems", "minProperties", "minimum", "exclusiveMinimum")


@dataclass(frozen=True)
class Difference:
    """A value that the one schema takes and the other does not."""

    place: str
    what: str
    # Whether it is only one choice more: a value of an enumeration, a variant.
    another_choice: bool = False


@dataclass
class Subset:
    """Finds what `narrow`, a schema of one document, takes and `wide`, of another one, does not.

    What is sent (`requests`) must go on being taken: lengths, ranges and patterns count, and no field may go. What is
    answered may be longer than before, but must have every field that it had."""

    narrow_document: Schema
    wide_document: Schema
    requests: bool
    _compared: set[tuple[str | int, str | int]] = field(default_factory=set)

    def differences(self, narrow: Schema, wide: Schema, place: str) -> Iterator[Difference]:
        narrow, nullable = apart_from_null(narrow)
        if nullable and not any(one.get("type") in (None, "null") for one in alternatives(wide, self.wide_document)):
            yield Difference(place, "null")
        wide, _ = apart_from_null(wide)
        pair = (identity(narrow), identity(wide))
        if pair in self._compared:
            # Told where they met first; this also ends schemas that contain themselves.
            return
        self._compared.add(pair)
        choices = list(alternatives(wide, self.wide_document))
        for one in alternatives(narrow, self.narrow_document):
            yield from self._one_of(one, choices, place)

    def _one_of(self, narrow: Schema, choices: list[Schema], place: str) -> Iterator[Difference]:
        """What `narrow` takes and none of the choices does."""
        of_type = [one for one in choices if takes_type(one, narrow)]
        if not of_type:
            yield Difference(place, kind(narrow))
            return
        candidates = [one for one in of_type if same_tags(narrow, one)]
        if not candidates:
            tags = ", ".join(f"{name} `{value}`" for name, value in sorted(tag_values(narrow).items()))
            yield Difference(place, f"the variant with {tags}", another_choice=True)
            return
        best: list[Difference] | None = None
        for candidate in candidates:
            trial = Subset(self.narrow_document, self.wide_document, self.requests, set(self._compared))
            found = list(trial._value(narrow, candidate, place))
            if best is None or len(found) < len(best):
                best, compared = found, trial._compared
        self._compared |= compared
        yield from best or []

    def _value(self, narrow: Schema, wide: Schema, place: str) -> Iterator[Difference]:
        """Both are resolved and of one type."""
        yield from self._values_and_formats(narrow, wide, place)
        if self.requests:
            yield from tightened(narrow, wide, place)
        if "items" in narrow or "items" in wide:
            yield from self.differences(narrow.get("items", ANY), wide.get("items", ANY), f"{place}[]")
        yield from self._fields(narrow, wide, place)

    def _values_and_formats(self, narrow: Schema, wide: Schema, place: str) -> Iterator[Difference]:
        values, allowed = values_of(narrow), values_of(wide)
        if allowed is not None:
            if values is None:
                yield Difference(place, "any value")
            for value in values or []:
                if value not in allowed:
                    yield Difference(place, f"the value `{value}`", another_choice=True)
        wanted, given = wide.get("format"), narrow.get("format")
        if wanted and wanted != given and (given, wanted) != ("int32", "int64"):
            yield Difference(place, f"what is no {wanted}")

    def _fields(self, narrow: Schema, wide: Schema, place: str) -> Iterator[Difference]:
        given, taken = narrow.get("properties", {}), wide.get("properties", {})
        missing = set(wide.get("required", [])) - set(narrow.get("required", []))
        if self.requests:
            for name in sorted(given.keys() - taken.keys()):
                yield Difference(place, f"the field `{name}`")
        else:
            missing |= taken.keys() - given.keys()
        for name in sorted(missing):
            yield Difference(place, f"an object without `{name}`")
        for name, schema in given.items():
            if name in taken:
                yield from self.differences(schema, taken[name], f"{place}.{name}".lstrip("."))
        others, others_taken = narrow.get("additionalProperties"), wide.get("additionalProperties")
        if isinstance(others, dict) and isinstance(others_taken, dict):
            yield from self.differences(others, others_taken, f"{place}.*".lstrip("."))


def tightened(narrow: Schema, wide: Schema, place: str) -> Iterator[Difference]:
    """Lengths, ranges and patterns of `wide` that values of `narrow` may be outside of."""
    for name in MAXIMA:
        if name in wide and narrow.get(name, float("inf")) > wide[name]:
            yield Difference(place, f"more than {name} {wide[name]}")
    for name in MINIMA:
        if name in wide and narrow.get(name, float("-inf")) < wide[name]:
            yield Difference(place, f"less than {name} {wide[name]}")
    if "pattern" in wide and wide["pattern"] != narrow.get("pattern"):
        yield Difference(place, f"what does not match {wide['pattern']}")
    if wide.get("uniqueItems") and not narrow.get("uniqueItems"):
        yield Difference(place, "repeated items")
    if wide.get("additionalProperties") is False and narrow.get("additionalProperties") is not False:
        if "properties" in narrow or "properties" in wide:
            yield Difference(place, "fields that it does not know")


def identity(schema: Schema) -> str | int:
    """Tells schemas of a document apart."""
    return schema.get("$ref") or id(schema)


def apart_from_null(schema: Schema) -> tuple[Schema, bool]:
    """Of a choice between null and one other schema, that one."""
    choices = schema.get("oneOf", [])
    others = [one for one in choices if one.get("type") != "null"]
    return (others[0], True) if len(choices) == 2 and len(others) == 1 else (schema, False)


def alternatives(schema: Schema, document: Schema) -> Iterator[Schema]:
    """The schema without references and choices: it takes what any of these takes. Each has one type, or none."""
    schema = resolved(schema, document)
    own = {name: value for name, value in schema.items() if name not in ("oneOf", "anyOf", "allOf")}
    parts = [[own]]
    for name in ("oneOf", "anyOf"):
        if name in schema:
            parts.append([one for choice in schema[name] for one in alternatives(choice, document)])
    for part in schema.get("allOf", []):
        parts.append(list(alternatives(part, document)))
    for combination in product(*parts):
        merged = combined(combination)
        types = merged.get("type")
        for one_type in types if isinstance(types, list) else [types]:
            # Lengths, formats and the like say nothing of null.
            yield {"type": "null"} if one_type == "null" else merged | ({"type": one_type} if one_type else {})


def combined(schemas: tuple[Schema, ...]) -> Schema:
    """What all of them take."""
    merged: Schema = {}
    for schema in schemas:
        properties = {**merged.get("properties", {}), **schema.get("properties", {})}
        required = [*merged.get("required", []), *schema.get("required", [])]
        merged = {**merged, **schema}
        if properties:
            merged["properties"] = properties
        if required:
            merged["required"] = required
    return merged


def resolved(schema: Schema, document: Schema) -> Schema:
    """The schema that a reference leads to, with what is said beside the reference."""
    while "$ref" in schema:
        target: Any = document
        for part in schema["$ref"].removeprefix("#/").split("/"):
            target = target[part.replace("~1", "/").replace("~0", "~")]
        schema = {**target, **{name: value for name, value in schema.items() if name != "$ref"}}
    return schema


def takes_type(wide: Schema, narrow: Schema) -> bool:
    wanted, given = wide.get("type"), narrow.get("type")
    return wanted is None or wanted == given or (wanted, given) == ("number", "integer")


def same_tags(narrow: Schema, wide: Schema) -> bool:
    """Whether they may be the same variant: no field has one value here and another one there."""
    theirs = tag_values(wide)
    return all(theirs.get(name, value) == value for name, value in tag_values(narrow).items())


def tag_values(schema: Schema) -> Schema:
    """The fields that can have one value only."""
    fields = schema.get("properties", {}).items()
    tags = {name: values_of(value) for name, value in fields}
    return {name: values[0] for name, values in tags.items() if values and len(values) == 1}


def values_of(schema: Schema) -> list[Any] | None:
    """The only values that it takes, if they are listed."""
    if "const" in schema:
        return [schema["const"]]
    return schema.get("enum")


def kind(schema: Schema) -> str:
    return schema.get("type") or "any value"

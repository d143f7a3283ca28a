"""What people describe in files: policies and queues. A misspelt name is told with the nearest one."""

from collections.abc import Collection
from difflib import get_close_matches
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ModelWrapValidatorHandler, ValidationError, model_validator
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError


class Described(BaseModel):
    """A part of such a file; it is never changed."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="wrap")
    @classmethod
    def _says_what_is_near(cls, given: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        try:
            return handler(given)
        except ValidationError as error:
            faults = [cls._told(one) for one in error.errors()]
            raise ValidationError.from_exception_data(cls.__name__, faults) from error

    @classmethod
    def _told(cls, fault: ErrorDetails) -> InitErrorDetails:
        said, place = fault["msg"], fault["loc"]
        if fault["type"] == "extra_forbidden" and len(place) == 1:
            said = no_such("field", str(place[0]), cls.model_fields)
        told = PydanticCustomError(fault["type"], "{said}", {"said": said})
        return InitErrorDetails(type=told, loc=place, input=fault["input"])


def no_such(what: str, given: str, known: Collection[str]) -> str:
    """That there is no such `what`, and the one that was likely meant."""
    near = get_close_matches(given, known, n=1, cutoff=0.5)
    return f"no such {what}" + (f"; do you mean {near[0]}?" if near else "")

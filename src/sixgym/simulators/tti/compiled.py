# pyright: basic
"""Compilation of this package's functions, and pointers by which they pass a network.

numba copies a named tuple of thirty arrays at every call, and counts references for every array that is taken
out of it. Measured, that took thirty times as long as the simulation itself. So compiled functions pass a
pointer to the tuple and do not count references, which is why they may not allocate memory either.

A compiled function has to be at module level, because numba's cache on disk misses others: compiling takes
about half a minute, loading from the cache about a second. numba infers the types of compiled functions, so
modules that consist of them are not checked strictly.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import numba
from llvmlite import ir
from numba.core import cgutils, types
from numba.core.datamodel.models import PrimitiveModel
from numba.core.imputils import lower_getattr_generic
from numba.core.typing.templates import AttributeTemplate
from numba.extending import infer_getattr, intrinsic, register_model

_Function = TypeVar("_Function", bound=Callable[..., Any])


def compiled(function: _Function) -> _Function:
    """Compiles a function that neither allocates nor frees memory."""
    return numba.njit(_nrt=False, error_model="numpy")(function)  # pyright: ignore[reportCallIssue] - numba's own option


class Pointer(types.Type):
    """Type of a pointer to a named tuple; it has the tuple's attributes."""

    def __init__(self, target: types.NamedTuple) -> None:
        self.target = target
        super().__init__(name=f"Pointer({target.name})")


@register_model(Pointer)
class _PointerModel(PrimitiveModel):
    def __init__(self, manager: Any, kind: Pointer) -> None:
        super().__init__(manager, kind, manager[kind.target].get_value_type().as_pointer())


@infer_getattr
class _PointerAttributes(AttributeTemplate):
    key = Pointer

    def generic_resolve(self, pointer: Pointer, name: str) -> types.Type | None:
        fields = dict(zip(pointer.target.fields, pointer.target.types, strict=True))
        return fields.get(name)


@lower_getattr_generic(Pointer)
def _load_attribute(
    context: Any, builder: ir.IRBuilder, kind: Pointer, pointer: ir.Value, name: str
) -> ir.Value:
    return builder.load(cgutils.gep_inbounds(builder, pointer, 0, kind.target.fields.index(name)))


@intrinsic
def _pointer_to(typing_context: Any, record: types.NamedTuple) -> Any:
    """A pointer to a named tuple of the calling function, which has to outlive its use."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> ir.Value:
        place = cgutils.alloca_once(builder, arguments[0].type)
        builder.store(arguments[0], place)
        return place

    return Pointer(record)(record), generate


pointer_to: Any = _pointer_to

"""Reading and writing safetensors files of float32 arrays with numpy alone.

The format (huggingface/safetensors): eight bytes with the length of a JSON header, little endian; the
header, which gives each tensor's type, shape and place and may hold a map of strings `__metadata__`;
then the numbers, little endian. It holds no code, unlike a pickle.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from sixgym.domain.base import first_problem

Floats = npt.NDArray[np.float32]

LONGEST_HEADER = 1_000_000


class TensorFileError(ValueError):
    """Bytes are not a safetensors file of finite float32 arrays. The message gives the reason."""


@dataclass(frozen=True, slots=True)
class TensorFile:
    """Arrays by name, and metadata."""

    tensors: Mapping[str, Floats]
    metadata: Mapping[str, str]


_Size = Annotated[int, Field(ge=0, strict=True)]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid")

    dtype: Literal["F32"]
    shape: list[_Size]
    data_offsets: tuple[_Size, _Size]


_HEADER = TypeAdapter(dict[str, _Entry])
_METADATA = TypeAdapter(dict[str, str])


def dump_tensors(file: TensorFile) -> bytes:
    """The bytes of a file. Equal contents give equal bytes."""
    header: dict[str, object] = {"__metadata__": dict(sorted(file.metadata.items()))}
    blocks: list[bytes] = []
    offset = 0
    for name, tensor in sorted(file.tensors.items()):
        block = np.ascontiguousarray(tensor, "<f4").tobytes()
        offsets = [offset, offset + len(block)]
        header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": offsets}
        blocks.append(block)
        offset += len(block)
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # the format asks for aligned numbers
    return len(text).to_bytes(8, "little") + text + b"".join(blocks)


def parse_tensors(content: bytes) -> TensorFile:
    """The contents of a file's bytes.

    Raises:
        TensorFileError: the bytes are cut short, damaged, or of another format.
    """
    length = int.from_bytes(content[:8], "little")
    if len(content) < 8 or not 2 <= length <= min(LONGEST_HEADER, len(content) - 8):
        raise TensorFileError("the header is missing or cut short")
    try:
        header = json.loads(content[8 : 8 + length])
        metadata = _METADATA.validate_python(header.pop("__metadata__", {}))
        entries = _HEADER.validate_python(header)
    except (ValueError, AttributeError, RecursionError) as error:
        raise TensorFileError(f"the header is damaged: {_reason(error)}") from None
    body = content[8 + length :]
    _check_places(entries, len(body))
    tensors = {
        name: np.frombuffer(body[slice(*entry.data_offsets)], "<f4").astype(np.float32).reshape(entry.shape)
        for name, entry in entries.items()
    }
    for name, tensor in tensors.items():
        if not np.isfinite(tensor).all():
            raise TensorFileError(f"{name} holds numbers that are not finite")
    return TensorFile(tensors, metadata)


def _check_places(entries: Mapping[str, _Entry], body_bytes: int) -> None:
    """Check that every tensor has the bytes of its shape, and that all tensors fill the file exactly."""
    for name, entry in entries.items():
        start, stop = entry.data_offsets
        if stop - start != 4 * math.prod(entry.shape):
            raise TensorFileError(f"{name} has {stop - start} bytes for shape {entry.shape}")
    places = sorted(entry.data_offsets for entry in entries.values())
    edges = [(0, 0), *places, (body_bytes, body_bytes)]
    if any(before[1] != after[0] for before, after in pairwise(edges)):
        raise TensorFileError(f"its tensors do not fill its {body_bytes} bytes of numbers")


def _reason(error: Exception) -> str:
    return first_problem(error) if isinstance(error, ValidationError) else str(error)

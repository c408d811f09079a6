"""Pickled checkpoints (.ckpt, .pt, .pth, .bin): what tensors they hold, told without running anything in them.

Such a file is a zip archive: `data.pkl` describes the objects, `data/0`, `data/1` … hold the numbers (torch's format
since 1.6). A pickle may name any function of any library and have it called; here names are looked up in a closed list
that makes tensors, and everything else becomes an inert placeholder. Nothing is imported, nothing is called, and no
number is read until it is asked for. There is no other way to open such a file here.
"""

import math
import pickle
import struct
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, cast

from pipelines.stored import HeaderError, TensorFacts

PICKLE_LIMIT = 64 * 2**20
"""Bytes of data.pkl; that of a large checkpoint has half a megabyte."""

ITEM_LIMIT = 200_000
"""Entries of dicts that are looked through for tensors."""

STORAGES: Mapping[str, tuple[str, int]] = {
    "DoubleStorage": ("F64", 8),
    "FloatStorage": ("F32", 4),
    "HalfStorage": ("F16", 2),
    "BFloat16Storage": ("BF16", 2),
    "LongStorage": ("I64", 8),
    "IntStorage": ("I32", 4),
    "ShortStorage": ("I16", 2),
    "CharStorage": ("I8", 1),
    "ByteStorage": ("U8", 1),
    "BoolStorage": ("BOOL", 1),
}
"""The class that a pickle names -> dtype as safetensors calls it, bytes of a number."""


_Unpickler: Any = vars(pickle)["_Unpickler"]
"""The one in Python, not the one in C, whose table of objects a hostile file can blow up."""


class _Storage(NamedTuple):
    dtype: str
    item: int
    begin: int
    bytes: int


@dataclass(frozen=True)
class _Name:
    """A class or function that a pickle names."""

    module: str
    name: str

    def __call__(self, *arguments: Any, **named: Any) -> "_Inert":
        return _Inert()


class _Inert(dict[Any, Any]):
    """Stands for any object that is no tensor. It takes whatever a pickle does to an object, and keeps none of it."""

    __hash__ = object.__hash__  # pyright: ignore[reportAssignmentType]

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__()

    def append(self, item: Any) -> None:
        pass

    def extend(self, items: Any) -> None:
        pass

    def add(self, item: Any) -> None:
        pass

    def __setitem__(self, key: Any, value: Any) -> None:
        pass

    def __setstate__(self, state: Any) -> None:
        pass


class _Dict(dict[Any, Any]):
    """What a pickle fills as a dict."""

    def __setstate__(self, state: Any) -> None:
        pass


def _no_arguments(*arguments: Any) -> _Dict:
    return _Dict()


def _first(*arguments: Any) -> Any:
    return arguments[0] if arguments else None


class _Reader(_Unpickler):  # pyright: ignore[reportUntypedBaseClass]
    """A reader whose names and objects are the ones above."""

    stack: list[Any]

    def __init__(self, file: Any, archive: "_Archive") -> None:
        super().__init__(file, encoding="utf-8", errors="replace")
        self._archive = archive

    def find_class(self, module: str, name: str) -> Any:
        match module, name:
            case "torch._utils", "_rebuild_tensor_v2" | "_rebuild_tensor":
                return _tensor
            case "torch._utils", "_rebuild_parameter" | "_rebuild_parameter_with_state":
                return _first
            case "collections", "OrderedDict":
                return _no_arguments
            case _:
                return _Name(module, name)

    def persistent_load(self, pid: Any) -> Any:
        try:
            _, kind, key, _, count = pid
        except (TypeError, ValueError) as error:
            raise HeaderError("is a pickle of a kind that is not known here.") from error
        return self._archive.storage(kind, str(key), count)

    def load_object(self) -> None:
        """NEWOBJ: an object of a class, without its constructor."""
        del self.stack[-2:]
        self.append(_Inert())

    def load_object_named(self) -> None:
        """NEWOBJ_EX: the same with named arguments."""
        del self.stack[-3:]
        self.append(_Inert())

    def load_set(self) -> None:
        self.append(_Inert())

    def load_frozen_set(self) -> None:
        self.pop_mark()
        self.append(_Inert())

    def load_item(self) -> None:
        _simple(self.stack[-2:-1])
        super().load_setitem()

    def load_items(self) -> None:
        _simple(self.stack[::2])
        super().load_setitems()

    def load_dict(self) -> None:
        _simple(self.stack[::2])
        super().load_dict()

    dispatch: Any = {  # noqa: RUF012 (as pickle._Unpickler has it)
        **_Unpickler.dispatch,
        pickle.NEWOBJ[0]: load_object,
        pickle.NEWOBJ_EX[0]: load_object_named,
        pickle.EMPTY_SET[0]: load_set,
        pickle.FROZENSET[0]: load_frozen_set,
        pickle.SETITEM[0]: load_item,
        pickle.SETITEMS[0]: load_items,
        pickle.DICT[0]: load_dict,
    }


def _simple(keys: list[Any]) -> None:
    """Keys of a dict have to be hashed, and to hash tuples of tuples can be made to take for ever."""
    if not all(isinstance(key, str | int | float | bytes | _Inert | _Name | None) for key in keys):
        raise HeaderError("is a pickle of a kind that is not known here.")


def read(path: Path) -> dict[str, TensorFacts]:
    """The tensors of the file by name: those of its "state_dict" where it has one; nested names are joined with ".".

    Raises HeaderError for everything that is no such file, OSError where it cannot be read.
    """
    try:
        with zipfile.ZipFile(path) as file:
            archive = _Archive(path, file)
            found = _Reader(file.open(archive.pickle), archive).load()
    except HeaderError:
        raise
    except zipfile.BadZipFile as error:
        raise HeaderError("is damaged, or of a form older than 2020. Download it again as .safetensors.") from error
    except OSError:
        raise
    except Exception as error:  # A pickle is a program; it may fail in any way.
        raise HeaderError(f"is a pickle that cannot be read ({type(error).__name__}).") from error
    return archive.checked(_flat(found))


class _Archive:
    """Where in the file the numbers lie. Raises HeaderError for an archive that torch would not write."""

    def __init__(self, path: Path, file: zipfile.ZipFile) -> None:
        self._size = path.stat().st_size
        self._path = path
        members = file.infolist()
        pickles = [member for member in members if member.filename.endswith("data.pkl")]
        if len(pickles) != 1:
            raise HeaderError("is a zip archive, but no checkpoint.")
        self.pickle = pickles[0]
        packed = any(member.compress_type != zipfile.ZIP_STORED for member in members)
        if packed or sum(member.file_size for member in members) > self._size or self.pickle.file_size > PICKLE_LIMIT:
            raise HeaderError("is packed in a way that checkpoints are not. It is not opened.")
        self._folder = self.pickle.filename.removesuffix("data.pkl") + "data/"
        self._members = {member.filename: member for member in members}
        self._known: dict[str, _Storage] = {}

    def storage(self, kind: Any, key: str, count: Any) -> _Storage:
        if key not in self._known:
            member = self._members.get(self._folder + key)
            if not isinstance(kind, _Name) or kind.name not in STORAGES or member is None:
                raise HeaderError("is a pickle whose numbers are of a kind that is not known here.")
            dtype, item = STORAGES[kind.name]
            if not isinstance(count, int) or not 0 <= count * item <= member.file_size:
                raise HeaderError("is damaged: it promises more numbers than it holds.")
            self._known[key] = _Storage(dtype, item, self._begin(member), member.file_size)
        return self._known[key]

    def checked(self, tensors: Mapping[str, TensorFacts]) -> dict[str, TensorFacts]:
        """All of them within the file, and together no larger than it (some share their numbers: those count once)."""
        places = {(tensor.begin, tensor.end) for tensor in tensors.values()}
        if any(end > self._size for _, end in places) or sum(end - begin for begin, end in places) > 2 * self._size:
            raise HeaderError("is damaged: its tensors do not fit into the file.")
        return dict(tensors)

    def _begin(self, member: zipfile.ZipInfo) -> int:
        """The byte at which a member's content begins: behind its local header, whose length only itself tells."""
        with self._path.open("rb") as file:
            file.seek(member.header_offset + 26)
            name, extra = struct.unpack("<HH", file.read(4))
        return member.header_offset + 30 + name + extra


def _tensor(storage: Any, offset: Any, shape: Any, stride: Any, *rest: Any) -> TensorFacts | None:
    """Only tensors that lie in one piece; a checkpoint has no others that matter."""
    if not isinstance(storage, _Storage):
        return None
    sides: tuple[Any, ...] = tuple(shape)
    if not all(type(number) is int and 0 <= number < 2**48 for number in (offset, *sides)):
        raise HeaderError("is damaged: the shape of a tensor makes no sense.")
    step, plain = 1, True
    for side, along in zip(reversed(sides), reversed(tuple(stride)), strict=True):
        plain, step = plain and (side == 1 or along == step), step * side
    begin = storage.begin + offset * storage.item
    end = begin + math.prod(sides) * storage.item
    if not plain or end > storage.begin + storage.bytes:
        return None
    return TensorFacts(storage.dtype, sides, begin, end)


def _flat(found: Any) -> dict[str, TensorFacts]:
    """{name: tensor}; trainers wrap it once more, as "state_dict" or "module"."""
    for wrap in ("state_dict", "params_ema", "params", "module", "model"):
        inner = found.get(wrap) if isinstance(found, dict) else None
        if isinstance(inner, dict) and inner:
            found = cast("dict[Any, Any]", inner)
            break
    tensors: dict[str, TensorFacts] = {}
    waiting: list[tuple[str, Any, int]] = [("", found, 0)]
    for _ in range(ITEM_LIMIT):
        if not waiting:
            break
        name, value, depth = waiting.pop()
        if isinstance(value, TensorFacts):
            tensors[name] = value
        elif isinstance(value, dict) and depth < 4:
            items = cast("dict[Any, Any]", value).items()
            waiting += [
                (f"{name}.{key}" if name else str(key), item, depth + 1)
                for key, item in items
                if isinstance(key, str | int)
            ]
    if not tensors:
        raise HeaderError("holds no tensors.")
    return dict(sorted(tensors.items()))

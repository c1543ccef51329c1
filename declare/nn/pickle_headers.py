"""What files of `torch.save` hold: names, shapes and types of tensors, read without torch or running code.

The pickle in such a file is a list of instructions. Those that make plain containers and tensors are followed; a
tensor becomes its `TensorFacts`, its numbers are not read. Anything else is refused, as
`torch.load(weights_only=True)` refuses it (its source: `torch/_weights_only_unpickler.py`).
"""

import math
import pickletools
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, NamedTuple, cast

from declare.nn.safetensors_header import MOST_TENSORS, UnreadableError, regular_size
from declare.nn.tensor_facts import TensorFacts, dtype_of

_MOST_BYTES = 64 << 20
"""A longer pickle is not a list of tensors."""
_MAGIC = 0x1950A86A20F9469CFC6C
"""The first number in files of torch before 1.6."""
_WITH_CODE = "it contains more than tensors, and loading that would run code"
_STORAGES = {
    "DoubleStorage": "F64",
    "FloatStorage": "F32",
    "HalfStorage": "F16",
    "BFloat16Storage": "BF16",
    "ComplexDoubleStorage": "C128",
    "ComplexFloatStorage": "C64",
    "LongStorage": "I64",
    "IntStorage": "I32",
    "ShortStorage": "I16",
    "CharStorage": "I8",
    "ByteStorage": "U8",
    "BoolStorage": "BOOL",
    "UntypedStorage": "U8",
    **dict.fromkeys(("QInt8Storage", "QUInt8Storage", "QUInt4x2Storage", "QUInt2x4Storage"), "quantised"),
    "QInt32Storage": "quantised",
}
_BYTES = {"F64": 8, "C64": 8, "I64": 8, "C128": 16, "F32": 4, "I32": 4, "F16": 2, "BF16": 2, "I16": 2}
_TENSOR_MAKERS = frozenset(
    {"_rebuild_tensor", "_rebuild_tensor_v2", "_rebuild_tensor_v3", "_rebuild_qtensor"}
)
_WRAPPERS = frozenset({"_rebuild_parameter", "_rebuild_parameter_with_state"})
_REBUILT = (
    _TENSOR_MAKERS
    | _WRAPPERS
    | {
        "_rebuild_sparse_tensor",
        "_rebuild_meta_tensor_no_storage",
        "_rebuild_nested_tensor",
        "_rebuild_wrapper_subclass",
        "_rebuild_device_tensor_from_cpu_tensor",
        "_rebuild_device_tensor_from_numpy",
    }
)
_PLAIN = frozenset(
    {
        "_codecs.encode",
        "builtins.bytearray",
        "builtins.complex",
        "builtins.set",
        "collections.Counter",
        "collections.OrderedDict",
        "torch.Size",
        "torch.Tensor",
        "torch.device",
        "torch._tensor._rebuild_from_type_v2",
        "torch.nn.parameter.Parameter",
        "torch.serialization._get_layout",
        "torch.storage.TypedStorage",
        "torch.storage.UntypedStorage",
    }
)
_CLASSES = frozenset({"torch", "torch.cuda", "torch.sparse", "torch.cuda.sparse"})
"""Modules that have classes of tensors and storages."""
_TYPES = (
    "float",
    "bfloat",
    "int",
    "uint",
    "complex",
    "bcomplex",
    "bits",
    "qint",
    "quint",
    "per_tensor",
    "per_channel",
)
"""Beginnings of the names of torch's types of numbers."""


class _GlobalName(NamedTuple):
    """A function or class that a pickle names."""

    name: str


class _Storage(NamedTuple):
    """The numbers of one or more tensors: their type, their place, and how many there are."""

    dtype: str
    key: str
    numel: int


class _OpaqueValue:
    """A value that is not a tensor and not needed."""


def read_pickle_header(path: Path) -> Any:
    """Return what a file of `torch.save` holds, `TensorFacts` in place of tensors.

    Raises FileNotFoundError, or `UnreadableError` for all else that keeps it from being read.
    """
    size = regular_size(path)
    try:
        return _from_archive(path, size) if zipfile.is_zipfile(path) else _from_stream(path, size)
    except UnreadableError:
        raise
    except (
        ValueError,
        LookupError,
        TypeError,
        AttributeError,
        EOFError,
        ArithmeticError,
        RecursionError,
    ) as error:
        raise UnreadableError("it is not a torch file, or it is damaged") from error
    except zipfile.BadZipFile as error:
        raise UnreadableError(f"its archive is damaged: {error}") from error


def refuse_packed(archive: zipfile.ZipFile, size: int) -> None:
    """Raise `UnreadableError` for an archive whose entries may unpack to far more than the file."""
    entries = archive.infolist()
    if len(entries) > MOST_TENSORS:
        raise UnreadableError(f"it contains {len(entries):,} entries")
    is_compressed = any(entry.compress_type != zipfile.ZIP_STORED for entry in entries)
    if is_compressed or sum(entry.file_size for entry in entries) > size:
        raise UnreadableError("its entries are packed: they may unpack to more than the memory")


def refuse_grown(total: int, size: int) -> None:
    """Raise `UnreadableError` if tensors of `total` bytes share numbers and so are far larger than the file."""
    if total > 16 * size + (1 << 28):
        raise UnreadableError(f"its tensors need {total:,} bytes, but the file has {size:,}")


def _from_archive(path: Path, size: int) -> Any:
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        if any(name.endswith("/constants.pkl") for name in names):
            raise UnreadableError("it is a program of TorchScript: save its `state_dict()` instead")
        refuse_packed(archive, size)
        pickle_names = [name for name in names if name.endswith("/data.pkl") and name.count("/") == 1]
        if len(pickle_names) != 1:
            raise UnreadableError("it is an archive, but not one of torch")
        if archive.getinfo(pickle_names[0]).file_size > _MOST_BYTES:
            raise UnreadableError("it contains more than named tensors")
        folder = pickle_names[0].removesuffix("data.pkl")
        sizes = {
            name.removeprefix(f"{folder}data/"): archive.getinfo(name).file_size
            for name in names
            if name.startswith(f"{folder}data/")
        }
        with archive.open(pickle_names[0]) as file:
            content, storages = _run_pickle(file, size)
    for storage in storages:
        if sizes.get(storage.key, -1) < storage.numel * _BYTES.get(storage.dtype, 1):
            raise UnreadableError("numbers of its tensors are missing")
    return content


def _from_stream(path: Path, size: int) -> Any:
    """Return the same of the older format: five pickles, then the numbers."""
    with path.open("rb") as file:
        if file.read(1) != b"\x80":
            raise UnreadableError("it is not a torch file" if size else "it is empty")
        file.seek(0)
        magic, _ = _run_pickle(file, size)
        if magic != _MAGIC:
            raise UnreadableError("it is a pickle, but not one of torch")
        _run_pickle(file, size)
        _run_pickle(file, size)
        content, storages = _run_pickle(file, size)
        _run_pickle(file, size)
        room = size - file.tell()
    storages_by_key = {storage.key: storage for storage in storages}.values()
    if sum(8 + storage.numel * _BYTES.get(storage.dtype, 1) for storage in storages_by_key) > room:
        raise UnreadableError("numbers of its tensors are missing: it is cut off")
    return content


def _run_pickle(file: IO[bytes], size: int) -> tuple[Any, list[_Storage]]:
    """Follow the instructions of the next pickle in `file` of `size` bytes; return its value and its storages."""
    machine = _Machine()
    for number, (opcode, argument, position) in enumerate(
        pickletools.genops(cast("IO[bytes]", _BoundedFile(file, size)))
    ):
        if number > 16 * MOST_TENSORS * 4 or (position or 0) > _MOST_BYTES:
            raise UnreadableError("it contains more than named tensors")
        if opcode.name == "STOP":
            refuse_grown(machine.num_bytes, size)
            return machine.stack.pop(), machine.storages
        machine.step(opcode.name, argument)
    raise EOFError


class _BoundedFile:
    """A file of `size` bytes that is asked for no more than these at once: a length in a pickle may be any number."""

    def __init__(self, file: IO[bytes], size: int) -> None:
        self.readline, self.tell = file.readline, file.tell
        self._file, self._size = file, size

    def read(self, number: int) -> bytes:
        """Read so many bytes, fewer if the file cannot have them."""
        return self._file.read(min(number, self._size))


class _Machine:
    """The stack machine of pickle, cut down to what makes containers and tensors."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.storages: list[_Storage] = []
        self.num_bytes = 0
        self._marks: list[list[Any]] = []
        self._memo: dict[int, Any] = {}
        self._steps: dict[str, Callable[[Any], None]] = {
            "PROTO": lambda _: None,
            "MARK": lambda _: self._mark(),
            "GLOBAL": self._name,
            "REDUCE": lambda _: self._call(),
            "NEWOBJ": lambda _: self._call(),
            "BUILD": lambda _: self._build(),
            "BINPERSID": lambda _: self._persistent(),
            "BINPUT": self._put,
            "LONG_BINPUT": self._put,
            "BINGET": self._get,
            "LONG_BINGET": self._get,
            "APPEND": lambda _: self._append([self.stack.pop()]),
            "APPENDS": lambda _: self._append(self._since_mark()),
            "SETITEM": lambda _: self._set([self.stack.pop() for _ in range(2)][::-1]),
            "SETITEMS": lambda _: self._set(self._since_mark()),
            "TUPLE": lambda _: self._tuple(),
            "NONE": lambda _: self.stack.append(None),
            "NEWTRUE": lambda _: self.stack.append(True),
            "NEWFALSE": lambda _: self.stack.append(False),
            "EMPTY_TUPLE": lambda _: self.stack.append(()),
            "EMPTY_LIST": lambda _: self.stack.append([]),
            "EMPTY_DICT": lambda _: self.stack.append({}),
            "EMPTY_SET": lambda _: self.stack.append(set()),
        }
        for name in ("BININT", "BININT1", "BININT2", "BINFLOAT", "BINUNICODE", "SHORT_BINSTRING", "LONG1"):
            self._steps[name] = self._push
        for number in (1, 2, 3):
            self._steps[f"TUPLE{number}"] = self._tuple_of(number)

    def step(self, name: str, argument: Any) -> None:
        """Follow one instruction; raises `UnreadableError` for one that no state of a model needs."""
        if name not in self._steps:
            raise UnreadableError(_WITH_CODE)
        self._steps[name](argument)

    def _push(self, value: Any) -> None:
        """Put a number or text on the stack."""
        self.stack.append(value)

    def _tuple(self) -> None:
        items = tuple(self._since_mark())
        self.stack.append(items)

    def _tuple_of(self, number: int) -> Callable[[Any], None]:
        def join(_: Any) -> None:
            items = tuple(self.stack[-number:])
            if len(items) < number:
                raise IndexError
            self.stack[-number:] = [items]

        return join

    def _mark(self) -> None:
        self._marks.append(self.stack)
        self.stack = []

    def _since_mark(self) -> list[Any]:
        items, self.stack = self.stack, self._marks.pop()
        return items

    def _put(self, place: int) -> None:
        self._memo[place] = self.stack[-1]

    def _get(self, place: int) -> None:
        self.stack.append(self._memo[place])

    def _append(self, items: list[Any]) -> None:
        target = self.stack[-1]
        if not isinstance(target, list):
            raise TypeError
        target.extend(items)

    def _set(self, items: list[Any]) -> None:
        target = self.stack[-1]
        if not isinstance(target, dict):
            raise TypeError
        target.update(zip(items[::2], items[1::2], strict=True))

    def _name(self, argument: str) -> None:
        name = argument.replace(" ", ".", 1)
        if not is_allowed(name):
            raise UnreadableError(_WITH_CODE)
        self.stack.append(_GlobalName(name))

    def _persistent(self) -> None:
        mark, kind, key, _, numel, *_ = self.stack.pop()
        if mark not in {"storage", b"storage"} or not isinstance(kind, _GlobalName):
            raise TypeError
        dtype = _STORAGES.get(kind.name.rpartition(".")[2], "quantised")
        if not isinstance(numel, int) or numel < 0:
            raise TypeError
        storage = _Storage(dtype, str(key), numel)
        self.storages.append(storage)
        self.stack.append(storage)

    def _call(self) -> None:
        arguments, callable_name = self.stack.pop(), self.stack.pop()
        if not isinstance(callable_name, _GlobalName) or not isinstance(arguments, tuple):
            raise UnreadableError(_WITH_CODE)
        value = _call_global(callable_name.name, arguments)
        if isinstance(value, TensorFacts) and callable_name.name.rpartition(".")[2] in _TENSOR_MAKERS:
            self.num_bytes += math.prod(value.shape) * _BYTES.get(value.dtype, 1)
        self.stack.append(value)

    def _build(self) -> None:
        """Attributes of a container (versions of a state's modules) are not tensors."""
        self.stack.pop()


def is_allowed(name: str) -> bool:
    """Return whether a pickle of tensors may name this function or class."""
    module, _, last = name.rpartition(".")
    if name in _PLAIN or (module == "torch._utils" and last in _REBUILT):
        return True
    if module in {"torch", "torch.cuda", "torch.sparse", "torch.cuda.sparse"} and last.endswith(
        ("Storage", "Tensor")
    ):
        return last[0].isupper()
    return module == "torch" and (last == "bool" or last.startswith(_TYPES))


def _call_global(name: str, arguments: tuple[Any, ...]) -> Any:
    """Return what a function or class gives for its arguments, as far as it is of interest."""
    module, _, last = name.rpartition(".")
    if name in {"collections.OrderedDict", "collections.Counter"}:
        return dict(*arguments)
    if name == "torch.Size":
        return tuple(*arguments)
    if name == "torch._tensor._rebuild_from_type_v2":
        return _call_global(arguments[0].name, arguments[2])
    if last in _WRAPPERS or name == "torch.nn.parameter.Parameter":
        return arguments[0] if arguments else _OpaqueValue()
    if module == "torch._utils":
        return _tensor(last, arguments)
    return _OpaqueValue()


def _tensor(maker: str, arguments: tuple[Any, ...]) -> Any:
    """Return the facts of the tensor that one of torch's functions would make."""
    if maker in _TENSOR_MAKERS:
        storage, offset, shape, stride = arguments[:4]
        facts = TensorFacts(_shape(shape), storage.dtype)
        if maker == "_rebuild_tensor_v3":
            return facts._replace(dtype=dtype_of(arguments[6].name))
        last = offset + sum((size - 1) * step for size, step in zip(facts.shape, stride, strict=True))
        if 0 not in facts.shape and not 0 <= last < storage.numel:
            raise UnreadableError("a tensor is larger than its numbers")
        return facts
    if maker == "_rebuild_meta_tensor_no_storage":
        return TensorFacts(_shape(arguments[1]), dtype_of(arguments[0].name))
    if maker == "_rebuild_sparse_tensor":
        values, shape = arguments[1][1], arguments[1][2]
        return TensorFacts(_shape(shape), values.dtype)
    return _OpaqueValue()


def _shape(sizes: Any) -> tuple[int, ...]:
    if not isinstance(sizes, tuple | list) or not all(type(size) is int and size >= 0 for size in sizes):
        raise TypeError
    return tuple(sizes)

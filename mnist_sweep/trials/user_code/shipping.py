"""The user's own definitions on their way to the workers: by name where a worker can import them, else by value.

A class of a notebook, of the running script, or of code from standard input has no module that a worker could import,
or one whose import would run the sweep again. It is sent by value, with cloudpickle, and with the text of its files,
which TensorFlow's AutoGraph and tracebacks read. Only what the driver sends is unpickled, nothing of a results folder.
"""

import contextlib
import copyreg
import dataclasses
import functools
import io
import json
import linecache
import sys
from collections import ChainMap
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any, ClassVar

from mnist_sweep.errors import ConfigError, ScriptError
from mnist_sweep.text.lines import listed, one_line
from mnist_sweep.trials import registry
from mnist_sweep.trials.config import REGISTRIES, TrialConfig, custom_parts
from mnist_sweep.trials.parts import as_json, fields_of, type_of
from mnist_sweep.trials.user_code import user_modules
from mnist_sweep.validation import shown_in_one_line


def own_definitions(trials: Iterable[TrialConfig]) -> dict[str, Any]:
    """Return the user's own classes and functions in some trials, by the names that rows store.

    Rows and ids know them by name alone, so within a run a name must stand for one definition, the present one. A run
    finds data sets and graphs by value, so values that rows tell apart must differ.

    Raises:
        ConfigError: A name stands for two definitions, or for another one than the trials were made with; or two values
            are equal, such as those of fields that are 1 and True.
    """
    found: dict[str, Any] = {}
    values: dict[Any, Any] = {}
    for trial in trials:
        for part in custom_parts(trial):
            value = getattr(trial, part)
            known, definition = values.setdefault((part, value), value), type_of(value)
            if known is not value and _stored(known) != _stored(value):
                one, other = shown_in_one_line(known), shown_in_one_line(value)
                rule = "let `==` tell them apart, by all fields and their types"
                raise ConfigError(f"`{part}` is {one} and {other}, which Python takes for equal: {rule}.")
            name = registry.name_of(definition, REGISTRIES[part])
            present = getattr(sys.modules.get(definition.__module__), definition.__name__, definition)
            if definition is not present or found.setdefault(name, definition) is not definition:
                way_out = "create the trials and the sweep again, so that all of them use the new definition"
                raise ConfigError(f"`{name}` was redefined after trials were created with it: {way_out}.")
    return found


def _stored(value: Any) -> tuple[Any, str]:
    kind = type_of(value)
    return kind, json.dumps([as_json(getattr(value, name), name) for name, _ in fields_of(kind)])


def pack(definitions: Mapping[str, Any]) -> bytes:
    """Return what a worker needs of some definitions, given by the names that rows store; empty if there are none.

    Raises:
        ScriptError: A definition cannot be sent, since it refers to something that cannot be pickled.
    """
    if not definitions:
        return b""
    by_value = {name: definition for name, definition in definitions.items() if not is_importable(definition)}
    try:
        with _sent_by_value(by_value):
            sent = _dumps(by_value)
    except Exception as error:  # whatever the user's objects raise when they are pickled
        named, way_out = listed([f"`{name}`" for name in by_value]), "import it from a module of its own"
        cause = f"workers cannot import {named}, so it is sent by value, which fails ({one_line(error)})"
        raise ScriptError(f"{cause}: {way_out}, or use Local(in_process=True).") from error
    folders = [str(Path(folder).resolve()) for folder in sys.path if Path(folder).is_dir()]
    return _dumps((folders, _texts(by_value), sent))


@functools.lru_cache(maxsize=4)
def unpack(content: bytes) -> None:
    """Let this process find what `pack` returned under the same names; the same content is loaded once.

    From then on it also imports from the driver's folders, as far as they are on this machine.
    """
    if not content:
        return
    import cloudpickle

    folders, texts, sent = cloudpickle.loads(content)
    sys.path += [folder for folder in folders if folder not in sys.path and Path(folder).is_dir()]
    for file, text in texts.items():
        if not linecache.getlines(file):
            linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    registry.SHIPPED.update(cloudpickle.loads(sent))


def is_importable(definition: Any) -> bool:
    """Return whether another process can import the module of a class or function by its name."""
    module = sys.modules.get(definition.__module__)
    spec = getattr(module, "__spec__", None)
    return module is None or (spec is not None and spec.name == definition.__module__)


@contextlib.contextmanager
def _sent_by_value(definitions: Mapping[str, Any]) -> Iterator[None]:
    """Let cloudpickle send the modules of some definitions by value, as it does with `__main__`."""
    import cloudpickle

    with contextlib.ExitStack() as stack:
        for name in {definition.__module__ for definition in definitions.values()} - {"__main__"}:
            cloudpickle.register_pickle_by_value(sys.modules[name])
            stack.callback(cloudpickle.unregister_pickle_by_value, sys.modules[name])
        yield


def _dumps(value: Any) -> bytes:
    import cloudpickle

    def code(value: CodeType) -> tuple[Any, ...]:
        return _code_of_file, (value.co_filename, *cloudpickle.Pickler.dispatch_table[CodeType](value))

    class Pickler(cloudpickle.Pickler):  # type: ignore[misc]  # cloudpickle brings no types
        dispatch_table: ClassVar[Any] = ChainMap({CodeType: code}, cloudpickle.Pickler.dispatch_table)

    # The mark of a dataclass field without a default is compared by identity.
    copyreg.pickle(type(dataclasses.MISSING), lambda _: "MISSING")
    content = io.BytesIO()
    Pickler(content).dump(value)
    return content.getvalue()


def _code_of_file(file: str, make: Callable[..., CodeType], arguments: tuple[Any, ...]) -> CodeType:
    """Return code with the name of its file, which cloudpickle 3.1.3 leaves out, and by which its source is found."""
    return make(*arguments).replace(co_filename=file)


def _texts(definitions: Mapping[str, Any]) -> dict[str, str]:
    """Return the texts of the files of some definitions and of what else their modules define, by file name."""
    found = {}
    for module in {definition.__module__ for definition in definitions.values()}:
        for value in vars(sys.modules[module]).values():
            if getattr(value, "__module__", None) == module and isinstance(value, type | FunctionType):
                files = {code.co_filename for code in user_modules.codes_of(value)}
                found.update({file: user_modules.text_of(file) for file in files})
    return {file: text for file, text in found.items() if text}

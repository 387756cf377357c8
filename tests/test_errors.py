"""Laws of the exceptions."""

import inspect
import pickle
import re
from pathlib import Path

import pytest

from mnist_sweep import errors
from mnist_sweep.errors import SweepError, no_rows

ALL = [cls for _, cls in inspect.getmembers(errors, inspect.isclass) if cls.__module__ == errors.__name__]


def drawn_tree() -> dict[str, tuple[str, ...]]:
    """Return the bases of each class as the docstring of the module draws them."""
    tree: dict[str, tuple[str, ...]] = {"SweepError": ("Exception",)}
    above = {0: "SweepError"}
    for line in (errors.__doc__ or "").splitlines():
        drawn = re.match(r"    ([│ ]*)[├└]── (\w+) (?:\((\w+)\))?", line)
        if drawn:
            depth = len(drawn[1]) // 4 + 1
            above[depth] = drawn[2]
            tree[drawn[2]] = tuple(filter(None, (above[depth - 1], drawn[3])))
    return tree


def test_docstring_draws_the_tree_as_it_is() -> None:
    assert drawn_tree() == {cls.__name__: tuple(base.__name__ for base in cls.__bases__) for cls in ALL}


@pytest.mark.parametrize("error", [cls for cls in ALL if cls is not SweepError])
def test_error_is_also_the_builtin_that_a_caller_expects(error: type[SweepError]) -> None:
    assert any(base.__module__ == "builtins" and base is not Exception for base in error.mro()[1:-3])


@pytest.mark.parametrize("error", ALL)
def test_error_crosses_processes_with_its_message(error: type[SweepError]) -> None:
    copy = pickle.loads(pickle.dumps(error("one line")))
    assert (type(copy), str(copy)) == (error, "one line")


@pytest.mark.parametrize("error", ALL)
def test_error_says_in_its_docstring_what_happened(error: type[SweepError]) -> None:
    assert inspect.cleandoc(error.__doc__ or "").endswith(".")


@pytest.mark.parametrize(
    ("name", "example"), [(".", "digits"), ("digit", "digits"), ("pets", "digits"), ("none/pets", None)]
)
def test_folder_without_rows_proposes_one_with_rows(tmp_path: Path, name: str, example: str | None) -> None:
    (tmp_path / "digits" / "rows").mkdir(parents=True)
    said = str(tmp_path / example) if example else "results/quickstart"
    assert str(no_rows(tmp_path / name)).endswith(
        f"holds no rows: pass the folder of a sweep with finished trials, such as {said}."
    )

"""Laws of the normal form: how code is written does not count, what it means does."""

import ast

import pytest

from mnist_sweep.trials.user_code.canonical_code import normal_form

CODE = """
class Net(Base):
    rate: float = 0.5

    def build(self, shape, number):
        name = f"{self.rate!r:>10} of {number}"
        return [layer(name, 'relu', -1)]
"""


def form(code: str) -> str:
    return normal_form(ast.parse(code))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("rate: float = 0.5\n", 'rate: float = 0.5\n    # a comment\n    "of dropout"\n'),
        ("def build", "def build"),
        ("number):", 'number: int) -> "list[str]":\n        """Builds it."""\n'),
        ("name = f", "name: str = f"),
        ("'relu'", '"relu"'),
        ("[layer(name, 'relu', -1)]", "[\n            (layer)(name, ('re' 'lu'), (-1),),\n        ]"),
        ('of {number}"', 'of " f"{number}" \'\''),
        ("name = f", "pass\n        other: int\n        name = f"),
    ],
)
def test_how_code_is_written_does_not_count(one: str, other: str) -> None:
    assert one in CODE
    assert form(CODE.replace(one, other)) == form(CODE)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("rate: float", "rate: int"),
        ("0.5", "1.0"),
        ("0.5", "'0.5'"),
        ("-1", "-1.0"),
        ("-1", "True"),
        ("'relu'", "'tanh'"),
        ("'relu'", "b'relu'"),
        (">10", ">11"),
        ("!r", ""),
        ("(Base)", ""),
        ("def build(self, shape, number)", "def build(self, number, shape)"),
        ("def build", "@cached\n    def build"),
        ("    rate: float = 0.5", "    rate = 0.5"),
    ],
)
def test_what_code_means_counts(one: str, other: str) -> None:
    assert one in CODE
    assert form(CODE.replace(one, other)) != form(CODE)


def test_it_is_the_same_on_every_version_of_python() -> None:
    wanted = (
        "Module(body=[Assign(targets=[Name(id='x')], value=Call(func=Name(id='f'), args=[int(1), JoinedStr([str('a'), "
    )
    assert form("x: int = f(1, 'a' f'{y}')").startswith(wanted)

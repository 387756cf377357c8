import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mnist_sweep.errors import ConfigError, ScriptError, SweepError
from mnist_sweep.sweep.script import is_sweep_script, load
from mnist_sweep.trials.config import to_flat
from mnist_sweep.trials.registry import name_of
from mnist_sweep.trials.user_code import shipping


@pytest.fixture(autouse=True)
def _forgotten(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Forget the scripts of a test, as a new process would."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        del sys.modules[name]


HEAD = "from dataclasses import dataclass\nfrom mnist_sweep import *\n"


def write(folder: Path, text: str, name: str = "some_sweep.py") -> Path:
    path = folder / name
    path.write_text(HEAD + text)
    return path


def test_the_sweep_of_a_script_is_returned(tmp_path: Path) -> None:
    assert load(write(tmp_path, "SWEEP = Sweep(name='a', trials=[TrialConfig()])", "first_sweep.py")).name == "a"


def test_a_model_defined_in_the_script_is_named_by_the_script(tmp_path: Path) -> None:
    text = """
@dataclass(frozen=True)
class Mine:
    def build(self, image_shape, num_classes): ...
SWEEP = Sweep(name='a', trials=[TrialConfig(model=Mine())])
assert to_flat(SWEEP.trials[0])['model'] == 'own_model:Mine'
assert from_flat(to_flat(SWEEP.trials[0])) == SWEEP.trials[0]
"""
    load(write(tmp_path, text, "own_model.py"))


@pytest.mark.parametrize(("given", "found"), [(None, "3"), ("0", "0")])
def test_a_script_that_imports_tensorflow_does_not_make_the_workers_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str | None, found: str
) -> None:
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", given or "")
    if given is None:
        monkeypatch.delenv("TF_CPP_MIN_LOG_LEVEL")
    text = "import os\nSWEEP = Sweep(name=os.environ['TF_CPP_MIN_LOG_LEVEL'], trials=[TrialConfig()])"
    assert load(write(tmp_path, text)).name == found


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "must define SWEEP, a mnist_sweep.Sweep, but it defines nothing"),
        ("SWEEP = [TrialConfig()]", "it defines a list under that name"),
        ("1 / 0", "some_sweep.py:3: ZeroDivisionError: division by zero"),
        ("\nx = missing", "some_sweep.py:4: NameError: name 'missing' is not defined"),
        ("def", "some_sweep.py:3: SyntaxError"),
        ("import no_such_module", "some_sweep.py:3: ModuleNotFoundError"),
        ("TrialConfig(num_step=3)", "some_sweep.py:3: TypeError"),
        ("raise SystemExit('no GPU')", "some_sweep.py:3: SystemExit: no GPU"),
        ("def f():\n    1 / 0\nf()", "some_sweep.py:4: ZeroDivisionError: division by zero"),
        ("raise ValueError('a\\n b')", "some_sweep.py:3: ValueError: a b"),
        ("from .a import b", "with no known parent package: run it with `mnist-sweep run`"),
        (
            "exec(compile('\\n\\n1 / 0', __file__.replace('some_sweep', 'other'), 'exec'))",
            "some_sweep.py:3: ZeroDivisionError: division by zero (other.py:3)",
        ),
    ],
)
def test_a_mistake_in_a_script_is_told_in_one_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ScriptError) as caught:
        load(path := write(tmp_path, text))
    assert str(caught.value).startswith(str(path))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_config_error_keeps_its_kind_and_gains_the_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"some_sweep.py:3: `num_steps >= 1` must hold, but got num_steps=0"):
        load(write(tmp_path, "TrialConfig(num_steps=0)"))


@pytest.mark.parametrize("name", ["my_sweep", "my_swep.py", ".\\my_sweep.py"])
def test_the_name_of_a_script_nearby_is_proposed(tmp_path: Path, name: str) -> None:
    (tmp_path / "my_sweep.py").touch()
    with pytest.raises(ScriptError, match=r"did you mean .*my_sweep\.py\?$"):
        load(tmp_path / name)


@pytest.mark.parametrize("name", ["missing.py", "folder.py", "notes.txt"])
def test_what_is_no_script_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder.py").mkdir()
    (tmp_path / "notes.txt").write_text("SWEEP")
    with pytest.raises(ScriptError, match=name):
        load(tmp_path / name)


def test_a_script_may_not_take_the_name_of_another_module(tmp_path: Path) -> None:
    with pytest.raises(ScriptError, match="rename the script"):
        load(write(tmp_path, "", "json.py"))


def test_a_script_that_failed_can_be_mended_and_loaded_again(tmp_path: Path) -> None:
    with pytest.raises(SweepError):
        load(write(tmp_path, "1 / 0", "mended.py"))
    assert load(write(tmp_path, "SWEEP = Sweep(name='a', trials=[TrialConfig()])", "mended.py"))


MODEL = """
@dataclass(frozen=True)
class Mine:
    def build(self, image_shape, num_classes): ...
"""
SWEEP = "SWEEP = Sweep(name='a', trials=[TrialConfig(model=Mine())])\n"


@pytest.mark.parametrize("call", ["main(__file__)", "run(SWEEP)", "print(run(SWEEP).rows)", "plan(SWEEP)"])
def test_the_import_of_a_script_ends_where_it_starts_a_run(tmp_path: Path, call: str) -> None:
    sweep = load(write(tmp_path, f"{MODEL}{SWEEP}{call}\nraise RuntimeError\n", "unguarded.py"))
    assert not shipping.is_importable(type(sweep.trials[0].model))  # an import by name would start the run
    assert name_of(type(sweep.trials[0].model), {}) == "unguarded:Mine"


def test_a_script_defines_its_sweep_before_it_starts_a_run(tmp_path: Path) -> None:
    with pytest.raises(ScriptError, match=r"must define SWEEP.* before it calls run\(\), but it defines nothing"):
        load(write(tmp_path, f"{MODEL}run(3)\n{SWEEP}"))


def test_what_a_worker_can_import_by_name_is_sent_by_name(tmp_path: Path) -> None:
    (trial,) = load(write(tmp_path, f"{MODEL}{SWEEP}if __name__ == '__main__':\n    main(__file__)\n")).trials
    assert shipping.is_importable(type(trial.model))


def test_a_script_in_a_package_may_use_relative_imports(tmp_path: Path) -> None:
    folder = tmp_path / "lab" / "inner"
    folder.mkdir(parents=True)
    for package in (folder, folder.parent):
        (package / "__init__.py").touch()
    (tmp_path / "lab" / "models.py").write_text(HEAD + MODEL)
    own = (
        MODEL.replace("Mine", "Own")
        + "SWEEP = Sweep(name='a', trials=[TrialConfig(model=Mine()), TrialConfig(model=Own())])"
    )
    sweep = load(write(folder, f"from ..models import Mine\n{own}", "packaged.py"))
    assert [to_flat(trial)["model"] for trial in sweep.trials] == ["lab.models:Mine", "packaged:Own"]
    assert sweep.code == (tmp_path, folder)  # the first is sent to the nodes of a cluster
    assert [shipping.is_importable(type(trial.model)) for trial in sweep.trials] == [True, False]


def test_a_script_in_a_package_that_does_not_use_it_is_sent_as_its_folder_alone(tmp_path: Path) -> None:
    (tmp_path / "unused").mkdir()
    (tmp_path / "unused" / "__init__.py").touch()
    sweep = load(write(tmp_path / "unused", MODEL + SWEEP))
    assert sweep.code == (tmp_path / "unused", tmp_path)


TINY = """\
from dataclasses import dataclass
import mnist_sweep
from mnist_sweep import Local, RayTune, Sweep, TrialConfig

@dataclass(frozen=True)
class Tiny:
    units: int = 8

    def build(self, image_shape, num_classes):
        import keras
        layers = [keras.Input(image_shape), keras.layers.Flatten(), keras.layers.Dense(self.units, "relu")]
        return keras.Sequential([*layers, keras.layers.Dense(num_classes)])
"""
TINY_SWEEP = 'SWEEP = Sweep(name="tiny", trials=[TrialConfig(model=Tiny(units), num_steps=5) for units in (4, 8)])\n'
NETWORK = f"{TINY}\n{TINY_SWEEP}"
PROGRAMS = {
    "main.py": NETWORK + "mnist_sweep.main(__file__)\n",
    "runs.py": NETWORK + "print(f'ran {mnist_sweep.run(SWEEP, runner=RayTune(num_cpus=1)).num_run} of 2')\n",
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "name"),
    [
        (["main.py"], "main:Tiny"),
        (["runs.py"], "runs:Tiny"),
        (["-m", "mnist_sweep", "run", "runs.py"], "runs:Tiny"),
        (["-"], "<stdin>:Tiny"),
        (["-c", PROGRAMS["runs.py"]], "__main__:Tiny"),
    ],
)
def test_an_unguarded_program_runs_its_own_classes_on_ray_once(tmp_path: Path, words: list[str], name: str) -> None:
    for file, text in PROGRAMS.items():
        (tmp_path / file).write_text(text)
    command, program = [sys.executable, *words], PROGRAMS["runs.py"]
    done = subprocess.run(command, cwd=tmp_path, input=program, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("ran 2 of 2") == 1
    rows = [json.loads(path.read_text()) for path in (tmp_path / "results" / "tiny" / "rows").glob("*.json")]
    assert [(row["status"], row["config"]["model"]) for row in rows] == [("ok", name)] * 2


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("import mnist_sweep\nif __name__ == '__main__':\n    mnist_sweep.main(__file__)", True),
        ("from mnist_sweep import main\nmain(__file__)", True),
        ("import sys\nsys.exit(mnist_sweep.main(__file__))", True),
        ("import mnist_sweep\nmnist_sweep.run(SWEEP)", False),
        ("main()", False),
        ("def", False),
        ("\0", False),
    ],
)
def test_a_program_that_passes_itself_to_main_is_a_sweep_script(tmp_path: Path, text: str, holds: bool) -> None:
    (tmp_path / "program.py").write_text(text)
    assert is_sweep_script(tmp_path / "program.py") is holds
    assert not is_sweep_script(tmp_path / "missing.py")

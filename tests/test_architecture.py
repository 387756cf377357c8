"""Laws of the package's shape: the order of its packages, the size of its parts, and a test file for each module."""

import ast
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

import mnist_sweep

PACKAGE = Path(mnist_sweep.__file__).parent
TESTS = Path(__file__).parent

# Bottom first; a module at the package's root stands for itself.
PACKAGES = [
    "errors",
    "validation",
    "text",
    "system",
    "statistics",
    "data",
    "models",
    "optim",
    "trials",
    "search",
    "results",
    "training",
    "trackers",
    "runners",
    "sweep",
    "tune",
    "planning",
    "analysis",
    "predict",
    "reports",
    "watch",
    "testing",
    "cli",
    "__init__",
    "__main__",
]
LONGEST_CHAIN = 15
HEAVY = {"keras", "mlflow", "optuna", "pandas", "plotly", "ray", "scipy", "sklearn", "tensorflow", "wandb"}


def files() -> dict[str, Path]:
    """Return the file of each module by its name below the package."""
    found = {}
    for path in PACKAGE.rglob("*.py"):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        found[".".join(parts[:-1] if len(parts) > 1 and parts[-1] == "__init__" else parts)] = path
    return found


FILES = files()


def imports(module: str, *, only_when_imported: bool = False, with_types: bool = True) -> Iterator[str]:
    """Yield the full name of everything that a module imports; only what its own import runs, or all that ever runs."""
    nodes: list[ast.AST] = [ast.parse(FILES[module].read_text(encoding="utf-8"))]
    while nodes:
        node = nodes.pop()
        for_types = isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")
        later = for_types or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        if not (only_when_imported and later) and (with_types or not for_types):
            nodes.extend(ast.iter_child_nodes(node))
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} imports by a relative name in line {node.lineno}"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def own_imports(module: str, *, with_types: bool = True) -> set[str]:
    """Return the modules of the package that a module imports, apart from itself."""
    found = set()
    for name in imports(module, with_types=with_types):
        package, _, inner = name.partition(".")
        if package != "mnist_sweep":
            continue
        while inner and inner not in FILES:
            inner = inner.rpartition(".")[0]
        found.add(inner or "__init__")
    return found - {module}


def package(module: str) -> int:
    """Return the place of a module's package."""
    return PACKAGES.index(module.partition(".")[0])


def test_every_package_has_its_place() -> None:
    assert {module.partition(".")[0] for module in FILES} == set(PACKAGES)


@pytest.mark.parametrize("module", sorted(FILES))
def test_module_imports_only_from_its_own_package_and_those_below(module: str) -> None:
    assert {name for name in own_imports(module) if package(name) > package(module)} == set()


def test_no_module_imports_itself_by_way_of_others() -> None:
    done: set[str] = set()

    def visit(module: str, above: tuple[str, ...]) -> None:
        assert module not in above, " <- ".join((module, *above))
        if module not in done:
            for name in own_imports(module):
                visit(name, (module, *above))
            done.add(module)

    for module in FILES:
        visit(module, ())


def test_import_chains_are_short() -> None:
    lengths: dict[str, int] = {}

    def length(module: str) -> int:
        if module not in lengths:
            lengths[module] = 1 + max(map(length, own_imports(module, with_types=False)), default=0)
        return lengths[module]

    assert max(map(length, FILES)) <= LONGEST_CHAIN


def test_no_package_is_crowded() -> None:
    sizes = Counter(path.parent for path in FILES.values() if path.name != "__init__.py")
    assert sizes.pop(PACKAGE) <= 8
    assert max(sizes.values()) <= 20


def test_each_module_has_a_test_file_of_its_own_name() -> None:
    lacking = set()
    for module, path in FILES.items():
        place = TESTS / path.relative_to(PACKAGE).with_name(f"test_{path.name}")
        if path.name not in ("__init__.py", "__main__.py") and not place.exists():
            lacking.add(module)
    assert lacking == set()


MOST_LINES, MOST_PARAMETERS, MOST_SUPPRESSIONS = 45, 7, 19
# Functions that are longer, and what for.
LONGER: dict[str, str] = {}
# Functions with more parameters, and what for.
WIDER: dict[str, str] = {
    "planning.plan_builder.plan": "keywords of the public entry, those of `run` and its own",
    "sweep.execution.run": "keywords of the public entry, of one subject each",
}


def functions() -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    """Yield each function of the package with its name after its module's."""
    for module, path in FILES.items():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield f"{module}.{node.name}", node


def num_parameters(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Return the number of parameters, apart from `self` and `cls`."""
    given = function.args
    names = [argument.arg for argument in (*given.posonlyargs, *given.args, *given.kwonlyargs)]
    return len([name for name in names if name not in ("self", "cls")])


def test_no_function_is_long() -> None:
    long = {name for name, node in functions() if (node.end_lineno or 0) - node.lineno >= MOST_LINES}
    assert long == LONGER.keys()


def test_no_function_has_many_parameters() -> None:
    wide = {name for name, node in functions() if num_parameters(node) > MOST_PARAMETERS}
    assert wide == WIDER.keys()


def test_what_linters_say_is_rarely_overruled() -> None:
    texts = [path.read_text(encoding="utf-8") for path in FILES.values()]
    assert sum(text.count("# noqa") + text.count("type: ignore") for text in texts) <= MOST_SUPPRESSIONS


OF_RAY = {
    f"runners.ray.{name}" for name in ("callback", "experiment", "result_grid", "user_callbacks", "run_scheduler")
}
OF_PANDAS = {
    *(f"analysis.effects.{name}" for name in ("effect", "estimation", "factors", "wording")),
    *(f"analysis.{name}" for name in ("selection_wording", "tuning_curve", "selection", "sweep_diff")),
}
OF_TENSORFLOW = {
    "data.augmentation",
    "models.layers",
    "trackers.tensorboard.layers",
    "trackers.tensorboard.traces",
    "trackers.tensorboard.writer",
    "training.graph_cache",
    "training.checks.repeated_builds",
    "training.checks.refused_losses",
    "training.checks.refused_models",
    "training.network",
    "training.input_pipeline",
    "training.train_step",
}


def test_imports_are_seen_wherever_they_stand() -> None:
    loop, cache = "training.training_loop", "mnist_sweep.training.graph_cache"
    in_a_function, of_a_module, of_a_name = "training.graph_cache", "trials.overrides", "trials.config"
    assert {in_a_function, of_a_module, of_a_name} <= own_imports(loop)
    assert cache in set(imports(loop))
    assert cache not in set(imports(loop, only_when_imported=True))


@pytest.mark.parametrize("module", sorted(FILES.keys() - OF_TENSORFLOW - OF_RAY - OF_PANDAS))
def test_heavy_packages_are_imported_where_they_are_used(module: str) -> None:
    packages = {name.partition(".")[0] for name in {*imports(module, only_when_imported=True)} - {"scipy"}}
    assert packages & HEAVY == set()  # `import scipy` itself is light: its subpackages are imported on first use


def test_only_the_runner_and_the_searcher_know_ray() -> None:
    know = {module for module in FILES if "ray" in {name.partition(".")[0] for name in imports(module)}}
    assert {module for module in know if not module.startswith("runners.ray.")} == {"search.tune_searcher", "tune"}


@pytest.mark.parametrize(
    "statement",
    [
        "import mnist_sweep",
        "from mnist_sweep import TrialConfig, CNN, grid; grid(TrialConfig(), {'model': [CNN(), 'softmax']})",
        "import mnist_sweep.cli.app, mnist_sweep.sweep.script, mnist_sweep.cli.views.status",
    ],
)
def test_driver_is_light(statement: str) -> None:
    code = f"{statement}; import sys; print(sorted({HEAVY!r} & sys.modules.keys()))"
    ended = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "[]"

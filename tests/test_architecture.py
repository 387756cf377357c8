"""The layers of ARCHITECTURE.md: a module imports only from layers below its own, wherever the import stands."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import mnist_sweep

PACKAGE = Path(mnist_sweep.__file__).parent

# Bottom first. The package's own `__init__` is written as "__init__", a subpackage's as the subpackage.
LAYERS = [
    {"errors"},
    {"fields", "files", "registry", "rows", "labels", "figures", "npz"},
    {"row_json"},
    {
        "optim",
        "schedules",
        "models.model",
        "models.layers",
        "models.shapes",
        "artifacts",
        "augmentation",
        "data.dataset",
        "data.idx",
        "data.batches",
        "data.download",
        "lock",
        "interrupts",
        "machine",
        "planned_time",
        "predictions",
    },
    {"data.archive", "ink", "storage", "course", "lookup", "provenance"},
    {
        "models.softmax",
        "models.cnn",
        "models.resnet",
        "data.digits",
        "data.mnist",
        "data.cifar10",
        "checkpoints",
        "experiment",
        "mark",
    },
    {"models", "data"},
    {"config", "ledger", "runtime", "stats", "pictures"},
    {"effects.design", "effects.found", "paired", "scatter"},
    {"effects.anova", "contenders"},
    {
        "space",
        "pending",
        "graphs",
        "initial",
        "trace",
        "probe",
        "frames",
        "export",
        "mistakes",
        "contrast",
        "answers",
        "selected",
    },
    {"effects.factors", "effects.shares", "effects.screen"},
    {"effects.words"},
    {"program"},
    {"changes", "lineage"},
    {"search", "summaries", "selection", "budget"},
    {"warm", "trial_row", "kept_models"},
    {"loop", "table", "compare", "diff", "effects"},
    {"training"},
    {"trial", "plan", "predict", "mend", "merge", "trackers.contents", "trackers.tracker"},
    {
        "replay",
        "runners.runner",
        "progress",
        "stopwatch",
        "trackers.mirror",
        "trackers.mlflow_runs",
        "trackers.wandb_runs",
    },
    {"calibration", "timetable", "trackers"},
    {"disk"},
    {"forecast"},
    {
        "population",
        "runners.proposals",
        "runners.ray_cluster",
        "runners.ray_messenger",
        "runners.ray_search",
        "runners.ray_worker",
        "runners.schedulers",
    },
    {"runners.local", "runners.ray_tune"},
    {"runners", "outlook", "overview", "agenda"},
    {"recorder"},
    {"report.aside", "report.axes", "report.blocks", "report.markup", "report.wording"},
    {"report.plots", "report.results"},
    {"report.listing"},
    {
        "report.agreement",
        "report.confusion",
        "report.coordinates",
        "report.cost",
        "report.curves",
        "report.failures",
        "report.headline",
        "report.html",
        "report.influence",
        "report.markdown",
        "report.origin",
        "report.spending",
        "report.timeline",
    },
    {"report.mistakes"},
    {"report"},
    {"sweep"},
    {"script"},
    {"cli.options", "cli.results"},
    {"cli.planning", "cli.running"},
    {"cli.answers"},
    {"cli"},
    {"__init__", "__main__"},
]
LAYER = {module: number for number, layer in enumerate(LAYERS) for module in layer}
HEAVY = {"keras", "mlflow", "optuna", "pandas", "plotly", "ray", "scipy", "sklearn", "tensorflow", "wandb"}


def files() -> dict[str, Path]:
    """Return the file of each module by its name below the package."""
    found = {}
    for path in PACKAGE.rglob("*.py"):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        found[".".join(parts[:-1] if len(parts) > 1 and parts[-1] == "__init__" else parts)] = path
    return found


FILES = files()


def imports(module: str, *, only_when_imported: bool = False) -> Iterator[str]:
    """Yield the full name of everything that a module imports; all of it, or only what its own import runs."""
    nodes: list[ast.AST] = [ast.parse(FILES[module].read_text(encoding="utf-8"))]
    while nodes:
        node = nodes.pop()
        later = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) or (
            isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")
        )
        if not (only_when_imported and later):
            nodes.extend(ast.iter_child_nodes(node))
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} imports by a relative name in line {node.lineno}"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def own_imports(module: str) -> set[str]:
    """Return the modules of the package that a module imports, apart from itself."""
    found = set()
    for name in imports(module):
        package, _, inner = name.partition(".")
        if package != "mnist_sweep":
            continue
        while inner and inner not in FILES:
            inner = inner.rpartition(".")[0]
        found.add(inner or "__init__")
    return found - {module}


def test_every_module_has_its_layer() -> None:
    assert sorted(FILES) == sorted(LAYER)
    assert sum(map(len, LAYERS)) == len(LAYER)


@pytest.mark.parametrize("module", sorted(FILES))
def test_module_imports_only_from_layers_below_its_own(module: str) -> None:
    assert {name for name in own_imports(module) if LAYER[name] >= LAYER[module]} == set()


OF_RAY = {"runners.ray_messenger", "runners.ray_search"}
OF_TENSORFLOW = {"augmentation", "graphs", "initial", "models.layers", "probe", "program", "summaries", "trace"}


def test_imports_are_seen_wherever_they_stand() -> None:
    assert {"graphs", "runtime", "config"} <= own_imports("warm")  # in a function, of a module, of a name
    assert {"data.download", "data.idx", "errors"} <= own_imports("data.mnist")
    assert "mnist_sweep.program.Program" in set(imports("warm"))
    assert "mnist_sweep.program.Program" not in set(imports("warm", only_when_imported=True))


@pytest.mark.parametrize("module", sorted(FILES.keys() - OF_TENSORFLOW - OF_RAY))
def test_heavy_packages_are_imported_where_they_are_used(module: str) -> None:
    assert {name.partition(".")[0] for name in imports(module, only_when_imported=True)} & HEAVY == set()


def test_only_runners_know_ray() -> None:
    know = {module for module in FILES if "ray" in {name.partition(".")[0] for name in imports(module)}}
    assert {module for module in know if not module.startswith("runners.")} == set()


@pytest.mark.parametrize(
    "statement",
    [
        "import mnist_sweep",
        "from mnist_sweep import TrialConfig, CNN, grid; grid(TrialConfig(), {'model': [CNN(), 'softmax']})",
        "import mnist_sweep.cli, mnist_sweep.script, mnist_sweep.overview",
    ],
)
def test_driver_is_light(statement: str) -> None:
    code = f"{statement}; import sys; print(sorted({HEAVY!r} & sys.modules.keys()))"
    ended = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "[]"

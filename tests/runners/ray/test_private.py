import os
import signal
from pathlib import Path
from types import SimpleNamespace

import pytest
import ray
from ray import _raylet
from ray._common.usage import usage_lib
from ray._private import parameter, ray_constants, services, utils, worker
from ray.air._internal import usage
from ray.air.execution.resources import request
from ray.tune import Callback, registry

from mnist_sweep.runners.ray import private, retries


def test_the_installed_version_is_tested_and_has_every_name() -> None:
    assert private.version_warning() is None
    assert all(private._owner(name) for name in private.NAMES)


def test_an_untested_version_is_named_with_what_it_lacks_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(private, "TESTED_VERSIONS", ("2.59",))
    untested = f"Ray {ray.__version__} is untested, tested is 2.59"
    assert private.version_warning() == untested
    monkeypatch.delattr(worker, "print_to_stdstream")
    assert private.version_warning() == f"{untested}; it lacks ray._private.worker.print_to_stdstream"


def test_node_messages_are_passed_on_and_rays_own_function_is_back_afterwards() -> None:
    messages: list[str] = []
    original = worker.print_to_stdstream
    with private.intercepted_node_messages(messages.append):
        worker.print_to_stdstream({"lines": ["a node", "is lost"]}, ignore_prefix=False)
    assert messages == ["a node\nis lost"]
    assert worker.print_to_stdstream is original


def test_a_ray_is_dead_without_its_gcs_or_raylet_only(monkeypatch: pytest.MonkeyPatch) -> None:
    for dead, name in ((["log_monitor"], None), (["log_monitor", "raylet"], "raylet"), ([], None)):
        own = SimpleNamespace(dead_processes=lambda dead=dead: [(name, None) for name in dead])
        monkeypatch.setattr(worker, "_global_node", own)
        assert private.dead_process() == name
    monkeypatch.setattr(worker, "_global_node", None)
    assert private.dead_process() is None


def test_ray_starts_without_the_processes_that_only_a_dashboard_or_a_cluster_that_grows_needs() -> None:
    before = services.start_api_server, parameter.RayParams
    with private.only_needed_processes(), private.only_needed_processes():
        assert services.start_api_server(False, False, "", "", "", "", "", "", "") == (None, None)
        chosen = parameter.RayParams(num_cpus=2)
        assert chosen.no_monitor
        assert not chosen.include_log_monitor
    assert (services.start_api_server, parameter.RayParams) == before


def test_tune_gathers_nothing_for_a_usage_report_which_would_wait_for_a_gcs_that_has_ended() -> None:
    before = usage.tag_callbacks, usage_lib._internal_kv_put
    with private.frugal_tune():
        assert not usage.tag_callbacks([Callback()])
        assert usage_lib._internal_kv_put(b"key", b"", namespace=b"") is None
        assert not {*before} & {usage.tag_callbacks, usage_lib._internal_kv_put}
    assert (usage.tag_callbacks, usage_lib._internal_kv_put) == before


def test_tune_keeps_what_trials_run_to_itself_and_asks_no_gcs_that_has_ended_for_room(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(worker, "_global_node", SimpleNamespace(dead_processes=lambda: [("gcs_server", None)]))
    before = registry._internal_kv_initialized, request.placement_group
    with private.frugal_tune():
        assert not registry._internal_kv_initialized()
        with pytest.raises(retries.BrokenRay, match="gcs_server"):
            request.placement_group([{"CPU": 1}])
    assert (registry._internal_kv_initialized, request.placement_group) == before


@pytest.mark.parametrize("has_agents", [True, False])
def test_a_raylet_has_no_python_process_for_an_agent_that_nobody_asks(
    monkeypatch: pytest.MonkeyPatch, has_agents: bool
) -> None:
    started: list[list[str]] = []
    monkeypatch.setattr(services, "start_ray_process", lambda command, process_type, **_: started.append(command))
    command = ["raylet", "--dashboard_agent_command=python agent.py", "--metrics-agent-port=0", "--head"]
    with private.only_needed_processes(has_agents=has_agents):
        services.start_ray_process(command, "raylet")
        services.start_ray_process(command, "gcs_server")
    changed = ["raylet", "--head", *map("=".join, private.WITHOUT_AGENTS.items())]
    assert started == [command if has_agents else changed, command]


def test_the_class_of_an_actor_without_an_environment_is_made_once() -> None:
    with private.actors_without_environment():
        classes = private.found(private.ACTOR_CLASSES)()
        first, second = (classes.get(SimpleNamespace) for _ in range(2))
    assert first is second
    assert not first._default_options.get("runtime_env")


def test_a_sigterm_handler_outlives_the_start_of_ray() -> None:
    def own(*_: object) -> None:
        pass

    before = signal.signal(signal.SIGTERM, own)
    try:
        with private.kept_sigterm_handler():
            utils.set_sigterm_handler(signal.SIG_DFL)
            assert signal.getsignal(signal.SIGTERM) is own
            signal.signal(signal.SIGTERM, signal.SIG_DFL)  # as Ray's native code does
        assert signal.getsignal(signal.SIGTERM) is own
    finally:
        signal.signal(signal.SIGTERM, before)


def test_a_version_without_the_private_functions_is_used_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(worker, "print_to_stdstream")
    monkeypatch.delattr(utils, "set_sigterm_handler")
    before = signal.getsignal(signal.SIGTERM)
    with private.intercepted_node_messages(lambda _: None), private.kept_sigterm_handler():
        signal.signal(signal.SIGTERM, lambda *_: None)
    assert signal.getsignal(signal.SIGTERM) is before
    assert not hasattr(worker, "print_to_stdstream")


def test_a_worker_is_live_while_it_starts_or_runs() -> None:
    manager = SimpleNamespace(live_actors=["1"])
    controller = SimpleNamespace(_actor_manager=manager, _trial_to_actor={"runs": "1", "waits": "2"})
    has_live_worker = private.has_live_worker(controller)
    assert [has_live_worker(trial) for trial in ("runs", "waits", "new")] == [True, False, False]


@pytest.mark.parametrize("controller", [SimpleNamespace(), SimpleNamespace(_actor_manager=object())])
def test_no_worker_of_a_controller_without_the_private_names_is_taken_for_live(controller: object) -> None:
    assert not private.has_live_worker(controller)("trial")


def test_ray_still_reads_the_variables_of_a_ray_that_is_started_here() -> None:
    assert private.LOCAL[ray_constants.ENABLE_RAY_CLUSTERS_ENV_VAR] == "0"  # keeps it on loopback
    code = Path(_raylet.__file__).read_bytes() + Path(ray_constants.__file__).read_bytes()
    assert [name for name in private.LOCAL if name.removeprefix("RAY_").encode() not in code] == []


@pytest.mark.parametrize(("length", "is_short"), [(10, False), (30, False), (31, True), (200, True)])
def test_a_long_temporary_folder_is_replaced_while_ray_starts(
    monkeypatch: pytest.MonkeyPatch, length: int, is_short: bool
) -> None:
    monkeypatch.delenv("RAY_TMPDIR", raising=False)
    monkeypatch.setenv("TMPDIR", "/" + "a" * (length - 1))
    with private.short_temporary_folder():
        folder = os.environ.get("RAY_TMPDIR")
        assert (folder is not None) == is_short
        if folder:
            assert len(folder) <= private.MAX_TMPDIR
            assert Path(folder).stat().st_mode & 0o077 == 0
    assert "RAY_TMPDIR" not in os.environ
    assert not (folder and Path(folder).exists())


def test_a_temporary_folder_that_the_user_chose_for_ray_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", "/" + "a" * 200)
    monkeypatch.setenv("RAY_TMPDIR", "/chosen")
    with private.short_temporary_folder():
        assert os.environ["RAY_TMPDIR"] == "/chosen"

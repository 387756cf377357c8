from pathlib import Path

from mnist_sweep import GradientDescent, TrialConfig, to_flat, trial_id
from mnist_sweep.errors import LedgerError
from mnist_sweep.search import pending_proposals
from tests.conftest import Refused

TRIALS = [TrialConfig(), TrialConfig(optimizer=GradientDescent(), seed=1)]


def test_pending_trials_are_read_back_until_they_are_deleted(tmp_path: Path) -> None:
    assert pending_proposals.read(tmp_path) == {}
    for trial in TRIALS:
        pending_proposals.write(tmp_path, trial)
    assert pending_proposals.read(tmp_path) == {trial_id(trial): to_flat(trial) for trial in TRIALS}
    pending_proposals.delete(tmp_path, trial_id(TRIALS[0]))
    pending_proposals.delete(tmp_path, trial_id(TRIALS[0]))
    assert list(pending_proposals.read(tmp_path)) == [trial_id(TRIALS[1])]


def test_a_proposal_that_cannot_be_removed_is_one_line(tmp_path: Path, refused: Refused) -> None:
    (tmp_path / "proposals").touch()
    with refused(LedgerError, "the proposal a-0 in", "proposals cannot be removed (Not a directory)."):
        pending_proposals.delete(tmp_path, "a-0")


def test_a_file_that_is_being_written_is_no_proposal(tmp_path: Path) -> None:
    pending_proposals.write(tmp_path, TRIALS[0])
    (tmp_path / "proposals" / ".x.json").write_text("{")
    assert len(pending_proposals.read(tmp_path)) == 1

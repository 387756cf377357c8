"""Laws of a proposal: what it does and takes, in a few words."""

from mnist_sweep.analysis.proposal_in_words import ProposedRun


def test_a_proposal_says_what_it_does_and_takes() -> None:
    seeds = ProposedRun(
        kind="seeds", num_trials=4, seconds=90.0, config_ids=("a", "b"), seeds=3, command=(), reason="tied"
    )
    search = ProposedRun(kind="search", num_trials=1, seconds=None, command=(), reason="more")
    assert seeds.task == "2 configs with 3 seeds each"
    assert seeds.cost == "4 more trials, about 1 min 30 s besides start-up"
    assert (search.task, search.cost) == ("1 trial more of the search", "1 trial")

"""Laws of ids: they never change, and a trial's holds its config's."""

import hashlib

from mnist_sweep.trials.ids import config_of, flat_id, trial_name


def test_id_of_a_flat_form_is_the_hash_of_its_canonical_json() -> None:
    assert flat_id({}) == hashlib.sha256(b"{}").hexdigest()[:12]
    assert (
        flat_id({"b": 1, "a": [0.1, None, "é"]}) == hashlib.sha256(b'{"a":[0.1,null,"\\u00e9"],"b":1}').hexdigest()[:12]
    )


def test_id_of_a_trial_holds_that_of_its_config() -> None:
    assert config_of(trial_name("2ad0b931443d", 7)) == "2ad0b931443d"

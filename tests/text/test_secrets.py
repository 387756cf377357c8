"""Laws of secrets: none is left, and nothing else goes."""

import pytest

from mnist_sweep.text.secrets import without_secrets


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        ("run x.py --address ray://10.0.0.1:10001 --seeds 3", "run x.py --address *** --seeds 3"),
        ("run x.py --address=ray://10.0.0.1:10001", "run x.py --address=***"),
        ("run --storage s3://key:secret@bucket/x", "run --storage s3://***@bucket/x"),
        ("run --storage=s3://key:secret@bucket/x", "run --storage=s3://***@bucket/x"),
        ("run https://me:p@ss:word@host/x", "run https://***@host/x"),
        ("run https://host/x?sig=secret", "run https://host/x?***"),
        ("run --storage=s3://a:b@c/x?key=secret", "run --storage=s3://***@c/x?***"),
        ("run --api-key secret --wandb-token=secret", "run --api-key *** --wandb-token=***"),
        ("run x.py --notify https://host/secret", "run x.py --notify ***"),
        ("run --address --token secret", "run --address --token ***"),
        ("run x.py --seeds 3 a@b.c", "run x.py --seeds 3 a@b.c"),
        ("run s3://bucket/path", "run s3://bucket/path"),
    ],
)
def test_secrets_leave_a_command_line_and_nothing_else_does(command: str, shown: str) -> None:
    assert " ".join(without_secrets(command.split())) == shown

"""The file of the cluster's secret: what it may hold, and that it is shown nowhere."""

from pathlib import Path

import pytest

from lastword.access.secret import FILE_BYTES_MAX, SECRETS_MAX, load_keys, others_may_use
from lastword.errors import ConfigError

SECRET = "5e" * 32


def written(folder: Path, text: str) -> Path:
    path = folder / "secret"
    path.write_text(text)
    return path


def test_each_line_is_a_secret_of_its_own(tmp_path: Path) -> None:
    first, second = load_keys(written(tmp_path, f"# of 2026\n{SECRET}\n\n  {'ab' * 32}  \n"))
    assert (first,) == load_keys(written(tmp_path, SECRET))
    assert len({first.message, first.reply, second.message, second.reply}) == 4
    assert SECRET not in repr(first)
    assert first.message.hex() not in repr(first)


@pytest.mark.parametrize(
    "text",
    ["", "\n", "# nothing\n", "short", SECRET + "\nshort", f"{SECRET}\n" * (SECRETS_MAX + 1),
     SECRET * (FILE_BYTES_MAX // len(SECRET) + 1)],
)  # fmt: skip
def test_a_file_without_good_secrets_is_refused_and_not_quoted(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError) as raised:
        load_keys(written(tmp_path, text))
    assert SECRET not in str(raised.value)
    assert "openssl rand" in raised.value.hint


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file"):
        load_keys(tmp_path / "none")


def test_a_file_that_others_may_read_or_write_is_known(tmp_path: Path) -> None:
    path = written(tmp_path, SECRET)
    path.chmod(0o600)
    assert not others_may_use(path)
    for mode in (0o640, 0o604, 0o620, 0o602):
        path.chmod(mode)
        assert others_may_use(path)
    path.unlink()
    assert not others_may_use(path)

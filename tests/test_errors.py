"""What a command says where the system refuses: one line, an exit code, and no traceback unless asked for."""

from __future__ import annotations

import errno

import pytest

from workflow_scripts import errors


def ended(problem: BaseException, capsys) -> str:
    def fail():
        raise problem

    with pytest.raises(SystemExit) as end:
        errors.run(fail)
    assert end.value.code == 2
    return capsys.readouterr().err


@pytest.mark.parametrize(
    ("problem", "words"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "a.pt"), "a.pt: No space left on device; make room"),
        (PermissionError(errno.EACCES, "Permission denied", "b"), "b: Permission denied; change the permissions"),
        (OSError(errno.EFBIG, "File too large"), "error: File too large; a limit on the size"),
        (OSError("odd"), "error: odd; set NS_DEBUG=1"),
        (MemoryError(), "the memory is used up"),
    ],
)
def test_an_error_of_the_system_is_one_line(problem, words, capsys, monkeypatch):
    monkeypatch.delenv(errors.DEBUG, raising=False)
    said = ended(problem, capsys)
    assert words in said
    assert said.count("\n") == 1


def test_with_debugging_it_is_shown_as_it_is(monkeypatch):
    monkeypatch.setenv(errors.DEBUG, "1")
    with pytest.raises(MemoryError):
        errors.run(lambda: (_ for _ in ()).throw(MemoryError()))

"""Completion in the real shells, as far as they are installed."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import imgfilt

ASKING = {
    # the words so far, the last one unfinished, are in $1, $2, ...; every offer is printed on a line of its own
    "bash": """source ./script
compopt() { COMPREPLY=($(compgen -f -- "${COMP_WORDS[COMP_CWORD]}")); }
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE="$*"; COMP_POINT=${#COMP_LINE}
_imgfilt_completion imgfilt; printf '%s\\n' "${COMPREPLY[@]}" """,
    "zsh": """compdef() { }; _describe() { print -l -- "${(@P)3}" }
compadd() { local n=$argv[-1]; print -l -- "${(@P)n}" }; _path_files() { print -l -- *(N) }
source ./script; words=("$@"); CURRENT=$#; _imgfilt_completion""",
    "fish": 'source ./script; complete -C "$argv"',
}


@pytest.fixture(params=["bash", "zsh", "fish"])
def offers(request, tmp_path, monkeypatch):
    shell = request.param
    if shutil.which(shell) is None:
        pytest.skip(f"needs {shell}")
    (tmp_path / "bin").mkdir()
    command = tmp_path / "bin" / "imgfilt"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -P -m imgfilt "$@"\n')
    command.chmod(0o755)
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "photo.jpg").touch()
    env = os.environ | {
        "PATH": f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(Path(imgfilt.__file__).parent.parent),
        "HOME": str(tmp_path),
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
    }

    def run(*words):
        return subprocess.run(
            words, cwd=tmp_path / "here", env=env, capture_output=True, text=True, timeout=60
        )

    script = run("imgfilt", "completion", shell)
    assert (script.returncode, script.stderr) == (0, "")
    (tmp_path / "here" / "script").write_text(script.stdout)

    def ask(*words):
        options = {"bash": ["--norc", "-c"], "zsh": ["-f", "-c"], "fish": ["--no-config", "-c"]}[shell]
        names = [] if shell == "fish" else [shell]
        done = run(shell, *options, ASKING[shell], *names, *words) if names else run(
            shell, *options, ASKING[shell], " ".join(words)
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert "rror" not in done.stderr
        return {
            line.split("\t")[0].split(":")[0].strip() for line in done.stdout.splitlines() if line.strip()
        }

    return ask


def test_commands_options_and_values(offers):
    assert {"gaussian", "gabor"} == {word for word in offers("imgfilt", "ga") if word.startswith("g")}
    assert {"apply", "run", "sobel", "completion"} <= offers("imgfilt", "")
    assert "--sigma" in offers("imgfilt", "gaussian", "--si")
    assert {"x", "y", "both"} <= offers("imgfilt", "sobel", "--axis", "")
    assert {"replicate", "reflect"} <= offers("imgfilt", "sobel", "--border", "re")
    assert "unsharp_mask" in offers("imgfilt", "show", "uns")


def test_inputs_are_files(offers):
    assert "photo.jpg" in offers("imgfilt", "sobel", "ph")
    assert "photo.jpg" in offers("imgfilt", "run", "ph")

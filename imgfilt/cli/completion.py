"""`completion`: the script with which a shell completes commands, options and their values."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

_HELP = """Prints the script that makes a shell complete imgfilt's commands, filters, options and values with Tab.

\b
bash, in ~/.bashrc:
  eval "$(imgfilt completion bash)"
zsh, in ~/.zshrc after compinit:
  eval "$(imgfilt completion zsh)"
fish, once:
  imgfilt completion fish > ~/.config/fish/completions/imgfilt.fish
"""


def _completion(shell: str) -> None:
    found = get_completion_class(shell)
    assert found is not None
    root = click.get_current_context().find_root().command
    click.echo(found(root, {}, "imgfilt", "_IMGFILT_COMPLETE").source())


completion_command = click.Command(
    "completion",
    params=[click.Argument(["shell"], type=click.Choice(["bash", "zsh", "fish"]))],
    callback=_completion,
    help=_HELP,
)

"""The command line: parse, call, print.

One small file a command, with `add_arguments(parser)` and `run(args) -> int`; to add one is to add a file and a row in
`COMMANDS`. Only the file of the command that was asked for is imported, and nothing here imports torch: help, `check`,
`fields` and `plan` answer at once.

Exit codes: 0 done, 1 failed, 2 bad input, 130 interrupted.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import os
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from animate import __version__
from animate.errors import AnimateError, near

INTERRUPTED = 130
"""128 + SIGINT, as shells count."""


@dataclass(frozen=True)
class Command:
    """One row of the list of commands."""

    group: str
    summary: str
    module: str
    """Module in this package that holds `add_arguments` and `run`."""


COMMANDS: Mapping[str, Command] = MappingProxyType(
    {
        "init": Command("write a schedule", "write a commented schedule to start from", "init"),
        "check": Command("write a schedule", "list every mistake, or show what the schedule does", "check"),
        "plot": Command("write a schedule", "draw its curves and prompts (png, svg, html)", "plot"),
        "preview": Command("write a schedule", "show the motion alone, without a model", "preview"),
        "listen": Command("write a schedule", "hear tempo, beats and energies of a sound file", "listen"),
        "plan": Command("write a schedule", "print every value of every frame (json, csv)", "plan"),
        "diff": Command("write a schedule", "tell what changes between two schedules", "diff"),
        "import": Command("write a schedule", "turn an old Deforum settings file into a clean schedule", "import_file"),
        "render": Command("make a video", "render a schedule to a video", "render"),
        "resume": Command("make a video", "go on with a render that was interrupted", "resume"),
        "walk": Command("make a video", "walk from prompt to prompt through the latent space", "walk"),
        "restyle": Command("make a video", "restyle a film, with its rate and its sound", "restyle"),
        "batch": Command("make a video", "render many schedules one after the other", "batch"),
        "interpolate": Command("make a video", "fill in-betweens into a video, a folder or stills", "interpolate"),
        "depth": Command("make a video", "tell how near everything is in a picture or video", "depth"),
        "compare": Command("look something up", "measure flicker and change between two videos", "compare"),
        "flow": Command("look something up", "show how a video moves, and where that is trusted", "flow"),
        "fields": Command("look something up", "explain the fields of a schedule", "fields"),
        "info": Command("look something up", "read back what made a picture or video", "info"),
        "models": Command("look something up", "list the models, and verify them", "models"),
        "doctor": Command("look something up", "tell what will work on this computer", "doctor"),
    }
)
"""Every command by its name, in the order of the help."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, ValueError):
            stream.reconfigure(errors="replace")  # type: ignore[union-attr]  # a Windows console may not know "×"
    words = list(sys.argv[1:] if argv is None else argv)
    if not words or words[0] in ("-h", "--help", "help"):
        return _help(words[1:])
    if words[0] in ("-V", "--version"):
        print(f"animate {__version__}")
        return 0
    name, rest = words[0], words[1:]
    if name not in COMMANDS:
        hint = near(name, COMMANDS, "`animate --help` lists them")
        print(f"animate: there is no command `{name}` ({hint})", file=sys.stderr)
        return 2
    return _run(name, rest)


def _help(words: Sequence[str]) -> int:
    if words and words[0] in COMMANDS:
        return _run(words[0], ["--help"])
    print("Turns a YAML keyframe schedule into a video with diffusion models.\n\nusage: animate COMMAND …")
    group = ""
    for name, command in COMMANDS.items():
        if command.group != group:
            group = command.group
            print(f"\n{group}")
        print(f"  {name:<{max(map(len, COMMANDS)) + 1}} {command.summary}")
    print("\n`animate COMMAND --help` explains one of them. To begin:\n")
    print("  animate init first.yaml\n  animate render first.yaml -o first")
    return 0


def _run(name: str, words: Sequence[str]) -> int:
    module = importlib.import_module(f"{__name__}.{COMMANDS[name].module}")
    parser = argparse.ArgumentParser(
        prog=f"animate {name}",
        description=(module.__doc__ or "").strip(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    module.add_arguments(parser)
    parser.add_argument("--debug", action="store_true", help="show where in the program an error arose")
    try:
        args = parser.parse_args(words)
    except SystemExit as leaving:  # argparse has already said why
        return int(leaving.code or 0)
    return _guarded(module.run, args)


def _guarded(run: Callable[[argparse.Namespace], int], args: argparse.Namespace) -> int:
    """What `run` returns, or the code of the error it ended with, told on stderr without a traceback."""
    try:
        code = run(args)
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        print("\nInterrupted.", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our output went away (`animate plan … | head`): nothing is wrong
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        if args.debug:
            traceback.print_exc()
        else:
            print(_told(error), file=sys.stderr)
        return error.exit_code if isinstance(error, AnimateError) else 1


def _told(error: Exception) -> str:
    """What an error tells the user."""
    if isinstance(error, AnimateError):
        return str(error)
    if isinstance(error, OSError):
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror or str(error)
    return f"unexpected {type(error).__name__}: {error} (a fault of animate; --debug shows where)"

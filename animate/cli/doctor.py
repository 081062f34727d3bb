"""Tell what will work on this computer, and what not: device, memory, ffmpeg's encoders, models, optional packages."""

from __future__ import annotations

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    del parser  # nothing to ask


def run(args: argparse.Namespace) -> int:
    from animate.render.doctor import doctor

    group = ""
    found = doctor()
    width = max(len(finding.name) for finding in found)
    for finding in found:
        if finding.group != group:
            group = finding.group
            print(f"\n{group}" if finding is not found[0] else group)
        print(f"  {'✓' if finding.ok else '✗'} {finding.name:<{width}}  {finding.text}".rstrip())
    return 0

"""Averages packages that were trained from one another, tensor by tensor.

usage: average.py TARGET PACKAGE=SHARE...

Runs from one start lie in one basin of the loss, and the mean of their weights is often better than each of them, most
of all on texts that none of them was trained for (Wortsman et al., "Model soups", ICML 2022). Shares are relative to
their sum. Config and tokenizer are those of the first package. Average before the weights of the transitions are fitted:
those fold into the heads.
"""
import argparse
from pathlib import Path

import package


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("target")
    parser.add_argument("packages", nargs="+", metavar="PACKAGE=SHARE")
    args = parser.parse_args()
    parts = [part.rpartition("=") for part in args.packages]
    directories = [directory for directory, _, _ in parts]
    tensors = averaged([package.unpacked(directory) for directory in directories], [float(s) for _, _, s in parts])
    package.save(args.target, tensors, package.config_of(directories[0]), Path(directories[0]) / "tokenizer.json")


def averaged(packages, shares):
    """The weighted mean of tensors by name."""
    names = set(packages[0])
    for other in packages[1:]:
        if set(other) != names:
            raise SystemExit(f"the packages hold different tensors: {sorted(names ^ set(other))}")
    whole = sum(shares)
    return {name: sum(share / whole * tensors[name] for share, tensors in zip(shares, packages)) for name in names}


if __name__ == "__main__":
    main()

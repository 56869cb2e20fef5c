"""Unpacks what a C++ program needs of PyTorch's wheels: unpack-libtorch.py WHEELS LIBTORCH.

WHEELS is a folder of wheels; LIBTORCH receives lib/, include/, build-version and the licence texts.
"""

import re
import shutil
import sys
import zipfile
from pathlib import Path

# The first rule that matches a file of a wheel says where it goes.
RULES = [
    (re.compile(pattern), target)
    for pattern, target in [
        (r"torch/include/(.+)", r"include/\1"),
        (r"torch/lib/(libtorch_cpu\.so|libc10\.so|libgomp-[^/]+)", r"lib/\1"),
        (r"torch\.libs/([^/]+)", r"lib/\1"),
        (r"nvidia/[^/]+/lib/(libcupti\.so\.12|libcudart\.so\.12)", r"lib/\1"),
        (r"torch-[^/]+\.dist-info/(LICENSE|NOTICE)", r"\1"),
    ]
]


def target_of(name):
    for pattern, target in RULES:
        match = pattern.fullmatch(name)
        if match:
            return match.expand(target)
    return None


def unpack(wheel, libtorch):
    with zipfile.ZipFile(wheel) as archive:
        for entry in archive.infolist():
            target = target_of(entry.filename)
            if target is None or entry.is_dir() or ".." in target.split("/"):
                continue
            path = libtorch / target
            path.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(entry) as source, path.open("wb") as sink:
                shutil.copyfileobj(source, sink, 1 << 20)


def main():
    wheels, libtorch = Path(sys.argv[1]), Path(sys.argv[2])
    for wheel in sorted(wheels.glob("*.whl")):
        unpack(wheel, libtorch)
    # The wheel's own libtorch.so asks for CUDA on x86-64 and adds nothing to libtorch_cpu.so.
    (libtorch / "lib" / "libtorch.so").symlink_to("libtorch_cpu.so")
    version = next(wheels.glob("torch-*.whl")).name.split("-")[1]
    (libtorch / "build-version").write_text(version + "\n")


if __name__ == "__main__":
    main()

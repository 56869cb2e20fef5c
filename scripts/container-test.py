"""Builds the image and runs it, alone and as the chart renders it: container-test.py.

No registry and no cluster is needed. The final stage of the Dockerfile is built as it stands; what its builder stage
makes is taken from target/release and from the libtorch of this machine, and a root made of Debian packages stands in
for the distroless base. Everything lies in a folder of its own, which is gone at the end, also after a failure.
"""

import copy
import functools
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import tomllib
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
HELM = ROOT / "target" / "tools" / "bin" / "helm"
PROGRAM = Path(os.environ.get("TAGWERK", ROOT / "target" / "release" / "tagwerk"))
RELEASE, NAMESPACE = "tagger", "news"
VALUES = {"auth": {"insecure": True}, "monitoring": {"rules": {"enabled": True}, "serviceMonitor": {"enabled": True}}}
# The base of the Dockerfile, and the Debian packages of which it is made as far as the program needs it.
BASE = "gcr.io/distroless/cc-debian12:nonroot"
PACKAGES = ["libc6", "libstdc++6", "libgcc-s1", "ca-certificates"]
USER = 65532
# The program in the image.
PLACED = "/usr/local/bin/tagwerk"
# How docs/container.md runs the image. Podman alone would add writable folders in memory.
LOCKED = ["--read-only", "--read-only-tmpfs=false", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"]
TEXT = "Die Gewerkschaft lobt den Vorschlag von Ministerin Petra Lindner.\n"
NAMED = "Petra Lindner"

NEEDED = {
    "podman": ["podman"], "buildah": ["buildah"], "runc": ["runc"], "catatonit": ["catatonit"],
    "netavark": ["netavark", "/usr/lib/podman/netavark", "/usr/libexec/podman/netavark"], "iptables": ["iptables"],
    "prometheus": ["prometheus"], "apt-get": ["apt-get"], "strip": ["strip"],
}


class Failed(Exception):
    """What a check found wrong."""


def require(condition, message):
    if not condition:
        raise Failed(message)


def run(*command, **options):
    return subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False, **options)


def done(*command, **options):
    """What a command prints that has to succeed."""
    result = run(*command, **options)
    require(result.returncode == 0, f"{' '.join(map(str, command))}: exit code {result.returncode}\n{result.stderr}")
    return result.stdout.strip()


def until(condition, seconds, what):
    """The first true value of the condition; it is asked again and again for so many seconds."""
    end = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        require(time.monotonic() < end, f"not within {seconds} s: {what}")
        time.sleep(0.2)


def get(url, timeout=5):
    """Status and body of an answer over HTTP; status 0 where there is none."""
    try:
        with urllib.request.urlopen(url, timeout=timeout) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError as error:
        return 0, str(error)


def mib(size):
    return f"{size / 2**20:.0f} MiB"


def stages():
    """The instructions of each stage of the Dockerfile, continued lines joined."""
    text = re.sub(r"^\s*#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)
    lines = re.sub(r"\\\n\s*", "", text).splitlines()
    found = []
    for line in filter(None, lines):
        if line.startswith("FROM "):
            found.append([])
        found[-1].append(line)
    require(len(found) == 2 and found[1][0] == f"FROM {BASE}", "the Dockerfile has other stages than this script knows")
    return found


def libtorch():
    """The folder of libtorch with which the program was built."""
    named = os.environ.get("LIBTORCH")
    if not named:
        settings = ROOT / ".cargo" / "config.toml"
        require(settings.exists(), "there is no .cargo/config.toml; make setup writes it")
        named = tomllib.loads(settings.read_text()).get("env", {}).get("LIBTORCH")
    require(named, "nothing names a libtorch; make setup does")
    return Path(named)


def container_of(deployment):
    [container] = deployment["spec"]["template"]["spec"]["containers"]
    return container


class Place:
    """A folder with images, containers and a network that belong to this run alone."""

    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="container-test-", dir=ROOT / "target"))
        self.network = f"tagwerk-test-{os.getpid()}"
        # Podman takes folders beside it for images that are to be built.
        self.empty = self.folder / "empty"
        self.empty.mkdir()
        self.processes = []
        self.pods = {}
        engine = self.folder / "containers.conf"
        storage = self.folder / "storage.conf"
        # Limits of its own, since those of the system are higher than what some machines allow. One of the locks
        # would otherwise be shared with the containers of the user.
        engine.write_text(
            '[containers]\ndefault_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]\nlog_driver = "k8s-file"\n'
            '[engine]\nruntime = "runc"\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\nlock_type = "file"\n'
            f'tmp_dir = "{self.folder}/tmp"\n'
            f'[network]\nnetwork_backend = "netavark"\nnetwork_config_dir = "{self.folder}/networks"\n'
        )
        storage.write_text(
            f'[storage]\ndriver = "overlay"\ngraphroot = "{self.folder}/images"\nrunroot = "{self.folder}/run"\n'
        )
        self.environment = os.environ | {
            "CONTAINERS_CONF": str(engine), "CONTAINERS_STORAGE_CONF": str(storage), "BUILDAH_ISOLATION": "chroot",
            "TMPDIR": str(self.empty),
        }

    @functools.cached_property
    def objects(self):
        """What the chart makes of its default values, but for who may call and what watches."""
        command = [HELM, "template", RELEASE, ROOT / "helm" / "tagwerk", "--namespace", NAMESPACE, "--values", "-"]
        return [each for each in yaml.safe_load_all(done(*command, input=json.dumps(VALUES))) if each]

    def object(self, kind, name=f"{RELEASE}-tagwerk"):
        """The one object of the chart of this kind and name."""
        [found] = [each for each in self.objects if each["kind"] == kind and each["metadata"]["name"] == name]
        return found

    def podman(self, *arguments, **options):
        return run("podman", *arguments, env=self.environment, cwd=self.empty, **options)

    def ask(self, *arguments, **options):
        return done("podman", *arguments, env=self.environment, cwd=self.empty, **options)

    def build(self, context, *arguments):
        return done("buildah", "build", "--quiet", *arguments, context, env=self.environment, cwd=self.empty)

    def inspect(self, name):
        [found] = json.loads(self.ask("inspect", name))
        return found

    def address(self, name):
        """Where a container is found in the network of this run."""
        return self.inspect(name)["NetworkSettings"]["Networks"][self.network]["IPAddress"]

    def tag(self, address):
        """Has a text tagged, by the image's own client in a container beside the server's."""
        options = ["run", "--rm", "--interactive", "--network", self.network, "--no-healthcheck", *LOCKED, self.image]
        client = ["tag", "--server", f"http://{address}:50051", "--format", "json", "-"]
        answer = json.loads(self.ask(*options, *client, input=TEXT))
        names = [mention["text"] for mention in answer["mentions"]]
        require(NAMED in names, f"the answer names {names} and not {NAMED}")

    def start(self, *command):
        log = (self.folder / f"{Path(command[0]).name}.log").open("w")
        command = [str(part) for part in command]
        self.processes.append(subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT))
        return Path(log.name)

    def logs(self):
        """The last lines of what the containers wrote."""
        names = self.podman("ps", "--all", "--format", "{{.Names}}").stdout.split()
        parts = [(name, self.podman("logs", "--tail", "20", name)) for name in names]
        return "\n".join(f"{name}:\n{part.stdout}{part.stderr}" for name, part in parts)

    def clear(self):
        for process in self.processes:
            process.kill()
            process.wait()
        self.podman("pod", "rm", "--force", "--all", "--time", "1")
        self.podman("rm", "--force", "--all", "--time", "1")
        self.podman("network", "rm", "--force", self.network)
        mounts = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
        for path in reversed(mounts):
            if Path(path).is_relative_to(self.folder):
                run("umount", "--lazy", path)
        shutil.rmtree(self.folder)


# The image.


def sources(place):
    """what the builder stage copies is all that cargo wants"""
    copies = [line for line in stages()[0] if line.startswith(("WORKDIR ", "COPY "))]
    file, out = place.folder / "sources", place.folder / "builder-root"
    file.write_text("\n".join(["FROM scratch", *copies]) + "\n")
    place.build(ROOT, "--file", file, "--output", f"type=local,dest={out}")
    tree = out / "build"
    require(os.access(tree / "scripts" / "libtorch.sh", os.X_OK), "scripts/libtorch.sh cannot be run there")
    command = ["cargo", "metadata", "--locked", "--offline", "--no-deps", "--format-version", "1"]
    [package] = json.loads(done(*command, cwd=tree))["packages"]
    # Cargo looks at a file only when it builds the target, and the image has one target alone.
    missing = [target["src_path"] for target in package["targets"] if not Path(target["src_path"]).exists()]
    require(not missing, f"Cargo.toml names what is not copied: {missing}")
    for file in (tree / "src").rglob("*.rs"):
        for name in re.findall(r'include_(?:str|bytes)!\("([^"]+)"\)', file.read_text()):
            require((file.parent / name).exists(), f"{file.relative_to(tree)} includes {name}, which is not copied")
    return f"{sum(path.is_file() for path in tree.rglob('*'))} files, {len(package['targets'])} targets"


def base(place):
    root = place.folder / "base"
    packages = place.folder / "packages"
    packages.mkdir()
    done("apt-get", "--quiet", "download", *PACKAGES, cwd=packages)
    for package in packages.iterdir():
        done("dpkg-deb", "--extract", package, root)
    for name in ("doc", "man", "locale"):
        shutil.rmtree(root / "usr" / "share" / name, ignore_errors=True)
    authorities = sorted((root / "usr" / "share" / "ca-certificates").rglob("*.crt"))
    bundle = root / "etc" / "ssl" / "certs" / "ca-certificates.crt"
    bundle.parent.mkdir(parents=True, exist_ok=True)
    bundle.write_text("".join(file.read_text() for file in authorities))
    (root / "etc" / "passwd").write_text(
        f"root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:{USER}:{USER}:nonroot:/home/nonroot:/sbin/nologin\n"
    )
    (root / "tmp").mkdir()
    (root / "tmp").chmod(0o1777)
    file = place.folder / "base.Containerfile"
    file.write_text(f"FROM scratch\nCOPY . /\nENV SSL_CERT_FILE=/{bundle.relative_to(root)}\nUSER {USER}\n")
    place.build(root, "--file", file, "--tag", "localhost/base")
    [libc] = packages.glob("libc6_*")
    return libc.name.split("_")[1]


def image(place):
    """the final stage of the Dockerfile is built as it stands"""
    require(PROGRAM.exists(), f"there is no {PROGRAM}; make build makes it")
    require("⟦panic⟧".encode() not in PROGRAM.read_bytes(), f"{PROGRAM} fails on demand (feature faults): make build")
    libc = base(place)
    builder = place.folder / "builder"
    # The libraries as the builder stage takes them: by its own commands, on this machine's paths.
    [line] = [line for line in stages()[0] if line.startswith("RUN scripts/libtorch.sh ")]
    commands = line.removeprefix("RUN scripts/libtorch.sh && ")
    commands = commands.replace("/opt/tagwerk/libtorch-*", str(libtorch())).replace("/image", f"{builder}/image")
    done("sh", "-ec", commands)
    (builder / "image" / "bin").mkdir()
    shutil.copy(PROGRAM, builder / "image" / "bin" / "tagwerk")
    # The name under which the chart looks for it by default.
    name = container_of(place.object("Deployment"))["image"]
    place.image = f"localhost/{name}"
    stand_ins = ["--build-context", f"builder={builder}", "--build-context", f"{BASE}=container-image://localhost/base"]
    # The default format of buildah and podman has no room for the health check.
    place.build(ROOT, "--format", "docker", *stand_ins, "--tag", place.image)
    made = place.inspect(place.image)
    require(made["Config"]["User"] == f"{USER}:{USER}", f"it runs as {made['Config']['User']!r}")
    sizes = {part: sum(file.stat().st_size for file in files if not file.is_symlink()) for part, files in {
        "libtorch": (builder / "image" / "lib").iterdir(), "program": [builder / "image" / "bin" / "tagwerk"],
        "model": (ROOT / "models" / "base").rglob("*"),
    }.items()}
    parts = ", ".join(f"{part} {mib(size)}" for part, size in sizes.items())
    return f"{name}, {mib(made['Size'])}: {parts}; libc6 {libc} stands in for the base"


# Running it.


def restricted(pid):
    """What a process has that the restricted standard does not give."""
    status = dict(re.findall(r"^(\w+):\s+(.*)$", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE))
    for name, wanted in {"Uid": [str(USER)] * 4, "Gid": [str(USER)] * 4, "NoNewPrivs": ["1"], "Seccomp": ["2"]}.items():
        if status[name].split() != wanted:
            yield f"{name} is {status[name]}"
    for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        if int(status[name], 16):
            yield f"{name} is {status[name]}"
    for line in Path(f"/proc/{pid}/mountinfo").read_text().splitlines():
        before, after = line.split(" - ")
        path, options = before.split()[4:6]
        on_disk = after.split()[0] not in ("tmpfs", "proc", "sysfs", "devpts", "mqueue", "cgroup", "cgroup2")
        if "rw" in options.split(",") and (on_disk or path in ("/", "/tmp", "/run", "/var/tmp")):
            yield f"{path} can be written to"


def resident(pid):
    return int(re.search(r"^VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)[1]) * 1024


def stopped(place, name, seconds):
    """Ends a container by SIGTERM; the seconds that it took."""
    begin = time.monotonic()
    place.ask("stop", "--time", seconds, name)
    took = time.monotonic() - begin
    code = place.inspect(name)["State"]["ExitCode"]
    require(code == 0 and took < seconds, f"{name}: exit code {code} after {took:.1f} s")
    return took


def alone(place):
    """read-only, without capabilities and not as root it gets healthy, tags a text and ends with 0 on SIGTERM"""
    place.ask("network", "create", "--disable-dns", place.network)
    options = ["--network", place.network, *LOCKED, "--env", "TAGWERK_INSECURE=true"]
    place.ask("run", "--detach", "--name", "alone", *options, place.image)
    begin = time.monotonic()
    until(lambda: place.podman("healthcheck", "run", "alone").returncode == 0, 60, "the image's health check is green")
    healthy = time.monotonic() - begin
    pid = place.inspect("alone")["State"]["Pid"]
    found = list(restricted(pid))
    require(not found, f"the server's process: {found}")
    idle = resident(pid)
    loaded = Path(f"/proc/{pid}/maps").read_text()
    library = place.folder / "builder" / "image" / "lib"
    unused = [file.name for file in library.iterdir() if f"/usr/local/lib/{file.name}\n" not in loaded]
    # Only in the libtorch that the Dockerfile installs is this a link; another one may hold more.
    if (library / "libtorch.so").is_symlink():
        require(unused == ["libtorch.so"], f"libraries in the image that the program does not load: {unused}")
    place.tag(place.address("alone"))
    took = stopped(place, "alone", 40)
    place.ask("rm", "alone")
    return f"healthy after {healthy:.1f} s, {mib(idle)} resident when idle, ended in {took:.1f} s"


# As the chart renders it.


def play(place, documents):
    text = yaml.safe_dump_all(documents)
    return place.ask("play", "kube", "--network", place.network, "-", input=text)


def pods(place):
    """podman runs the pods of the Deployment with their ConfigMap and security context"""
    deployment = copy.deepcopy(place.object("Deployment"))
    container = container_of(deployment)
    # Podman would publish the ports on this machine, and run the probes inside, by a curl that the image lacks.
    for name in ("ports", "startupProbe", "readinessProbe", "livenessProbe", "lifecycle"):
        del container[name]
    settings = place.object("ConfigMap")
    play(place, [settings, deployment])
    names = [f"{RELEASE}-tagwerk-pod-{number}" for number in range(deployment["spec"]["replicas"])]
    for name in names:
        [pod] = [each for each in json.loads(place.ask("pod", "ps", "--format", "json")) if each["Name"] == name]
        place.pods[name] = place.address(pod["InfraId"])
        made = place.inspect(f"{name}-tagwerk")
        found = list(restricted(made["State"]["Pid"]))
        require(not found, f"{name}: {found}")
        limit = container["resources"]["limits"]["memory"]
        require(limit.endswith("Gi") and made["HostConfig"]["Memory"] == int(limit[:-2]) * 2**30, f"memory of {limit}")
        [path] = [mount["mountPath"] for mount in container["volumeMounts"]]
        file = f"{path}/tagwerk.toml"
        printed = place.ask("exec", f"{name}-tagwerk", PLACED, "serve", "--config", file, "--print-config")
        taken = re.findall(rf"^(\w+) = .*  # {file}:\d+$", printed, re.MULTILINE)
        wanted = [key for table in tomllib.loads(settings["data"]["tagwerk.toml"]).values() for key in table]
        require(sorted(taken) == sorted(wanted), f"settings {wanted} in the ConfigMap, and {taken} in use")
    return f"{len(names)} pods, {len(wanted)} settings"


def probe(rendered, ports, address):
    """What the kubelet would find; nothing where the probe is green."""
    seconds = rendered["timeoutSeconds"]
    if "httpGet" in rendered:
        asked = rendered["httpGet"]
        status, body = get(f"http://{address}:{ports.get(asked['port'], asked['port'])}{asked['path']}", seconds)
        return "" if status == 200 else f"{status}: {body}"
    server = f"http://{address}:{rendered['grpc']['port']}"
    result = run(PROGRAM, "health", "--server", server, "--timeout", seconds)
    return "" if result.returncode == 0 else result.stdout + result.stderr


def probes(place):
    """asked from outside as the kubelet does, all probes get green, and each pod tags a text"""
    container = container_of(place.object("Deployment"))
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    startup = container["startupProbe"]
    allowed = startup["periodSeconds"] * startup["failureThreshold"]
    for name, address in place.pods.items():
        until(lambda: not probe(startup, ports, address), allowed, f"{name}: the startup probe is green")
        for kind in ("readinessProbe", "livenessProbe"):
            found = probe(container[kind], ports, address)
            require(not found, f"{name}: {kind}: {found}")
        status, body = get(f"http://{address}:{ports['http']}/readyz")
        require(status == 200, f"{name}: /readyz: {status}: {body}")
        place.tag(address)
    return f"{len(place.pods)} pods, 3 probes each"


def service(place):
    """the pod of helm test tags its text, with the Service's name leading to a pod"""
    name = f"{RELEASE}-tagwerk-test"
    pod = copy.deepcopy(place.object("Pod", name))
    host = f"{RELEASE}-tagwerk.{NAMESPACE}.svc"
    pod["spec"]["hostAliases"] = [{"ip": next(iter(place.pods.values())), "hostnames": [host]}]
    play(place, [place.object("ConfigMap", name), pod])
    code = place.ask("wait", f"{name}-test")
    require(code == "0", f"exit code {code}")
    require(NAMED in place.podman("logs", f"{name}-test").stdout, f"the answer does not name {NAMED}")
    place.ask("pod", "rm", "--force", name)
    return host


def free_port():
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return held.getsockname()[1]


def prometheus(place):
    """Prometheus reads every pod, counts the calls, and finds all rules of the chart in order and quiet"""
    [endpoint] = place.object("ServiceMonitor")["spec"]["endpoints"]
    [port] = [each["containerPort"] for each in container_of(place.object("Deployment"))["ports"]
              if each["name"] == endpoint["port"]]
    groups = place.object("PrometheusRule")["spec"]["groups"]
    (place.folder / "rules.yaml").write_text(yaml.safe_dump({"groups": groups}))
    # The labels are those that the Prometheus Operator gives to what a ServiceMonitor finds.
    job = f"{RELEASE}-tagwerk"
    targets = [
        {"targets": [f"{address}:{port}"], "labels": {"namespace": NAMESPACE, "pod": name}}
        for name, address in place.pods.items()
    ]
    settings = place.folder / "prometheus.yaml"
    settings.write_text(yaml.safe_dump({
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": ["rules.yaml"],
        "scrape_configs": [{"job_name": job, "metrics_path": endpoint["path"], "static_configs": targets}],
    }))
    own = f"127.0.0.1:{free_port()}"
    log = place.start(
        "prometheus", f"--config.file={settings}", f"--storage.tsdb.path={place.folder / 'series'}",
        f"--web.listen-address={own}", "--log.level=warn",
    )

    def api(path, **query):
        status, body = get(f"http://{own}/api/v1/{path}?{urllib.parse.urlencode(query)}")
        return json.loads(body)["data"] if status == 200 else {}

    def values(expression):
        result = api("query", query=expression).get("result", [])
        return {each["metric"].get("pod"): float(each["value"][1]) for each in result}

    try:
        up = {name: 1.0 for name in place.pods}
        until(lambda: values(f'up{{namespace="{NAMESPACE}",job="{job}"}}') == up, 30, "every pod is up")
        labels = f'namespace="{NAMESPACE}",job="{job}",method=~".*TaggingService/.*"'
        counted = f"sum by (pod) (tagwerk_calls_total{{{labels}}})"
        first, *others = place.pods
        # One call to each pod, and that of the test.
        calls = {first: 2.0} | {name: 1.0 for name in others}
        until(lambda: values(counted) == calls, 30, f"the pods have had the calls {calls}")

        def quiet():
            loaded = api("rules").get("groups", [])
            found = [(rule["health"], rule["state"]) for group in loaded for rule in group["rules"]]
            return [group["name"] for group in loaded] if set(found) == {("ok", "inactive")} else []

        names = until(quiet, 30, "every rule is in order and quiet")
        require(sorted(names) == sorted(group["name"] for group in groups), f"Prometheus has the groups {names}")
    except Failed as failure:
        raise Failed(f"{failure}\n{json.dumps(api('rules'))}\n{log.read_text()}") from failure
    rules = sum(len(group["rules"]) for group in groups)
    return f"{len(targets)} targets, {sum(calls.values()):.0f} calls, {len(groups)} group(s) of {rules} rules"


def termination(place):
    """on SIGTERM each pod ends with 0 within its grace period"""
    seconds = place.object("Deployment")["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
    took = [stopped(place, f"{name}-tagwerk", seconds) for name in place.pods]
    return f"after at most {max(took):.1f} s of {seconds}"


CHECKS = [sources, image, alone, pods, probes, service, prometheus, termination]


def hindrance():
    """Why nothing can be tried here; nothing where it can."""
    if os.geteuid() != 0:
        return "only root reaches the network of its containers"
    missing = [name for name, places in NEEDED.items() if not any(map(shutil.which, places))]
    if missing:
        packages = "podman buildah runc catatonit netavark iptables prometheus binutils"
        advice = f"on Debian 12: apt-get install --no-install-recommends {packages}"
        return f"missing: {', '.join(missing)} ({advice})"
    return ""


def main():
    reason = hindrance()
    if reason:
        print(f"skipped: the image is not built and not run; {reason}")
        return
    # So that what was started ends also when this is stopped by a signal.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    place = Place()
    try:
        # Each check stands on what the ones before have made.
        for check in CHECKS:
            print(f"ok      {check.__name__}: {check.__doc__} ({check(place)})", flush=True)
    except Failed as failure:
        print(f"FAILED  {check.__name__}: {check.__doc__}\n{failure}\n{place.logs()}", flush=True)
        sys.exit(1)
    finally:
        place.clear()


if __name__ == "__main__":
    main()

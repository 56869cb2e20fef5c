"""Checks the chart without a cluster: chart-test.py [NAMES of checks].

Every check is a function below; its description is printed with what it saw. helm and the validator of Kubernetes'
own kinds come from scripts/helm.sh, promtool from the system, where it is there.
"""

import copy
import functools
import hashlib
import http.server
import itertools
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import threading
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import jsonschema
import kubernetes_validate
import yaml

ROOT = Path(__file__).resolve().parent.parent
CHART = ROOT / "helm" / "tagwerk"
TESTS = ROOT / "helm" / "tests"
HELM = ROOT / "target" / "tools" / "bin" / "helm"
PROGRAM = Path(os.environ.get("TAGWERK", ROOT / "target" / "release" / "tagwerk"))
RELEASE, NAMESPACE = "tagger", "news"
EXAMPLES = sorted((CHART / "examples").glob("*.yaml"))
# The oldest version that the chart is for, the first one that waits by itself, and the newest that is known here.
OLDEST, WAITS, NEWEST = "1.27.0", "1.30.0", kubernetes_validate.latest_version()

# The schemas are large, and the same ones are needed for every object.
kubernetes_validate.utils.schema_contents = functools.cache(kubernetes_validate.utils.schema_contents)
CUSTOM = json.loads((TESTS / "custom-resources.json").read_text())["specs"]


class Failed(Exception):
    """What a check found wrong."""


def require(condition, message):
    if not condition:
        raise Failed(message)


# Rendering.


def run(*command, **options):
    return subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False, **options)


def helm_template(values, version=NEWEST):
    command = [HELM, "template", RELEASE, CHART, "--namespace", NAMESPACE, "--kube-version", version, "--values", "-"]
    return run(*command, input=json.dumps(values))


def render(values, version=NEWEST):
    """The objects that these values make."""
    result = helm_template(values, version)
    require(result.returncode == 0, f"refused: {json.dumps(values)}\n{result.stderr}")
    return [document for document in yaml.safe_load_all(result.stdout) if document]


def rendered(jobs):
    """The objects of many values and versions, in their order."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        yield from pool.map(lambda job: render(*job), jobs)


def merged(*layers):
    """Layers of values, the later ones over the earlier."""
    result = {}
    for layer in layers:
        for key, value in layer.items():
            old = result.get(key)
            both = isinstance(old, dict) and isinstance(value, dict)
            result[key] = merged(old, value) if both else copy.deepcopy(value)
    return result


def at(path, value):
    """The values in which only this path is set."""
    for key in reversed(path.split(".")):
        value = {key: value}
    return value


# The matrix: every toggle and list of choices that the schema knows, and what the schema cannot tell to be a choice.

HASH = "0" * 64
PEERS = [{"ipBlock": {"cidr": "10.0.0.0/8"}}]
CHOICES = {
    "who may call": {
        "nobody is asked": {},
        "keys of a Secret": at("auth.apiKeys.existingSecret", "keys"),
        "keys of the values": at("auth.apiKeys.hashes", [
            {"name": "ingest", "sha256": HASH},
            {"name": 'a "b" \\ c', "sha256": "f" * 64, "tokensPerSecond": 1000, "concurrentCalls": 4},
        ]),
        "tokens, URL": merged(
            at("auth.jwks", {"url": "https://login.example/keys", "issuer": "https://login.example"}),
            at("networkPolicy.egress.jwks.to", PEERS),
        ),
        "tokens, Secret": at("auth.jwks", {"secretName": "jwks", "audience": ["a", "b"]}),
        "tokens, ConfigMap": at("auth.jwks", {"configMapName": "jwks", "issuer": 'https://login.example/"a"'}),
    },
    "certificate": {
        "Secret": at("tls.existingSecret", "server"),
        "cert-manager": at("tls.certManager", {"issuerName": "ca", "dnsNames": ["tagger.example"]}),
    },
    "callers' authorities": {"the server's": {}, "others": at("tls.clientCa.existingSecret", "callers")},
    "budget": {
        "away": {},
        "there": at("podDisruptionBudget", {"maxUnavailable": "", "minAvailable": "50%"}),
    },
    "names": {
        "release": {}, "full": at("fullnameOverride", "reader"),
        "long": merged(at("nameOverride", "n" * 63), at("commonLabels", {"team": "news", "number": "1"})),
    },
    "image": {
        "tag": at("image.tag", "1"), "digest": at("image.digest", f"sha256:{HASH}"),
        "private": at("image.pullSecrets", ["a", "b"]),
    },
    "pod": {
        "plain": {},
        "special": at("pod", {
            "labels": {"a": "b"}, "annotations": {"c": "d"}, "priorityClassName": "high",
            "nodeSelector": {"disk": "fast"}, "tolerations": [{"key": "news", "operator": "Exists"}],
            "affinity": {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [
                {"weight": 1, "podAffinityTerm": {"topologyKey": "rack", "labelSelector": {}}},
            ]}},
            "volumes": [{"name": "cache", "secret": {"secretName": "cache"}}],
            "volumeMounts": [{"name": "cache", "mountPath": "/etc/tagwerk-cache", "readOnly": True}],
            "env": [{"name": "HTTPS_PROXY", "value": "http://proxy.example:3128"}],
        }),
    },
    "private archive": {
        "no": {},
        "yes": at("model.fetch", {
            "caConfigMap": "ca", "http": {"netrcSecret": "netrc"}, "oci": {"dockerConfigSecret": "docker"},
            "image": "registry.example/fetch:1",
        }),
    },
    "preStop": {"waits": {}, "does not wait": at("termination", {"preStopSeconds": 0, "graceSeconds": 5})},
    "peers": {
        "some": {},
        "none": at("networkPolicy.ingress", {"grpc": [], "metrics": []}),
        "traces": merged(
            at("config.trace", {"endpoint": "http://collector.example:4317", "share": 0.05}),
            at("networkPolicy.egress.otlp.to", PEERS),
            at("networkPolicy.egress.extra", [{"to": PEERS}]),
        ),
    },
    "processors": {"scaled": at("autoscaling.cpuPercent", 70), "not scaled": {}},
    "test credentials": {
        "none": {},
        "some": at("test", {"apiKeySecret": "key", "clientCertificateSecret": "certificate", "caSecret": "ca"}),
        "public authority": at("test.caKey", ""),
    },
    "settings": {
        "few": {},
        "many": at("config", {
            "server": {"max_message_bytes": 16777216, "idle_seconds": 0},
            "auth": {"tokens_per_second": 1000},
            "model": {"batch_tokens": 2048, "max_document_bytes": 2000000},
        }),
    },
}

# What a choice cannot do without.
NEEDS = {
    ("model.source", "pvc"): at("model.pvc", {"claimName": "models", "subPath": "news"}),
    ("model.source", "http"): merged(
        at("model.fetch", {"sha256": HASH, "http": {"url": "https://models.example/base.tar.gz"}}),
        at("networkPolicy.egress.model.to", PEERS),
    ),
    ("model.source", "oci"): merged(
        at("model.fetch", {"sha256": HASH, "oci": {"reference": f"registry.example/base@sha256:{HASH}"}}),
        at("networkPolicy.egress.model.to", PEERS),
    ),
    ("exposure.type", "ingress"): at("exposure", {
        "fromNamespace": "ingress", "hostnames": ["tagger.example"], "annotations": {"protocol": "GRPC"},
        "ingress": {"className": "nginx", "tlsSecret": "tagger"},
    }),
    ("exposure.type", "gateway"): at("exposure", {
        "fromNamespace": "gateway", "hostnames": ["tagger.example"],
        "gateway": {"name": "public", "namespace": "gateway", "sectionName": "https", "backendCaConfigMap": "ca"},
    }),
    ("autoscaling.type", "keda"): at("autoscaling.keda", {
        "serverAddress": "http://prometheus.example:9090", "fallbackReplicas": 4, "authenticationRef": "prometheus",
    }),
}
NEEDS[("worker.enabled", True)] = merged(
    at("worker.nats", {
        "url": "nats://nats.example:4222", "stream": "DOCUMENTS", "output": "tagged", "deadLetters": "dead",
        "secret": "nats", "passwordKey": "password", "caKey": "ca.crt", "user": "tagger",
    }),
    at("networkPolicy.egress.nats.to", PEERS),
)
NEEDS[("worker.scaling.enabled", True)] = at("worker.scaling.monitoringEndpoint", "nats.example:8222")
PROBES = [f"probes.{probe}.type" for probe in ("startup", "readiness", "liveness")]


def schema():
    return json.loads((CHART / "values.schema.json").read_text())


def toggles(node, definitions, path=()):
    """Every boolean and every choice of the schema, with its values."""
    if "$ref" in node:
        node = definitions[node["$ref"].rsplit("/", 1)[1]]
    if node.get("type") == "boolean":
        yield ".".join(path), [False, True]
    elif "enum" in node:
        yield ".".join(path), node["enum"]
    for key, inner in node.get("properties", {}).items():
        yield from toggles(inner, definitions, (*path, key))


def objects(node):
    """Every schema within this one."""
    if isinstance(node, dict):
        yield node
        for inner in node.values():
            yield from objects(inner)
    elif isinstance(node, list):
        for inner in node:
            yield from objects(inner)


def dimensions():
    root = schema()
    found = dict(toggles(root, root["$defs"]))
    return found | {name: list(choices) for name, choices in CHOICES.items()}


def is_legal(row):
    """Whether the chart should take this row. The tests of refusals hold what it should not take."""
    if row["tls.clientCa.enabled"] and not row["tls.enabled"]:
        return False
    if row["tls.enabled"] and (row["certificate"] == "none" or any(row[probe] == "grpc" for probe in PROBES)):
        return False
    return row["who may call"] != "nobody is asked" or row["auth.insecure"] or row["tls.clientCa.enabled"]


def values_of(row):
    layers = []
    for name, value in row.items():
        if name in CHOICES:
            # A certificate where there is no TLS is no contradiction, but not what anybody means.
            if name != "certificate" or row["tls.enabled"]:
                layers.append(CHOICES[name][value])
        else:
            layers += [at(name, value), NEEDS.get((name, value), {})]
    return merged(*layers)


def pairwise(known, seed=7):
    """Rows in which every pair of values of two dimensions stands together at least once, where that is legal."""
    chance = random.Random(seed)
    names = list(known)
    open_pairs = {
        ((a, repr(x)), (b, repr(y)))
        for a, b in itertools.combinations(names, 2)
        for x in known[a]
        for y in known[b]
    }
    total = len(open_pairs)
    by_repr = {(name, repr(value)): value for name in names for value in known[name]}

    def covered(row):
        cells = [(name, repr(row[name])) for name in names]
        return open_pairs.intersection(itertools.combinations(cells, 2))

    rows, impossible = [], []
    while open_pairs:
        pair = min(open_pairs)
        candidates = []
        for _ in range(400):
            row = {name: chance.choice(known[name]) for name in names}
            row |= {cell[0]: by_repr[cell] for cell in pair}
            if is_legal(row):
                candidates.append(row)
            if len(candidates) == 40:
                break
        if not candidates:
            impossible.append(pair)
            open_pairs.discard(pair)
            continue
        best = max(candidates, key=lambda row: len(covered(row)))
        open_pairs -= covered(best)
        rows.append(best)
    return rows, total, impossible


# What must hold of every rendering.


def pod_of(document):
    if document["kind"] == "Pod":
        return document["spec"]
    return document.get("spec", {}).get("template", {}).get("spec")


def restricted(pod):
    """What the pod security standard "restricted" finds, and a little more."""
    whole = pod.get("securityContext", {})
    if whole.get("runAsUser") in (None, 0):
        yield "runAsUser"
    if any(pod.get(name) for name in ("hostNetwork", "hostPID", "hostIPC")):
        yield "host namespaces"
    allowed = {"configMap", "secret", "emptyDir", "persistentVolumeClaim"}
    for volume in pod.get("volumes", []):
        if not set(volume) - {"name"} <= allowed:
            yield f"volume {volume['name']}"
    for container in pod.get("initContainers", []) + pod["containers"]:
        own = container.get("securityContext", {})
        for name, wanted in {
            "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "runAsNonRoot": True,
            "capabilities": {"drop": ["ALL"]}, "seccompProfile": {"type": "RuntimeDefault"},
        }.items():
            if own.get(name) != wanted:
                yield f"{container['name']}: {name}"
        if not container.get("resources", {}).get("limits", {}).get("memory"):
            yield f"{container['name']}: no limit of memory"
    if pod.get("automountServiceAccountToken") is not False:
        yield "a token of the service account"


def mounts(pod):
    """Volumes that nobody mounts, and mounts without a volume."""
    volumes = [volume["name"] for volume in pod.get("volumes", [])]
    used = {
        mount["name"]
        for container in pod.get("initContainers", []) + pod["containers"]
        for mount in container.get("volumeMounts", [])
    }
    if sorted(volumes) != sorted(used):
        yield f"volumes {sorted(volumes)}, mounted {sorted(used)}"


def selects(selector, labels):
    return selector.items() <= labels.items()


def coherent(documents):
    """What must fit together across the objects of one rendering."""
    by_kind, of_worker = {}, {}
    for document in documents:
        worker = document["metadata"]["name"].endswith("-worker")
        (of_worker if worker else by_kind).setdefault(document["kind"], []).append(document)
    if of_worker:
        yield from coherent_worker(of_worker, by_kind["Service"])
    [deployment] = by_kind["Deployment"]
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    pod = pod_of(deployment)
    for service in by_kind["Service"]:
        if not selects(service["spec"]["selector"], labels):
            yield f"Service {service['metadata']['name']} selects no pod"
    for kind in ("PodDisruptionBudget", "NetworkPolicy"):
        for document in by_kind.get(kind, []):
            selector = document["spec"].get("selector") or document["spec"]["podSelector"]
            if not selects(selector["matchLabels"], labels):
                yield f"{kind} selects no pod"
    for test in by_kind.get("Pod", []):
        if any(selects(service["spec"]["selector"], test["metadata"]["labels"]) for service in by_kind["Service"]):
            yield "a Service selects the pod of the test"
    for monitor in by_kind.get("ServiceMonitor", []):
        wanted = monitor["spec"]["selector"]["matchLabels"]
        port = monitor["spec"]["endpoints"][0]["port"]
        ports = [
            port["name"] for service in by_kind["Service"] if selects(wanted, service["metadata"]["labels"])
            for port in service["spec"]["ports"]
        ]
        if ports.count(port) != 1:
            yield f"the ServiceMonitor finds port {port} {ports.count(port)} times"
    scalers = by_kind.get("HorizontalPodAutoscaler", []) + by_kind.get("ScaledObject", [])
    if len(scalers) > 1:
        yield "two autoscalers"
    if scalers and "replicas" in deployment["spec"]:
        yield "the Deployment holds the number of pods that the autoscaler changes"
    if len(by_kind.get("Ingress", []) + by_kind.get("GRPCRoute", [])) > 1:
        yield "two ways in"

    config = tomllib.loads(by_kind["ConfigMap"][0]["data"]["tagwerk.toml"])
    [container] = pod["containers"]
    stop = container.get("lifecycle", {}).get("preStop", {})
    waits = int(stop["sleep"]["seconds"] if "sleep" in stop else stop["exec"]["command"][-1] if stop else 0)
    if pod["terminationGracePeriodSeconds"] < waits + config["server"]["grace_seconds"] + 5:
        yield "the pod is killed before the grace time is over"
    secure = "certificate" in config.get("tls", {})
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        if secure and "grpc" in container[probe]:
            yield f"{probe} speaks gRPC to a port with TLS"
    directories = {mount["mountPath"] for mount in container["volumeMounts"]}
    files = [*config.get("tls", {}).values(), config.get("auth", {}).get("keys"), config.get("auth", {}).get("jwks")]
    for file in files:
        if file and file.startswith("/") and str(Path(file).parent) not in directories:
            yield f"{file} is not mounted"
    names = [(document["kind"], document["metadata"]["name"]) for document in documents]
    if len(names) != len(set(names)):
        yield f"two objects of one name: {names}"
    for kind, name in names:
        if len(name) > 63:
            yield f"{kind} {name}: the name is too long"


def coherent_worker(by_kind, services):
    """What must fit together across the objects of the worker."""
    [deployment] = by_kind["Deployment"]
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    for document in by_kind.get("NetworkPolicy", []) + by_kind.get("PodMonitor", []):
        selector = document["spec"].get("selector") or document["spec"]["podSelector"]
        if not selects(selector["matchLabels"], labels):
            yield f"the worker's {document['kind']} selects no pod"
    if any(selects(service["spec"]["selector"], labels) for service in services):
        yield "a Service selects the worker"
    if "ScaledObject" in by_kind and "replicas" in deployment["spec"]:
        yield "the worker's Deployment holds the number of pods that the autoscaler changes"
    [container] = pod_of(deployment)["containers"]
    mounted = tuple(mount["mountPath"] + "/" for mount in container.get("volumeMounts", []))
    for argument in container["args"]:
        value = argument.partition("=")[2]
        if value.startswith("/") and not value.startswith(mounted):
            yield f"{argument} is not mounted"


@functools.cache
def findings_of(text, version):
    """What the strict check finds in one object. Many renderings share it."""
    document = json.loads(text)
    what = f"{document['kind']} {document['metadata']['name']}"
    custom = CUSTOM.get(f"{document['apiVersion']} {document['kind']}")
    found = []
    try:
        if custom:
            jsonschema.validate(document["spec"], custom)
        else:
            kubernetes_validate.validate(document, version, strict=True)
    except (jsonschema.ValidationError, kubernetes_validate.ValidationError) as error:
        found.append(f"{what}: {'.'.join(map(str, error.path))}: {error.message}")
    except kubernetes_validate.SchemaNotFoundError as error:
        found.append(f"{what}: {error.message}")
    pod = pod_of(document)
    if pod:
        found += [f"{what}: {finding}" for finding in itertools.chain(restricted(pod), mounts(pod))]
    return found


def findings(documents, version):
    found = list(coherent(documents))
    for document in documents:
        found += findings_of(json.dumps(document, sort_keys=True), version)
    return found


# The checks.


def lint():
    """helm lint --strict finds nothing, by default and with each example"""
    for values in [[], *(["--values", example] for example in EXAMPLES)]:
        result = run(HELM, "lint", "--strict", CHART, *values)
        require(result.returncode == 0, result.stdout + result.stderr)
    return f"{1 + len(EXAMPLES)} files of values"


def documents():
    """README, schema and values say the same; the version is that of the program"""
    result = run(sys.executable, ROOT / "scripts" / "chart-docs.py")
    require(result.returncode == 0, result.stderr)
    for node in objects(schema()):
        strict = "properties" not in node or node.get("additionalProperties") is False
        require(strict, f"values.schema.json takes unknown keys beside {list(node.get('properties', {}))}")
    cargo = tomllib.loads((ROOT / "Cargo.toml").read_text())["package"]["version"]
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())["appVersion"]
    require(cargo == chart, f"appVersion is {chart}, the program's version {cargo}")
    return f"version {chart}"


def matrix():
    """every pair of choices, and every choice by itself on each example, renders and passes the strict check"""
    known = dimensions()
    rows, pairs, impossible = pairwise(known)
    renderings = [values_of(row) for row in rows]
    bases = [yaml.safe_load(example.read_text()) for example in EXAMPLES]
    for base, (path, values) in itertools.product(bases, known.items()):
        if path in CHOICES:
            continue
        for value in values:
            layer = merged(base, NEEDS.get((path, value), {}), at(path, value))
            if is_legal(row_of(layer)):
                renderings.append(layer)
    jobs = [(values, version) for values in renderings for version in (OLDEST, NEWEST)]
    jobs += [(values, WAITS) for values in renderings[: len(rows)]]
    found, objects = [], 0
    for (values, version), made in zip(jobs, rendered(jobs)):
        objects += len(made)
        found += [f"{version}: {finding}\n    {json.dumps(values)}" for finding in findings(made, version)]
    require(not found, f"{len(found)} findings, the first:\n" + "\n".join(found[:5]))
    return (
        f"{len(jobs)} renderings for Kubernetes {OLDEST}, {WAITS} and {NEWEST}, {objects} objects, 0 findings; "
        f"{len(known)} choices in {len(rows)} rows, {pairs - len(impossible)} of {pairs} pairs, the rest contradict "
        "themselves"
    )


def row_of(values):
    """What is_legal asks of a row, read off values that are none."""
    whole = merged(yaml.safe_load((CHART / "values.yaml").read_text()), values)
    auth, tls = whole["auth"], whole["tls"]
    places = [auth["apiKeys"]["existingSecret"], auth["apiKeys"]["hashes"], auth["jwks"]["configMapName"]]
    certificate = tls["existingSecret"] or tls["certManager"]["issuerName"]
    return {
        "tls.enabled": tls["enabled"],
        "tls.clientCa.enabled": tls["clientCa"]["enabled"],
        "auth.insecure": auth["insecure"],
        "who may call": "keys or tokens" if any(places) else "nobody is asked",
        "certificate": "some" if certificate else "none",
    } | {f"probes.{name}.type": probe["type"] for name, probe in whole["probes"].items()}


OPEN = at("auth.insecure", True)
# Values that are wrong, and what the message must say.
WRONG = [
    ({}, ["auth:", "auth.insecure=true"]),
    (merged(OPEN, {"replica": 3}), ["replica"]),
    (merged(OPEN, {"replicas": "three"}), ["replicas", "integer"]),
    (merged(OPEN, {"replicas": -1}), ["replicas"]),
    (merged(OPEN, at("image.tga", "1")), ["image", "tga"]),
    (merged(OPEN, at("image.digest", "sha256:abc")), ["image.digest"]),
    (merged(OPEN, at("config.server.grace_seconds", 5)), ["config.server", "grace_seconds"]),
    (merged(OPEN, at("config.model.workrs", 2)), ["config.model", "workrs"]),
    (merged(OPEN, at("config.model.workers", "many")), ["config.model.workers"]),
    (merged(OPEN, at("model.source", "bucket")), ["model.source", "oci"]),
    (merged(OPEN, at("model.source", "pvc")), ["model.pvc.claimName"]),
    (
        merged(OPEN, at("model.source", "http")),
        ["model.fetch.sha256", "model.fetch.http.url", "networkPolicy.egress.model.to"],
    ),
    (merged(OPEN, at("model", {"source": "oci", "fetch": {"sha256": HASH}})), ["model.fetch.oci.reference"]),
    (merged(OPEN, at("model.fetch.sha256", "1234")), ["model.fetch.sha256"]),
    (merged(OPEN, at("model.name", "../base")), ["model.name"]),
    (at("auth.apiKeys.hashes", [{"name": "a", "sha256": "the key itself"}]), ["auth.apiKeys.hashes", "sha256"]),
    (
        at("auth.apiKeys", {"existingSecret": "a", "hashes": [{"name": "a", "sha256": HASH}]}),
        ["auth.apiKeys.hashes"],
    ),
    (
        at("auth.jwks", {"url": "https://a.example", "secretName": "b"}),
        ["auth.jwks: url, secretName and configMapName"],
    ),
    (merged(OPEN, at("auth.jwks.issuer", "a")), ["auth.jwks: issuer"]),
    (at("auth.jwks.secretName", "a"), ["auth.jwks: set issuer, audience or both"]),
    (at("auth.jwks", {"url": "https://a.example/keys", "issuer": "a"}), ["networkPolicy.egress.jwks.to"]),
    (merged(OPEN, at("tls.enabled", True)), ["tls.existingSecret"]),
    (
        merged(OPEN, at("tls", {"enabled": True, "existingSecret": "a", "certManager": {"issuerName": "b"}})),
        ["tls.certManager.issuerName"],
    ),
    (at("tls.clientCa.enabled", True), ["tls.clientCa.enabled", "tls.enabled"]),
    (
        merged(OPEN, at("tls", {"enabled": True, "existingSecret": "a"}), at("probes.readiness.type", "grpc")),
        ["probes.readiness.type"],
    ),
    (merged(OPEN, at("resources.limits.cpu", None)), ["resources.limits.cpu"]),
    (merged(OPEN, at("resources.limits.memory", "much")), ["resources.limits.memory"]),
    (merged(OPEN, at("autoscaling.type", "both")), ["autoscaling.type"]),
    (merged(OPEN, at("autoscaling.type", "keda")), ["autoscaling.keda.serverAddress"]),
    (
        merged(OPEN, at("autoscaling", {"type": "hpa", "minReplicas": 5, "maxReplicas": 4})),
        ["autoscaling.minReplicas"],
    ),
    (
        merged(OPEN, at("exposure.type", "gateway")),
        ["exposure.hostnames", "exposure.gateway.name", "exposure.fromNamespace"],
    ),
    (
        merged(OPEN, at("config.trace.endpoint", "http://collector.example:4317")),
        ["networkPolicy.egress.otlp.to"],
    ),
    (merged(OPEN, at("exposure.type", ["gateway", "ingress"])), ["exposure.type"]),
    (merged(OPEN, at("podDisruptionBudget.minAvailable", 1)), ["podDisruptionBudget"]),
    (merged(OPEN, at("strategy", {"maxSurge": 0, "maxUnavailable": "0%"})), ["strategy"]),
    (merged(OPEN, at("termination.preStopSeconds", "10s")), ["termination.preStopSeconds"]),
    (merged(OPEN, at("listen", "127.0.0.1")), ["listen"]),
    (merged(OPEN, at("pod.runAsUser", 0)), ["pod.runAsUser"]),
    (merged(OPEN, {"tls": None}), ["tls"]),
    (
        merged(OPEN, at("worker.enabled", True)),
        ["worker.nats.url", "worker.nats.stream", "worker.nats.output", "worker.nats.deadLetters",
         "networkPolicy.egress.nats.to"],
    ),
    (merged(OPEN, at("worker.nats.url", "nats://name:password@nats:4222")), ["worker.nats.url"]),
    (
        merged(OPEN, NEEDS[("worker.enabled", True)], at("worker", {"enabled": True, "nats": {"secret": ""}})),
        ["worker.nats.secret", "worker.nats.passwordKey"],
    ),
    (
        merged(OPEN, NEEDS[("worker.enabled", True)], at("worker", {"enabled": True, "scaling": {"enabled": True}})),
        ["worker.scaling.monitoringEndpoint"],
    ),
]


def refusals():
    """wrong values are refused with a message that names the field"""
    for values, words in WRONG:
        result = helm_template(values)
        require(result.returncode != 0, f"taken: {json.dumps(values)}")
        for word in words:
            require(word in result.stderr, f"{json.dumps(values)}: no {word} in\n{result.stderr}")
    result = helm_template(OPEN, "1.26.9")
    require("1.27" in result.stderr, "Kubernetes 1.26 is taken")
    return f"{len(WRONG) + 1} cases"


def meaning():
    """chosen details are as they are meant"""
    def container(values, version=NEWEST):
        made = render(values, version)
        deployment = next(document for document in made if document["kind"] == "Deployment")
        return made, pod_of(deployment), pod_of(deployment)["containers"][0]

    made, pod, server = container(OPEN)
    require(server["readinessProbe"]["grpc"] == {"port": 50051}, "readiness asks over gRPC")
    require(server["livenessProbe"]["httpGet"]["path"] == "/livez", "liveness asks the port that load does not reach")
    require(server["lifecycle"]["preStop"] == {"sleep": {"seconds": 10}}, "preStop sleeps")
    require(pod["terminationGracePeriodSeconds"] == 80, "80 s in all")
    policy = next(document for document in made if document["kind"] == "NetworkPolicy")["spec"]
    require(policy["egress"] == [], "no way out by default")

    _, pod, server = container(OPEN, "1.29.4")
    stop = server["lifecycle"]["preStop"]
    require(stop == {"exec": {"command": ["/tools/sleep", "10"]}}, "before 1.30: a sleep of its own")
    require([init["name"] for init in pod["initContainers"]] == ["sleep"], "and a container that brings it")

    secure = merged(OPEN, at("tls", {"enabled": True, "existingSecret": "a"}))
    made, _, server = container(secure)
    require(server["readinessProbe"]["httpGet"]["path"] == "/readyz", "with TLS, readiness asks over HTTP")
    services = [document for document in made if document["kind"] == "Service"]
    protocols = {service["spec"]["ports"][0]["appProtocol"] for service in services}
    require(protocols == {"https"}, "proxies are told of TLS")
    require([service["spec"].get("clusterIP") for service in services] == [None, "None"], "one of them is headless")

    def checksum(values):
        deployment = next(document for document in render(values) if document["kind"] == "Deployment")
        return deployment["spec"]["template"]["metadata"]["annotations"]["checksum/config"]

    changed = merged(OPEN, at("config.model.workers", 2))
    require(checksum(OPEN) == checksum(merged(OPEN, {"replicas": 3})), "the same settings roll no pod")
    require(checksum(OPEN) != checksum(changed), "other settings roll the pods")
    return "probes, stop, services, policy, checksum"


def settings():
    """the program takes the settings files that the chart writes"""
    if not PROGRAM.exists():
        return f"skipped: there is no {PROGRAM} (make build)"
    if PROGRAM.stat().st_mtime < (ROOT / "docs" / "configuration.md").stat().st_mtime:
        return f"skipped: {PROGRAM} is older than docs/configuration.md (make build)"
    rows, _, _ = pairwise(dimensions())
    texts = set()
    examples = [yaml.safe_load(example.read_text()) for example in EXAMPLES]
    for made in rendered([(values, NEWEST) for values in [*map(values_of, rows), *examples]]):
        texts |= {d["data"]["tagwerk.toml"] for d in made if d["kind"] == "ConfigMap" and "tagwerk.toml" in d["data"]}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "tagwerk.toml"
        for text in sorted(texts):
            file.write_text(text)
            listen = ["--listen=0.0.0.0:50051", "--http-listen=[::]:9090"]
            result = run(PROGRAM, "serve", f"--config={file}", *listen, "--print-config")
            require(result.returncode == 0, f"{result.stderr}\n{text}")
    return f"{len(texts)} files"


def worker():
    """the program takes the arguments and variables that the chart gives to the worker"""
    if not PROGRAM.exists() or "worker" not in run(PROGRAM, "--help").stdout:
        return f"skipped: there is no {PROGRAM} with a worker (make build)"
    values = merged(OPEN, NEEDS[("worker.enabled", True)], at("worker.enabled", True))
    cases = [values, merged(values, CHOICES["settings"]["many"], at("worker.nats.subject", "documents.de.>"))]
    for case in cases:
        names = (document for document in render(case) if document["kind"] == "Deployment")
        deployment = next(d for d in names if d["metadata"]["name"].endswith("-worker"))
        [container] = pod_of(deployment)["containers"]
        variables = {variable["name"]: variable["value"] for variable in container["env"]}
        # One value that is wrong, so that it ends; a message about any other is a finding.
        result = run(PROGRAM, *container["args"], "--max-deliveries=0", env=os.environ | variables)
        require("--max-deliveries" in result.stderr, result.stderr)
        variables["TAGWERK_BATCH_TOKENS"] = "many"
        result = run(PROGRAM, *container["args"], env=os.environ | variables)
        require("--batch-tokens" in result.stderr, result.stderr)
    return f"{len(cases)} cases"


def keys():
    """the Secret of keys from the values is a TOML file with those keys"""
    made = render(CHOICES["who may call"]["keys of the values"])
    secret = next(document for document in made if document["kind"] == "Secret")
    read = tomllib.loads(secret["stringData"]["keys.toml"])["key"]
    require(read == [
        {"name": "ingest", "sha256": HASH},
        {"name": 'a "b" \\ c', "sha256": "f" * 64, "tokens_per_second": 1000, "concurrent_calls": 4},
    ], read)
    return "2 keys"


PROMTOOL = shutil.which("promtool")
NO_PROMTOOL = "there is no promtool (it comes with Prometheus; on Debian and Ubuntu: apt-get install prometheus)"


def rules_of(values=None):
    made = render(merged(OPEN, at("monitoring.rules.enabled", True), values or {}))
    return next(document for document in made if document["kind"] == "PrometheusRule")["spec"]


def rules():
    """promtool takes the alerts, and each one fires when it should and only then"""
    if not PROMTOOL:
        return f"skipped: {NO_PROMTOOL}"
    tests = yaml.safe_load((TESTS / "rules.yaml").read_text())
    spec = rules_of()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "rules.yaml"
        file.write_text(yaml.safe_dump(spec))
        test = Path(folder) / "tests.yaml"
        test.write_text(yaml.safe_dump(tests | {"rule_files": ["rules.yaml"]}))
        for command in (["check", "rules", "--lint-fatal", file], ["test", "rules", test]):
            result = run(PROMTOOL, *command)
            require(result.returncode == 0, result.stdout + result.stderr)
    cases = [case for group in tests["tests"] for case in group["alert_rule_test"]]
    alerts = {rule["alert"] for group in spec["groups"] for rule in group["rules"]}
    for fires, what in ((True, "fires"), (False, "keeps quiet")):
        missing = alerts - {case["alertname"] for case in cases if bool(case.get("exp_alerts")) == fires}
        require(not missing, f"helm/tests/rules.yaml: no case in which {missing} {what}")
    return f"{len(alerts)} alerts, {len(cases)} cases"


def series():
    """The names of every series of the page of metrics, read off the table in the code."""
    code = (ROOT / "src" / "telemetry" / "metrics.rs").read_text()
    kinds = dict(re.findall(r"^    (\w+): (?:Labelled<)?(Counter|Gauge|Histogram)(?:WithExemplars)?\b", code, re.MULTILINE))
    names = set()
    for field, name in re.findall(r'^\s+(\w+): table\.\w+\(\s*"(\w+)"', code, re.MULTILINE):
        ends = {"Counter": ["_total"], "Gauge": [""], "Histogram": ["_bucket", "_count", "_sum"]}[kinds[field]]
        names |= {f"tagwerk_{name}{end}" for end in ends}
    require(len(names) > 20, "the table of metrics is not where it was: src/telemetry/metrics.rs")
    return names


def expressions():
    dashboard = json.loads((CHART / "dashboards" / "tagwerk.json").read_text())
    for panel in dashboard["panels"]:
        for target in panel.get("targets", []):
            yield f"panel {panel['title']}", target["expr"]
    for variable in dashboard["templating"]["list"]:
        if variable["type"] == "query":
            yield f"variable {variable['name']}", variable["query"]["query"]


def dashboard():
    """dashboard, alerts, autoscalers and docs/kubernetes.md use metrics that exist; promtool reads every query"""
    known = series()
    texts = list(expressions())
    texts += [(rule["alert"], rule["expr"]) for group in rules_of()["groups"] for rule in group["rules"]]
    for kind in ("hpa", "keda"):
        made = render(merged(OPEN, at("autoscaling.type", kind), NEEDS.get(("autoscaling.type", kind), {})))
        scalers = ("HorizontalPodAutoscaler", "ScaledObject")
        texts += [(d["kind"], json.dumps(d["spec"])) for d in made if d["kind"] in scalers]
    guide = (ROOT / "docs" / "kubernetes.md").read_text()
    texts += [("docs/kubernetes.md", " ".join(re.findall(r"\btagwerk_(?:queue|calls|model|reloads)\w*", guide)))]
    used = set()
    for where, text in texts:
        for name in re.findall(r"\btagwerk_\w+", text):
            require(name in known, f"{where}: there is no metric {name}")
            used.add(name)
    if not PROMTOOL:
        return f"{len(used)} of {len(known)} series; the queries were not read: {NO_PROMTOOL}"
    queries = [expression for where, expression in expressions() if where.startswith("panel")]
    for word, stand_in in {"$__rate_interval": "5m", "$namespace": "news", "$job": "tagger"}.items():
        queries = [query.replace(word, stand_in) for query in queries]
    records = [{"record": f"query:{number}", "expr": query} for number, query in enumerate(queries)]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "queries.yaml"
        file.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": records}]}))
        result = run(PROMTOOL, "check", "rules", "--lint=none", file)
        require(result.returncode == 0, result.stdout + result.stderr)
    return f"{len(used)} of {len(known)} series, {len(queries)} queries"


def archive_of(folder, files, top=""):
    file = Path(folder) / "base.tar.gz"
    with tarfile.open(file, "w:gz") as archive:
        for name in files:
            source = Path(folder) / name
            source.write_text("{}")
            archive.add(source, f"{top}{name}")
    return file, hashlib.sha256(file.read_bytes()).hexdigest()


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def fetching():
    """the init container takes the archive with the right SHA-256, and no other"""
    if not shutil.which("curl"):
        return "skipped: there is no curl"
    source = "model.source"
    scripts = {}
    for kind in ("http", "oci"):
        made = render(merged(OPEN, NEEDS[(source, kind)], at(source, kind)))
        pod = next(pod_of(document) for document in made if document["kind"] == "Deployment")
        [init] = pod["initContainers"]
        require(init["command"][:2] == ["sh", "-c"], "the script is given to sh")
        scripts[kind] = init["command"][2]
    # (kind, files, directory in the archive, right hash, whether it succeeds, part of the message)
    cases = [
        ("http", ["config.json", "model.safetensors"], "", True, True, ""),
        ("http", ["config.json", "model.safetensors"], "base/", True, True, ""),
        ("http", ["config.json"], "", False, False, "another than expected"),
        ("http", ["model.safetensors"], "", True, False, "no config.json"),
        ("oci", ["config.json", "model.safetensors"], "base/", True, True, ""),
        ("oci", ["config.json"], "", False, False, "another than expected"),
    ]
    for kind, files, top, right, succeeds, message in cases:
        with tempfile.TemporaryDirectory() as folder:
            served, models, tools = (Path(folder) / name for name in ("served", "models", "tools"))
            for path in (served, models, tools):
                path.mkdir()
            archive, digest = archive_of(served, files, top)
            oras = tools / "oras"
            oras.write_text(
                '#!/bin/sh\nset -e\n[ "$1" = pull ]\n[ "$4" = example/base:1 ]\n'
                f'mkdir -p "$3"\ncp {archive} "$3/"\n'
            )
            oras.chmod(0o755)
            handler = functools.partial(Quiet, directory=served)
            with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
                threading.Thread(target=server.serve_forever, daemon=True).start()
                environment = {
                    "PATH": f"{tools}:{os.environ['PATH']}", "SOURCE": kind, "NAME": "base", "MODELS": str(models),
                    "SHA256": digest if right else HASH, "URL": f"http://127.0.0.1:{server.server_port}/{archive.name}",
                    "REFERENCE": "example/base:1", "FILE": archive.name, "no_proxy": "127.0.0.1",
                }
                result = run("sh", "-c", scripts[kind], env=environment)
                gone = environment | {"URL": "http://127.0.0.1:1/", "REFERENCE": "gone"}
                again = run("sh", "-c", scripts[kind], env=gone)
                server.shutdown()
            case = f"{kind}, {top}{files}, right hash: {right}"
            require((result.returncode == 0) == succeeds, f"{case}: exit code {result.returncode}\n{result.stderr}")
            require(message in result.stderr, f"{case}: {result.stderr}")
            require((models / "base" / "config.json").exists() == succeeds, f"{case}: the package")
            if succeeds:
                found = sorted(file.name for file in (models / "base").iterdir())
                require(found == sorted(files), f"{case}: {found}")
                require(again.returncode == 0, f"{case}: a second start fetches again")
                require([path.name for path in models.iterdir()] == ["base"], f"{case}: something is left behind")
    return f"{len(cases)} archives"


def notes():
    """the notes name the first call, with what it needs"""
    needed = {
        "laptop": ["http://localhost:50051\n", "auth.insecure is set"],
        "production": ["https://localhost:50051 --ca ca.crt --api-key-file key.txt\n", "tagger.news.example"],
        "air-gapped": ["--client-certificate client.crt --client-key client.key --api-key-file key.txt\n"],
    }
    with tempfile.TemporaryDirectory() as folder:
        # helm shows notes of a real release only; here they are part of an object.
        chart = Path(folder) / "tagwerk"
        shutil.copytree(CHART, chart)
        (chart / "templates" / "NOTES.txt").rename(chart / "files" / "NOTES.txt")
        (chart / "templates" / "notes.yaml").write_text(
            'kind: Notes\napiVersion: v1\ntext: {{ tpl (.Files.Get "files/NOTES.txt") . | toJson }}\n'
        )
        for example in EXAMPLES:
            result = run(HELM, "template", RELEASE, chart, "--values", example, "--show-only", "templates/notes.yaml")
            require(result.returncode == 0, result.stderr)
            text = yaml.safe_load(result.stdout)["text"]
            for words in ["tagwerk tag --server", *needed[example.stem]]:
                require(words in text, f"{example.name}: no {words!r} in\n{text}")
    return f"{len(EXAMPLES)} examples"


def same():
    """the same values make the same bytes, and the chart can be packed"""
    for example in EXAMPLES:
        values = yaml.safe_load(example.read_text())
        require(helm_template(values).stdout == helm_template(values).stdout, f"{example.name} renders differently")
    with tempfile.TemporaryDirectory() as folder:
        result = run(HELM, "package", CHART, "--destination", folder)
        require(result.returncode == 0, result.stderr)
        [archive] = Path(folder).glob("*.tgz")
        direct = render(OPEN)
        place = ["--namespace", NAMESPACE, "--kube-version", NEWEST]
        packed = run(HELM, "template", RELEASE, archive, *place, "--set", "auth.insecure=true")
        require(list(filter(None, yaml.safe_load_all(packed.stdout))) == direct, "the packed chart renders differently")
        return f"{archive.name}, {archive.stat().st_size // 1024} KiB"


CHECKS = [lint, documents, matrix, refusals, meaning, settings, worker, keys, rules, dashboard, fetching, notes, same]


def main():
    chosen = sys.argv[1:]
    unknown = set(chosen) - {check.__name__ for check in CHECKS}
    if unknown:
        sys.exit(f"no such check: {', '.join(unknown)}; there are {', '.join(check.__name__ for check in CHECKS)}")
    failed = 0
    for check in CHECKS:
        if chosen and check.__name__ not in chosen:
            continue
        try:
            print(f"ok      {check.__name__}: {check.__doc__} ({check()})", flush=True)
        except Failed as failure:
            failed += 1
            print(f"FAILED  {check.__name__}: {check.__doc__}\n{failure}", flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()

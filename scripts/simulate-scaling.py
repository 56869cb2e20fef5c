"""Simulates the autoscaler on a day of news: simulate-scaling.py [--write | --rewrite | --check | --self-test | --set …].

Without a flag a few settings are simulated and their tables printed; --set changes what is assumed, such as
--set load.articles=3e6. --write simulates everything and writes the tables of docs/scaling.md, docs/scaling/*.svg and
docs/scaling/runs.csv (six minutes); --rewrite takes the runs that stand in runs.csv. --check tells what of them, and
of values.yaml, is out of date, and simulates a few rows anew. --self-test holds the simulation against theory and a
measurement. All chance is seeded: the same parameters give the same figures.
"""

import argparse
import collections
import csv
import functools
import io
import itertools
import math
import os
import random
import re
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import astuple, dataclass, field, fields, replace
from pathlib import Path
from xml.sax.saxutils import escape

ROOT = Path(__file__).resolve().parent.parent
DOCUMENT = ROOT / "docs" / "scaling.md"
PLOTS = ROOT / "docs" / "scaling"
RUNS = PLOTS / "runs.csv"
VALUES = ROOT / "helm" / "tagwerk" / "values.yaml"
DAY = 86_400
LATE = 60


# What is assumed.


@dataclass(frozen=True)
class Texts:
    """Articles and their length. Words are log-normal; two of three articles have 300 to 600 of them."""

    short_words: float = 300
    long_words: float = 600
    tokens_per_word: float = 1.7
    copies: float = 0.6
    """The share of articles that repeat an earlier one."""
    hits: float = 0.8
    """The share of those copies that the cache answers: some are edited, some come before the first has been read."""

    @property
    def sigma(self):
        return math.log(self.long_words / self.short_words) / 2

    @property
    def median_tokens(self):
        return math.sqrt(self.short_words * self.long_words) * self.tokens_per_word

    @property
    def mean_tokens(self):
        return self.median_tokens * math.exp(self.sigma**2 / 2)


@dataclass(frozen=True)
class Load:
    """A day of articles: a curve over the hours, and one piece of breaking news."""

    articles: float = 1_000_000
    texts: Texts = Texts()
    curve: tuple = (
        0.45, 0.35, 0.30, 0.30, 0.45, 0.80, 1.30, 1.80, 2.00, 1.80, 1.50, 1.35,
        1.25, 1.25, 1.30, 1.30, 1.30, 1.20, 1.05, 0.90, 0.80, 0.70, 0.60, 0.50,
    )
    """Weights of the hours; a minute lies on the line between two."""
    news_at: int = 14 * 3600 + 1200
    news_factor: float = 20
    news_rise: int = 60
    """Seconds in which the rate reaches the factor."""
    news_half_life: float = 300
    """Seconds in which what is above the curve halves."""
    calls: float = 0.1
    """The share of articles that come as single calls; the others come in streams, which wait outside."""
    deadline: float = math.inf
    """Seconds of waiting work from which on a call is refused, as its deadline could not be met."""
    cached: bool = True
    seconds: int = DAY
    seed: int = 1

    @property
    def tokens(self):
        """Tokens of an article that must be read, on average."""
        return self.texts.mean_tokens * (1 - self.texts.copies * self.texts.hits if self.cached else 1)

    def weight(self, second):
        hour = second / 3600 % 24
        before = int(hour)
        here, there = self.curve[before], self.curve[(before + 1) % 24]
        return (here + (there - here) * (hour - before)) * 24 / sum(self.curve)

    def rate(self, second):
        """Articles per second."""
        rate = self.articles / DAY * self.weight(second)
        since = second - self.news_at
        if since < 0 or self.news_factor <= 1:
            return rate
        height = min(1, since / self.news_rise) * 0.5 ** (max(0, since - self.news_rise) / self.news_half_life)
        return rate * (1 + (self.news_factor - 1) * height)


@dataclass(frozen=True)
class Cluster:
    """A pod and what it takes to get one. Times in seconds."""

    cpus: int = 2
    tokens_per_cpu: float = 1200
    """Tokens per second."""
    queue_tokens: int = 262_144
    batch_tokens: int = 1024
    """With less room than this, a call is refused."""
    streams: int = 16
    """Streams that are open to each pod, all callers together."""
    stream_documents: int = 32
    """Documents of a stream that are worked on at a time; it is not read further."""
    schedule: int = 5
    model: float = 1.7
    endpoint: int = 5
    """From ready to the first call: probes, endpoints, name service."""
    places: int = 9
    """Pods for which there are nodes at any time, with the image on them."""
    places_per_node: int = 3
    node: int = 90
    """Until the cluster autoscaler has brought a node."""
    pull: int = 60
    node_idle: int = 600
    pre_stop: int = 10
    grace: int = 60

    @property
    def pace(self):
        """Tokens per second of a pod."""
        return round(self.cpus * self.tokens_per_cpu)


@dataclass(frozen=True)
class Lag:
    """How old the figures are that the autoscaler sees. Times in seconds."""

    sync: int = 15
    scrape: int = 15
    adapter: int = 30
    cpu_window: int = 15
    cpu: int = 15
    tolerance: float = 0.1


@dataclass(frozen=True)
class Setting:
    """What `autoscaling` in values.yaml says."""

    type: str = "hpa"
    min: int = 2
    max: int = 10
    queue_seconds: float = 2
    cpu_percent: int = 0
    up_window: int = 0
    up_percent: int = 100
    up_pods: int = 4
    up_period: int = 30
    down_window: int = 600
    down_percent: int = 20
    down_period: int = 120
    cached_for: int = 0
    """keda: seconds for which a figure is kept (useCachedMetrics with pollingInterval); 0 asks Prometheus each time."""


KEYS = {
    "min": "minReplicas",
    "max": "maxReplicas",
    "queue_seconds": "queueSeconds",
    "cpu_percent": "cpuPercent",
    "up_window": "scaleUp.stabilizationWindowSeconds",
    "up_percent": "scaleUp.percent",
    "up_pods": "scaleUp.pods",
    "up_period": "scaleUp.periodSeconds",
    "down_window": "scaleDown.stabilizationWindowSeconds",
    "down_percent": "scaleDown.percent",
    "down_period": "scaleDown.periodSeconds",
}


def shipped():
    """The setting that stands in values.yaml."""
    found, path = {}, []
    for line in VALUES.read_text().splitlines():
        match = re.match(r"( *)(\w+):\s*(\S*)", line)
        if match:
            del path[len(match[1]) // 2:]
            path.append(match[2])
            found[".".join(path)] = match[3]
    values = {name: float(found[f"autoscaling.{key}"]) for name, key in KEYS.items()}
    return Setting(**{name: int(value) if value.is_integer() else value for name, value in values.items()})


def planned(setting):
    """The share of a pod's pace that is used when the pods are as many as the setting wants."""
    return setting.cpu_percent / 100 if setting.cpu_percent else 1.0


# What happens.


def poisson(chance, mean):
    """A Poisson number; above 50 by the normal distribution, which is close enough there and much quicker."""
    if mean > 50:
        return max(0, round(chance.gauss(mean, math.sqrt(mean))))
    limit, count, product = math.exp(-mean), 0, chance.random()
    while product > limit:
        count += 1
        product *= chance.random()
    return count


def arrivals(load):
    """For each second the tokens of the articles in streams, and of those in single calls. Tokens are whole numbers, so
    that sums come out the same everywhere."""
    chance, texts = random.Random(load.seed), load.texts
    mean, sigma, hit = math.log(texts.median_tokens), texts.sigma, texts.copies * texts.hits
    for second in range(load.seconds):
        streams, calls = [], []
        for _ in range(poisson(chance, load.rate(second))):
            tokens = max(1, round(math.exp(chance.gauss(mean, sigma)) if sigma else texts.median_tokens))
            if load.cached and chance.random() < hit:
                continue
            (calls if chance.random() < load.calls else streams).append(tokens)
        yield streams, calls


class Pod:
    """A pod from its creation to its end."""

    __slots__ = ("placed", "open_at", "stop_at", "queue", "busy", "seen_queue", "seen_cpu")

    def __init__(self):
        self.placed = False
        self.open_at = math.inf
        self.stop_at = None
        self.queue = 0
        self.busy = 0.0
        self.seen_queue = collections.deque(maxlen=8)
        self.seen_cpu = collections.deque(maxlen=8)


def seen(samples, second):
    """The newest sample that was taken by that second, or None."""
    for at, value in reversed(samples):
        if at <= second:
            return value
    return None


def by_average(current, values, silent, target, tolerance):
    """The replicas that a figure of each pod calls for. Pods without one count as idle on the way up and as on target
    on the way down, and never turn the direction."""
    if not values:
        return current
    ratio = sum(values) / len(values) / target
    if silent and ratio != 1:
        assumed = 0 if ratio > 1 else target
        again = (sum(values) + silent * assumed) / (len(values) + silent) / target
        if abs(1 - again) <= tolerance or (again > 1) != (ratio > 1):
            return current
        proposal = math.ceil(again * (len(values) + silent))
        return current if (proposal > current) != (again > 1) else proposal
    if abs(1 - ratio) <= tolerance:
        return current
    return math.ceil(ratio * len(values))


def by_sum(current, total, target, tolerance):
    """The replicas that a figure of all pods together calls for (KEDA: metricType AverageValue)."""
    if abs(1 - total / (target * current)) <= tolerance:
        return current
    return math.ceil(total / target)


@dataclass
class Behavior:
    """Stabilization windows and policies of a HorizontalPodAutoscaler (autoscaling/v2)."""

    setting: Setting
    proposals: list = field(default_factory=list)
    changes: list = field(default_factory=list)

    def next(self, second, current, proposal):
        """The replicas that are asked for at this second."""
        setting = self.setting
        self.proposals.append((second, proposal))
        longest = max(setting.up_window, setting.down_window)
        self.proposals = [p for p in self.proposals if p[0] > second - longest]
        low = min([p for at, p in self.proposals if at > second - setting.up_window] + [proposal])
        high = max([p for at, p in self.proposals if at > second - setting.down_window] + [proposal])
        wanted = low if current < low else high if current > high else current
        wanted = max(setting.min, min(setting.max, wanted))
        if wanted > current:
            start = current - self.changed(second, setting.up_period)
            limit = max(math.ceil(start * (100 + setting.up_percent) / 100), start + setting.up_pods)
            wanted = max(current, min(wanted, limit))
        elif wanted < current:
            start = current - self.changed(second, setting.down_period)
            limit = start * (100 - setting.down_percent) // 100
            wanted = min(current, max(wanted, limit))
        if wanted != current:
            self.changes.append((second, wanted - current))
        return wanted

    def changed(self, second, period):
        return sum(change for at, change in self.changes if at > second - period)


@dataclass
class Result:
    """What a day came to."""

    setting: Setting
    waits: list
    """Each second: seconds of work that wait, in pods and outside, at the pace of the pods that take calls."""
    pods: list
    """Each second: pods that exist."""
    taken: list
    """Each second: tokens that came and were not refused."""
    done: list
    """Each second: tokens that were read."""
    articles: list
    """Each second: articles that came, refused ones included."""
    pod_hours: float = 0.0
    refused: float = 0.0
    """The share of single calls that was refused."""
    left: float = 0.0
    """Tokens that wait at the end."""
    ends: int = 0

    def delays(self):
        """For each second, how long it took until what had come by then was read."""
        read, second, delays, come = list(itertools.accumulate(self.done)), 0, [], 0.0
        for now, tokens in enumerate(self.taken):
            come += tokens
            second = max(second, now)
            while second < len(read) - 1 and read[second] < come - 1:
                second += 1
            delays.append(second - now)
        return delays

    def summary(self):
        """What the tables show of it."""
        waits, delays = sorted(self.waits), self.delays()
        p50, p95, p99 = (waits[min(len(waits) - 1, int(part * len(waits)))] for part in (0.5, 0.95, 0.99))
        late = sum(n for n, delay in zip(self.articles, delays) if delay > LATE) / max(1, sum(self.articles))
        row = (p50, p95, p99, waits[-1], max(delays), late, self.refused, self.pod_hours, max(self.pods), self.ends)
        return Summary(*(round(figure, 4) for figure in row))


@dataclass(frozen=True)
class Summary:
    """A day in numbers."""

    p50: float
    p95: float
    p99: float
    max: float
    """Quantiles of the seconds of work that wait, over the seconds of the day."""
    slowest: float
    """Seconds that the slowest article took."""
    late: float
    """The share of articles that took longer than LATE seconds."""
    refused: float
    pod_hours: float
    most: float
    """Pods at most."""
    ends: float
    """Pods that were ended: each end moves its streams elsewhere."""


def simulate(setting, load=Load(), cluster=Cluster(), lag=Lag(), day=None):
    """Runs one setting through one day, second by second."""
    pods, behavior, pace = [Pod() for _ in range(setting.min)], Behavior(setting), cluster.pace
    for pod in pods:
        pod.placed, pod.open_at = True, 0
    places, ordered, idle_since, replicas = max(cluster.places, setting.min), [], 0, setting.min
    outside, turn, calls_seen, calls_refused, cached_sum = 0, 0, 0, 0, (-math.inf, 0.0)
    result = Result(setting, [], [], [], [], [])
    in_streams = round(cluster.streams * cluster.stream_documents * load.texts.mean_tokens)
    room_for_streams = min(cluster.queue_tokens, in_streams)
    full = min(cluster.queue_tokens - cluster.batch_tokens, load.deadline * pace)

    for second, (streams, calls) in enumerate(day or arrivals(load)):
        ready = [pod for pod in pods if pod.open_at <= second and pod.stop_at is None]
        count = len(ready)

        # Streams take turns; what finds no room waits outside.
        if outside == 0:
            for index, pod in enumerate(ready):
                mine = sum(streams[(index + turn) % count::count])
                over = min(mine, max(0, pod.queue + mine - room_for_streams))
                pod.queue += mine - over
                outside += over
            turn += len(streams)
        else:
            outside += sum(streams)
            share = -(-outside // count)
            for pod in ready:
                more = max(0, min(share, outside, room_for_streams - pod.queue))
                pod.queue, outside = pod.queue + more, outside - more

        # Single calls are refused where the queue is full, also by streams: those were there before.
        taken = sum(streams)
        for tokens in calls:
            turn += 1
            pod = ready[turn % count]
            if pod.queue >= full:
                calls_refused += 1
            else:
                pod.queue += tokens
                taken += tokens
        calls_seen += len(calls)

        inside, read = 0, 0
        for pod in pods:
            if pod.open_at <= second:
                done = min(pod.queue, pace)
                pod.queue -= done
                pod.busy += done / pace
                read += done
                if pod.stop_at is None:
                    inside += pod.queue
        result.waits.append((inside + outside) / (count * pace))
        result.pods.append(len(pods))
        result.taken.append(taken)
        result.done.append(read)
        result.articles.append(len(streams) + len(calls))

        # The end of pods: at once where they never served, else when preStop has passed and their queue is empty.
        for pod in [pod for pod in pods if pod.stop_at is not None]:
            since = second - pod.stop_at
            started = pod.open_at <= second
            finished = since >= cluster.pre_stop and pod.queue == 0
            if not started or finished or since >= cluster.pre_stop + cluster.grace:
                # What is not done by then is sent again.
                outside += pod.queue
                pods.remove(pod)

        # Nodes and places on them.
        arrived = [node for node in ordered if node[0] <= second]
        ordered = [node for node in ordered if node[0] > second]
        places += sum(size for _, size in arrived)
        placed = sum(pod.placed for pod in pods)
        for pod in pods:
            if not pod.placed and placed < places:
                pod.placed = True
                placed += 1
                pod.open_at = second + cluster.schedule + cluster.model + cluster.endpoint
        missing = len(pods) - places - sum(size for _, size in ordered)
        if missing > 0:
            size = math.ceil(missing / cluster.places_per_node) * cluster.places_per_node
            ordered.append((second + cluster.node + cluster.pull, size))
        if places <= cluster.places or len(pods) > places - cluster.places_per_node:
            idle_since = second
        elif second - idle_since >= cluster.node_idle:
            places = max(cluster.places, math.ceil(len(pods) / cluster.places_per_node) * cluster.places_per_node)

        # Figures are taken, and seen later.
        if second % lag.scrape == 0:
            for pod in pods:
                if pod.open_at <= second + cluster.endpoint and pod.stop_at is None:
                    pod.seen_queue.append((second, pod.queue / pace))
        if second % lag.cpu_window == 0:
            for pod in pods:
                if pod.open_at <= second - lag.cpu_window and pod.stop_at is None:
                    pod.seen_cpu.append((second, 100 * pod.busy / lag.cpu_window))
                pod.busy = 0.0

        if second % lag.sync == lag.sync - 1 and setting.max > setting.min:
            alive = [pod for pod in pods if pod.stop_at is None]
            proposal = 0
            if setting.type == "hpa":
                values = [seen(pod.seen_queue, second - lag.adapter) for pod in alive]
                values = [value for value in values if value is not None]
                silent = len(alive) - len(values)
                proposal = by_average(replicas, values, silent, setting.queue_seconds, lag.tolerance)
            else:
                if second - cached_sum[0] >= setting.cached_for:
                    cached_sum = (second, sum(seen(pod.seen_queue, second) or 0 for pod in alive))
                proposal = by_sum(replicas, cached_sum[1], setting.queue_seconds, lag.tolerance)
            if setting.cpu_percent:
                values = [seen(pod.seen_cpu, second - lag.cpu) for pod in alive]
                values = [value for value in values if value is not None]
                silent = len(alive) - len(values)
                proposal = max(proposal, by_average(replicas, values, silent, setting.cpu_percent, lag.tolerance))
            wanted = behavior.next(second, replicas, proposal)
            pods += [Pod() for _ in range(wanted - replicas)]
            # Those that are not ready go first, then the youngest.
            for pod in sorted(alive, key=lambda pod: -pod.open_at)[: max(0, replicas - wanted)]:
                pod.stop_at = second
            result.ends += max(0, replicas - wanted)
            replicas = wanted

    result.pod_hours = sum(result.pods) / 3600
    result.refused = calls_refused / max(1, calls_seen)
    result.left = outside + sum(pod.queue for pod in pods)
    return result


# What is simulated.

SWEEP_MAX = 50
SWEEP = [
    Setting(
        max=SWEEP_MAX, queue_seconds=queue, cpu_percent=cpu, up_percent=up[0], up_pods=up[1], up_period=up[2],
        down_window=down[0], down_percent=down[1], down_period=down[2],
    )
    for queue, cpu, up, down in itertools.product(
        (2, 5, 10, 30),
        (0, 60, 70, 80),
        ((100, 4, 30), (100, 4, 15), (300, 10, 15)),
        ((600, 20, 120), (300, 20, 60), (300, 50, 60), (120, 50, 60)),
    )
]
MAXIMA = (10, 20, 30, 40, 50, 60, 80, 100)
QUEUE_ALONE = Setting()
FAST = Setting(
    max=60, queue_seconds=1, cpu_percent=50, up_percent=900, up_pods=20, up_period=15, down_window=900,
    down_percent=10, down_period=60,
)
THRIFTY = Setting(max=15, queue_seconds=30, cpu_percent=80, down_window=120, down_percent=50, down_period=60)

# The rule by which one is chosen.
P99 = 10
SLOWEST = 180


@dataclass(frozen=True)
class World:
    """Everything that is not the autoscaler's setting."""

    load: Load = Load()
    cluster: Cluster = Cluster()
    lag: Lag = Lag()

    def but(self, **changes):
        """The same with other parameters: room__name=value."""
        rooms = {}
        for name, value in changes.items():
            room, _, inner = name.partition("__")
            rooms.setdefault(room, {})[inner] = value
        return replace(self, **{room: replace(getattr(self, room), **inner) for room, inner in rooms.items()})


def worlds(base=World()):
    """The days and clusters that settings are tried in."""
    return {
        "news": base,
        "ordinary": base.but(load__news_factor=1),
        "no cache": base.but(load__cached=False),
        "news x5": base.but(load__news_factor=5),
        "seed 2": base.but(load__seed=2),
        "seed 3": base.but(load__seed=3),
        "nodes ready": base.but(cluster__places=200),
        "no spare node": base.but(cluster__places=6),
        "slow nodes": base.but(cluster__node=240),
        "slow start": base.but(cluster__model=15.0),
        "slow figures": base.but(lag__scrape=30, lag__adapter=60),
        "few streams": base.but(cluster__streams=2),
        "slow pods": base.but(cluster__tokens_per_cpu=900),
        "4 CPUs": base.but(cluster__cpus=4, cluster__places=5, cluster__places_per_node=2),
        "10 million": base.but(load__articles=10e6, cluster__places=90),
    }


@functools.lru_cache(maxsize=1)
def day_of(load):
    """The arrivals of a day, kept for the next setting."""
    return list(arrivals(load))


# Above this many articles a day is not kept: it would fill the memory.
KEPT_ARTICLES = 2e6


def run(job):
    """The result of a world and a setting."""
    world, setting = job
    day = day_of(world.load) if world.load.articles <= KEPT_ARTICLES else None
    return simulate(setting, world.load, world.cluster, world.lag, day)


def summary_of(job):
    return run(job).summary()


class Runs:
    """Summaries by the name of the world and the setting. Those that are missing are simulated together."""

    def __init__(self, base=World(), known=None):
        self.worlds = worlds(base)
        self.known = dict(known or {})

    def add(self, keys):
        missing = [key for key in dict.fromkeys(keys) if key not in self.known]
        jobs = [(self.worlds[name], setting) for name, setting in missing]
        with ProcessPoolExecutor(os.cpu_count()) as pool:
            # In chunks, so that settings of one day share it.
            chunk = max(1, min(24, len(jobs) // (2 * os.cpu_count())))
            for number, (key, summary) in enumerate(zip(missing, pool.map(summary_of, jobs, chunksize=chunk)), 1):
                self.known[key] = summary
                if sys.stderr.isatty():
                    print(f"\r{number} of {len(missing)} days", end="", file=sys.stderr, flush=True)
        if missing and sys.stderr.isatty():
            print(file=sys.stderr)

    def __getitem__(self, key):
        if key not in self.known:
            self.add([key])
        return self.known[key]


def text_of(known):
    """Runs as the file that keeps them."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["world", *(f.name for f in fields(Setting)), *(f"day_{f.name}" for f in fields(Summary))])
    for (name, setting), summary in sorted(known.items(), key=lambda item: (item[0][0], astuple(item[0][1]))):
        writer.writerow([name, *astuple(setting), *(f"{figure:g}" for figure in astuple(summary))])
    return file.getvalue()


def kept():
    """The runs of the file."""
    known = {}
    if not RUNS.exists():
        return known
    for row in csv.DictReader(io.StringIO(RUNS.read_text())):
        setting = Setting(**{f.name: row[f.name] if f.name == "type" else int(row[f.name]) for f in fields(Setting)})
        known[row["world"], setting] = Summary(**{f.name: float(row[f"day_{f.name}"]) for f in fields(Summary)})
    return known


def keeps(summary):
    return summary.p99 <= P99 and summary.slowest <= SLOWEST


def cheapest(known):
    """The setting of the sweep that keeps the bounds with the fewest pod hours."""
    return min((s for s in SWEEP if keeps(known["news", s])), key=lambda s: known["news", s].pod_hours)


def chosen(known):
    """The same with the smallest maximum that keeps them."""
    best = cheapest(known)
    maximum = min((m for m in MAXIMA if keeps(known["news", replace(best, max=m)])), default=best.max)
    return replace(best, max=maximum)


# Tables.


def table(head, rows, words=(0,)):
    """A Markdown table. All columns but those of words are figures."""
    marks = ["---" if number in words else "--:" for number in range(len(head))]
    lines = [head, *rows]
    text = [f"| {' | '.join(str(cell) for cell in line)} |" for line in lines]
    return "\n".join([text[0], f"|{'|'.join(marks)}|", *text[1:]])


def seconds(value):
    return f"{value:,.0f}" if value >= 9.95 else f"{value:.1f}"


def percent(share):
    return f"{100 * share:.1f} %"


DAY_HEAD = [
    "p50 s", "p99 s", "max s", "slowest article s", f"over {LATE} s", "calls refused", "pods at most", "pod hours",
]


def day_row(summary):
    return [
        seconds(summary.p50), seconds(summary.p99), seconds(summary.max), f"{summary.slowest:,.0f}",
        percent(summary.late), percent(summary.refused), f"{summary.most:.0f}", f"{summary.pod_hours:.0f}",
    ]


def assumed(base):
    """What is assumed, and where it comes from."""
    load, texts, cluster, lag = base.load, base.load.texts, base.cluster, base.lag
    hour = peak(load) / load.articles * DAY
    rows = [
        ("texts.short_words, long_words", f"{texts.short_words:g}, {texts.long_words:g}",
         f"Words of an article: log-normal, two of three lie between these; mean {mean_words(texts):.0f}"),
        ("texts.tokens_per_word", f"{texts.tokens_per_word:g}",
         f"Measured, see above; so {texts.mean_tokens:.0f} tokens an article"),
        ("texts.copies", f"{texts.copies:g}", "Share of articles that repeat an earlier one (syndication)"),
        ("texts.hits", f"{texts.hits:g}",
         "Share of these that the cache answers, where all pods share one; the others are edited, or come before the "
         "first has been read"),
        ("load.articles", f"{load.articles:,.0f}", "Articles of a day, without the news"),
        ("load.cached", f"{load.cached:d}", "1 with the cache, 0 without"),
        ("load.curve", f"x {hour:.2f}", "The peak hour (8 to 9 in the morning) against the mean of the day"),
        ("load.news_at, news_factor", f"{load.news_at // 3600}:{load.news_at % 3600 // 60:02}, x {load.news_factor:g}",
         "Breaking news, and by how much it multiplies the articles of that moment"),
        ("load.news_rise, news_half_life", f"{load.news_rise} s, {load.news_half_life:g} s",
         "From the first article to the height, and the half-life of what is above the curve"),
        ("load.calls", f"{load.calls:g}",
         "Share of articles in single calls, which are refused where the queue is full; the others come in streams and "
         "wait outside"),
        ("cluster.tokens_per_cpu", f"{cluster.tokens_per_cpu:g}", "Measured, see above"),
        ("cluster.queue_tokens, batch_tokens", f"{cluster.queue_tokens:,}, {cluster.batch_tokens:,}",
         "The server's defaults"),
        ("cluster.streams, stream_documents", f"{cluster.streams}, {cluster.stream_documents}",
         "Streams open to each pod, and documents of each that are worked on at a time: no more of them waits in the "
         "pod"),
        ("cluster.schedule, model, endpoint", f"{cluster.schedule}, {cluster.model}, {cluster.endpoint} s",
         "From a new pod to its first call: scheduling, loading and warming up the model, probes and endpoints"),
        ("cluster.places, places_per_node", f"{cluster.places}, {cluster.places_per_node}",
         "Pods for which nodes stand ready with the image on them; more come by the node"),
        ("cluster.node, pull, node_idle", f"{cluster.node}, {cluster.pull}, {cluster.node_idle} s",
         "Until the cluster autoscaler has brought a node, until the image is on it, and until an idle node goes"),
        ("cluster.pre_stop, grace", f"{cluster.pre_stop}, {cluster.grace} s", "The end of a pod, as the chart sets it"),
        ("lag.sync, tolerance", f"{lag.sync} s, {lag.tolerance:g}",
         "The HorizontalPodAutoscaler's own: how often it looks, and what it overlooks"),
        ("lag.scrape, adapter", f"{lag.scrape}, {lag.adapter} s",
         "Age of the queue's figures: Prometheus, and the adapter on top"),
        ("lag.cpu_window, cpu", f"{lag.cpu_window}, {lag.cpu} s",
         "Window and age of the CPU's figures (metrics-server)"),
    ]
    rows = [["`" + name.replace(", ", "`, `") + "`", value, meaning] for name, value, meaning in rows]
    return table(["Parameter", "Value", "Meaning"], rows, words=(0, 1, 2))


def mean_words(texts):
    return texts.mean_tokens / texts.tokens_per_word


def peak(load):
    """Articles per second in the busiest hour of an ordinary day."""
    hours = [sum(load.weight(hour * 3600 + s) for s in range(0, 3600, 60)) / 60 for hour in range(24)]
    return load.articles / DAY * max(hours)


def capacity(base, setting):
    """Pods for days of different size."""
    rows = []
    for articles, cached in itertools.product((1e6, 10e6, 100e6), (False, True)):
        load = replace(base.load, articles=articles, cached=cached)
        rates = [articles / DAY * load.tokens, peak(load) * load.tokens]
        pods = []
        for cpus in (2, 4):
            pace = replace(base.cluster, cpus=cpus).pace * planned(setting)
            pods += [f"{max(setting.min, math.ceil(rate / pace)):,}" for rate in rates]
        height = articles / DAY * load.weight(load.news_at) * load.news_factor * load.tokens
        rows.append([
            f"{articles / 1e6:.0f} million", "yes" if cached else "no", *(f"{rate:,.0f}" for rate in rates), *pods,
            f"{math.ceil(height / base.cluster.pace):,}",
        ])
    return table([
        "Articles a day", "Cache", "Tokens/s, mean", "peak hour", "Pods of 2 CPUs, mean", "peak hour",
        "Pods of 4 CPUs, mean", "peak hour", f"2 CPUs, height of news x {base.load.news_factor:g}",
    ], rows)


def named(setting):
    """The settings that are told in full."""
    return {
        "queue alone": QUEUE_ALONE,
        f"queue alone, at most {SWEEP_MAX}": replace(QUEUE_ALONE, max=SWEEP_MAX),
        "fast": FAST,
        "thrifty": THRIFTY,
        "shipped": setting,
    }


def numbers(base, setting):
    """The numbers of the settings."""
    rows = []
    for name, key in KEYS.items():
        rows.append([f"`{key}`", *(f"{getattr(other, name):g}" for other in named(setting).values())])
    return table(["autoscaling", *named(setting)], rows)


def settings(runs, setting):
    """Named settings on the day with news and on an ordinary one."""
    rows = []
    for name, other in named(setting).items():
        rows += [[f"{name}, {day}", *day_row(runs[day, other])] for day in ("news", "ordinary")]
    return table(["Setting, day", *DAY_HEAD], rows)


def sweep(runs):
    """The cheapest settings that keep the bounds, and the cheapest of each CPU target, whether they do or not."""
    keeping = [s for s in SWEEP if keeps(runs["news", s])]
    chosen_ones = sorted(keeping, key=lambda s: runs["news", s].pod_hours)[:6]
    for cpu in sorted({s.cpu_percent for s in SWEEP}):
        of_cpu = [s for s in SWEEP if s.cpu_percent == cpu]
        within = [s for s in of_cpu if keeps(runs["news", s])]
        chosen_ones.append(min(within or of_cpu, key=lambda s: runs["news", s].pod_hours))
    rows = []
    for s in dict.fromkeys(chosen_ones):
        summary = runs["news", s]
        rows.append([
            f"{s.queue_seconds:g}", s.cpu_percent or "none", f"{s.up_percent} %, {s.up_pods} in {s.up_period} s",
            f"{s.down_percent} % in {s.down_period} s after {s.down_window} s", seconds(summary.p99),
            f"{summary.slowest:,.0f}", "yes" if keeps(summary) else "no", f"{summary.pod_hours:.1f}",
            f"{summary.ends:.0f}",
        ])
    head = [
        "Queue seconds", "CPU percent", "Up", "Down", "p99 s", "slowest article s", "Kept", "pod hours", "pods ended",
    ]
    return f"{len(keeping)} of {len(SWEEP)} settings keep both bounds.\n\n{table(head, rows, words=(2, 3, 6))}"


def maxima(runs, setting):
    """What the maximum is worth."""
    rows = []
    for maximum in MAXIMA:
        cells = []
        for world in ("news", "no cache"):
            summary = runs[world, replace(setting, max=maximum)]
            cells += [seconds(summary.p99), f"{summary.slowest:,.0f}"]
            cells += [percent(summary.refused), f"{summary.pod_hours:.0f}"]
        rows.append([maximum, *cells])
    return table([
        "`maxReplicas`", "p99 s", "slowest article s", "calls refused", "pod hours", "without cache: p99 s",
        "slowest article s", "calls refused", "pod hours",
    ], rows)


def others(setting):
    """Rows of other days, clusters and autoscalers: a name, the world, the setting."""
    ten = replace(setting, max=10 * setting.max, min=10 * setting.min)
    late_queue = replace(setting, queue_seconds=30, cpu_percent=0)
    return [
        ("as above", "news", setting),
        ("other chance", "seed 2", setting),
        ("other chance", "seed 3", setting),
        ("without cache", "no cache", setting),
        ("news x 5", "news x5", setting),
        ("nodes ready for all pods", "nodes ready", setting),
        ("nodes for 6 pods", "no spare node", setting),
        ("a node takes 300 s", "slow nodes", setting),
        ("a model is ready after 15 s", "slow start", setting),
        ("figures twice as old", "slow figures", setting),
        ("2 streams a pod", "few streams", setting),
        ("2 streams a pod, `queueSeconds` 30 without CPU", "few streams", late_queue),
        ("a quarter less pace", "slow pods", setting),
        ("pods of 4 CPUs, half as many", "4 CPUs", replace(setting, max=setting.max // 2)),
        ("KEDA", "news", replace(setting, type="keda")),
        ("KEDA, figures kept for 30 s", "news", replace(setting, type="keda", cached_for=30)),
        ("`minReplicas` 8", "news", replace(setting, min=8)),
        (f"10 million, {ten.min} to {ten.max} pods", "10 million", ten),
    ]


def robust(runs, setting):
    """The shipped setting under other circumstances."""
    return table(["Day", *DAY_HEAD], [[name, *day_row(runs[world, other])] for name, world, other in others(setting)])


def tables(runs, base, setting):
    """Every table of the document by its name."""
    return {
        "assumed": assumed(base),
        "capacity": capacity(base, setting),
        "numbers": numbers(base, setting),
        "settings": settings(runs, setting),
        "sweep": sweep(runs),
        "maximum": maxima(runs, setting),
        "others": robust(runs, setting),
    }


def keys_of_tables(setting):
    """Every run that the tables show."""
    for other in named(setting).values():
        yield from ((world, other) for world in ("news", "ordinary"))
    yield from (("news", s) for s in SWEEP)
    yield from ((world, replace(setting, max=maximum)) for maximum in MAXIMA for world in ("news", "no cache"))
    yield from ((world, other) for _, world, other in others(setting))


def filled(document, blocks):
    """The document with each table between its markers."""
    for name, content in blocks.items():
        pattern = re.compile(rf"(<!-- simulated: {name} -->\n).*?(<!-- /simulated -->)", re.DOTALL)
        document, count = pattern.subn(lambda match: f"{match[1]}\n{content}\n\n{match[2]}", document)
        if count != 1:
            sys.exit(f"docs/scaling.md: the markers of the table {name} must stand there once, not {count} times")
    return document


# Plots.

# Ground, ink and faint lines, then the colours of what is drawn.
LIGHT = ("#ffffff", "#24292f", "#d0d7de", "#57606a", "#0550ae", "#bc4c00", "#1a7f37", "#8250df")
DARK = ("#0d1117", "#e6edf3", "#30363d", "#9ea7b3", "#6cb6ff", "#f69d50", "#57d364", "#d2a8ff")


def colours(ground, ink, faint, *drawn):
    """The colours as CSS. Plain values: not every renderer knows variables."""
    rules = [f".ground {{ fill: {ground} }}", f"text {{ fill: {ink} }}"]
    rules += [f".axis {{ stroke: {ink} }}", f".grid {{ stroke: {faint} }}"]
    rules += [f".l{i} {{ stroke: {colour} }} .d{i} {{ fill: {colour} }}" for i, colour in enumerate(drawn)]
    return "\n".join(rules)


STYLE = f"""
text {{ font: 12px system-ui, "DejaVu Sans", sans-serif }} .title {{ font-size: 14px; font-weight: 600 }}
path {{ fill: none; stroke-width: 1.7; stroke-linejoin: round }} .ring {{ fill: none; stroke-width: 2 }}
{colours(*LIGHT)}
@media (prefers-color-scheme: dark) {{
{colours(*DARK)}
}}
"""
DASHES = ["2 3", "", "7 3", "1.5 2.5 7 2.5", "4 2"]


@dataclass(frozen=True)
class Axis:
    """An axis with its ends and ticks, linear or logarithmic."""

    label: str
    low: float
    high: float
    ticks: tuple
    log: bool = False

    def place(self, value):
        """Where a value lies, from 0 to 1."""
        value = max(self.low, min(self.high, value))
        if self.log:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)


def chart(title, x, y, lines=(), dots=(), ring=None):
    """A chart as SVG. Lines and dots are (name, colour, points)."""
    width, height, left, right, top, bottom = 800, 380, 62, 18, 66, 48
    wide, tall = width - left - right, height - top - bottom

    def at(point):
        return left + wide * x.place(point[0]), top + tall * (1 - y.place(point[1]))

    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">',
        f"<title>{escape(title)}</title>", f"<style>{STYLE}</style>",
        f'<rect class="ground" width="{width}" height="{height}"/>',
        f'<text class="title" x="{left}" y="22">{escape(title)}</text>',
    ]
    for value, name in y.ticks:
        level = at((x.low, value))[1]
        out.append(f'<line class="grid" x1="{left}" x2="{left + wide}" y1="{level:.1f}" y2="{level:.1f}"/>')
        out.append(f'<text x="{left - 8}" y="{level + 4:.1f}" text-anchor="end">{name}</text>')
    for value, name in x.ticks:
        place = at((value, y.low))[0]
        out.append(f'<line class="axis" x1="{place:.1f}" x2="{place:.1f}" y1="{top + tall}" y2="{top + tall + 5}"/>')
        out.append(f'<text x="{place:.1f}" y="{top + tall + 19}" text-anchor="middle">{name}</text>')
    out.append(f'<line class="axis" x1="{left}" x2="{left + wide}" y1="{top + tall}" y2="{top + tall}"/>')
    out.append(f'<text x="{left + wide / 2}" y="{height - 8}" text-anchor="middle">{escape(x.label)}</text>')
    middle = top + tall / 2
    turned = f'text-anchor="middle" transform="rotate(-90 16 {middle})"'
    out.append(f'<text x="16" y="{middle}" {turned}>{escape(y.label)}</text>')
    place = left
    for kind, (name, colour, points) in [*(("line", line) for line in lines), *(("dots", group) for group in dots)]:
        if kind == "line":
            steps = " ".join(f"{a:.1f},{b:.1f}" for a, b in map(at, points))
            dash = f' stroke-dasharray="{DASHES[colour]}"' if DASHES[colour] else ""
            out.append(f'<path class="l{colour}"{dash} d="M{steps}"/>')
            out.append(f'<path class="l{colour}"{dash} d="M{place},44h28"/>')
        else:
            out += [f'<circle class="d{colour}" cx="{a:.1f}" cy="{b:.1f}" r="3.2"/>' for a, b in map(at, points)]
            out.append(f'<circle class="d{colour}" cx="{place + 14}" cy="44" r="4"/>')
        out.append(f'<text x="{place + 34}" y="48">{escape(name)}</text>')
        place += 34 + 7 * len(name) + 22
    if ring:
        a, b = at(ring)
        out.append(f'<circle class="l4 ring" cx="{a:.1f}" cy="{b:.1f}" r="8"/>')
        out.append(f'<text x="{a + 12:.1f}" y="{b - 8:.1f}">shipped</text>')
    return "\n".join([*out, "</svg>\n"])


def thinned(values, start, end, step, pick=max):
    """Points of every so many seconds: the largest value, or what pick makes of them."""
    return [(second / 3600, pick(values[second:second + step])) for second in range(start, min(end, len(values)), step)]


def hours(start, end, step=1.0):
    """Ticks of the time of day."""
    count = round((end - start) / step)
    times = [start + step * number for number in range(count + 1)]
    return tuple((time, f"{int(time)}:{round(time % 1 * 60):02}") for time in times)


def powers(*values):
    return tuple((value, f"{value:g}") for value in values)


def keys_of_plots(setting):
    """The runs whose course is drawn, by what they are called."""
    return {
        "queue alone": ("news", QUEUE_ALONE),
        "thrifty": ("news", THRIFTY),
        "shipped": ("news", setting),
        "morning, queue alone": ("ordinary", replace(QUEUE_ALONE, max=SWEEP_MAX)),
        "morning, shipped": ("ordinary", setting),
    }


def plots(runs, base, setting, courses):
    """The charts by file name."""
    load, pace = base.load, base.cluster.pace
    news = load.news_at

    def needed(load, start, end, step):
        return [(second / 3600, load.rate(second) * load.tokens / pace) for second in range(start, end, step)]

    def drawn(field_name, start, end, step):
        return [
            (name, colour, thinned(getattr(courses[name], field_name), start, end, step))
            for name, colour in (("queue alone", 2), ("thrifty", 3), ("shipped", 1))
        ]

    ordinary = replace(load, news_factor=1)
    first, last = 6 * 3600, 10 * 3600
    start, end = news - 600, news + 6600
    by_cpu = [
        (f"CPU {cpu} %" if cpu else "queue alone", colour,
         [(runs["news", s].pod_hours, runs["news", s].p99) for s in SWEEP if s.cpu_percent == cpu])
        for cpu, colour in ((0, 2), (60, 3), (70, 0), (80, 1))
    ]
    ringed = runs["news", setting]
    costs = [x for _, _, points in by_cpu for x, _ in points]
    low, high = 50 * math.floor(min(costs) / 50), 50 * math.ceil(max(costs) / 50)
    return {
        "pods.svg": chart(
            "Pods on a day with breaking news, 1 million articles",
            Axis("time of day", 0, 24, hours(0, 24, 3)), Axis("pods", 1, 64, powers(1, 2, 4, 8, 16, 32, 64), log=True),
            [("pods that the load fills", 0, needed(load, 0, DAY, 120)), *drawn("pods", 0, DAY, 120)],
        ),
        "news.svg": chart(
            "Seconds of work that wait, around the news",
            Axis("time of day", start / 3600, end / 3600, hours(14.25, 16, 0.25)),
            Axis("seconds; 1 and less at the foot", 1, 2000, powers(1, 10, 100, 1000), log=True),
            drawn("waits", start, end, 10),
        ),
        "morning.svg": chart(
            "An ordinary morning: the queue alone goes up and down, with CPU the pods follow the load",
            Axis("time of day", 6, 10, hours(6, 10, 0.5)), Axis("pods", 0, 30, powers(0, 5, 10, 15, 20, 25, 30)),
            [
                ("pods that the load fills", 0, needed(ordinary, first, last, 60)),
                *(
                    (name, colour, thinned(courses[course].pods, first, last, 15))
                    for name, colour, course in (
                        (f"queue alone, at most {SWEEP_MAX}", 2, "morning, queue alone"),
                        ("shipped", 1, "morning, shipped"),
                    )
                ),
            ],
        ),
        "sweep.svg": chart(
            f"{len(SWEEP)} settings: what waits against what it costs",
            Axis("pod hours of the day with news", low, high, powers(*range(low, high + 1, 25))),
            Axis("p99 of queue seconds", 0.1, 1000, powers(0.1, 1, 10, 100, 1000), log=True),
            dots=by_cpu, ring=(ringed.pod_hours, ringed.p99),
        ),
    }


# Whether the simulation can be trusted.

FLAT = (1.0,) * 24
STEADY = World().but(load__curve=FLAT, load__news_factor=1, load__calls=0.0, load__cached=False)


def trials():
    """What is tried, what is expected, what was found, and whether that is close enough."""
    pace = STEADY.cluster.pace

    # One server, arrivals at random and equal articles of 20 s: the mean wait is known (Pollaczek and Khinchine).
    words = 20 * pace / STEADY.load.texts.tokens_per_word
    world = STEADY.but(
        load__texts=replace(Texts(), short_words=words, long_words=words), load__articles=0.04 * DAY,
        load__seconds=20 * DAY,
    )
    waits = run((world, Setting(min=1, max=1))).waits
    mean = sum(waits) / len(waits)
    yield "M/D/1 at 80 %: mean seconds of work", "40", f"{mean:.1f}", abs(mean - 40) < 5

    # A steady load comes to rest where pods x target = load, within the tolerance.
    for full, target in ((10, 80), (10, 50), (25, 70)):
        articles = full * pace / STEADY.load.texts.mean_tokens * DAY
        world = STEADY.but(load__articles=articles, load__seconds=7200, cluster__places=200)
        pods = run((world, Setting(max=100, cpu_percent=target, queue_seconds=60))).pods[3600:]
        least, most = full / (target / 100 * 1.1), full / (target / 100 * 0.9)
        yield (
            f"steady load of {full} full pods, CPU target {target} %: pods", f"{least:.1f} to {most:.1f}",
            f"{min(pods)} to {max(pods)}", math.floor(least) <= min(pods) and max(pods) <= math.ceil(most),
        )

    # Nothing is lost, whatever the setting does.
    result = run((World().but(load__seconds=16 * 3600), THRIFTY))
    lost = sum(result.taken) - sum(result.done) - result.left
    yield "tokens that came, less those read and waiting", "0", f"{abs(lost):.0f}", abs(lost) < 1

    # The autoscaler's rules, worked out by hand.
    for name, values, silent, target, current, expected in (
        ("twice the target doubles the pods", [4, 4], 0, 2, 2, 4),
        ("a tenth is overlooked", [2.1, 2.1], 0, 2, 2, 2),
        ("silent pods count as idle on the way up", [4, 4], 2, 2, 4, 4),
        ("silent pods count as on target on the way down", [0.5, 0.5], 2, 2, 4, 3),
        ("no figures, no change", [], 3, 2, 3, 3),
    ):
        found = by_average(current, values, silent, target, 0.1)
        yield name, str(expected), str(found), found == expected
    found = by_sum(3, 11, 2, 0.1)
    yield "a sum is shared out", "6", str(found), found == 6
    up = Behavior(Setting(max=100, up_percent=100, up_pods=4, up_period=30))
    found, replicas = [], 2
    for second in (0, 15, 30, 45, 60):
        replicas = up.next(second, replicas, 1000)
        found.append(replicas)
    expected = [6, 6, 12, 12, 24]
    yield "up by 100 % or 4 in 30 s, whichever is more", str(expected), str(found), found == expected
    down = Behavior(Setting(max=100, down_window=60, down_percent=50, down_period=60))
    found, replicas = [], 10
    for second, proposal in ((0, 10), (30, 2), (59, 2), (60, 2), (90, 2), (120, 2)):
        replicas = down.next(second, replicas, proposal)
        found.append(replicas)
    expected = [10, 10, 10, 5, 5, 2]
    yield "down by half in 60 s, to the highest proposal of 60 s", str(expected), str(found), found == expected

    # The server itself under five times its capacity: docs/reliability.md.
    text = (ROOT / "docs" / "reliability.md").read_text()
    row = r"overload: time to a refusal \| (\d+) calls of \d+ bytes in (\d+) s.*? of (\d+) refusals"
    # Where the goodput missed its bound, the host was unsteady, and the capacity is no figure to compare with.
    goodput = r"overload: goodput .*? of ([\d.]+) documents/s.*\| yes \|"
    measured, pace_of = re.search(row, text), re.search(goodput, text)
    if measured and pace_of:
        calls, length, refused = map(int, measured.groups())
        tokens = replace(Texts(), short_words=REPORT_TOKENS, long_words=REPORT_TOKENS, tokens_per_word=1.0)
        world = STEADY.but(
            load__texts=tokens, load__articles=calls / length * DAY, load__calls=1.0, load__deadline=5.0,
            load__seconds=length, cluster__tokens_per_cpu=float(pace_of[1]) * REPORT_TOKENS / 2,
        )
        # What counts there begins when the queue has filled.
        longer = run((world.but(load__seconds=20 * length), Setting(min=1, max=1)))
        share = refused / calls
        yield (
            "overload of docs/reliability.md: calls refused", percent(share), percent(longer.refused),
            abs(longer.refused - share) < 0.03,
        )


# Tokens of the report that benches/chaos sends.
REPORT_TOKENS = 269


# What is written and checked.


def everything(base=World(), known=None):
    """The runs, and every file that is made of them."""
    runs = Runs(base, known)
    runs.add(("news", s) for s in SWEEP)
    best = cheapest(runs.known)
    runs.add(("news", replace(best, max=maximum)) for maximum in MAXIMA)
    best = chosen(runs.known)
    runs.add(keys_of_tables(best))
    return runs, best


def courses_of(base, setting):
    """The results that are drawn, simulated anew."""
    keys, by_name = keys_of_plots(setting), worlds(base)
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        results = pool.map(run, [(by_name[name], other) for name, other in keys.values()])
        return dict(zip(keys, results))


def files(runs, base, setting, courses):
    """The content of each file."""
    made = {PLOTS / name: content for name, content in plots(runs, base, setting, courses).items()}
    made[DOCUMENT] = filled(DOCUMENT.read_text(), tables(runs, base, setting))
    wanted = set(keys_of_tables(setting))
    made[RUNS] = text_of({key: summary for key, summary in runs.known.items() if key in wanted})
    return made


def write(known):
    runs, best = everything(known=known)
    # The tables show the figures as the file has them, rounded.
    PLOTS.mkdir(exist_ok=True)
    RUNS.write_text(text_of(runs.known))
    runs, best = everything(known=kept())
    for path, content in files(runs, World(), best, courses_of(World(), best)).items():
        path.write_text(content)
    for problem in unlike(best):
        print(problem)


def unlike(best):
    """What of values.yaml differs from the setting that was chosen."""
    now = shipped()
    for name, key in KEYS.items():
        if getattr(now, name) != getattr(best, name):
            there, wanted = getattr(now, name), getattr(best, name)
            yield f"helm/tagwerk/values.yaml: autoscaling.{key} is {there:g}; the rule chooses {wanted:g}"


def check():
    """What is out of date."""
    known = kept()
    stale = "docs/scaling/runs.csv: runs are missing; run scripts/simulate-scaling.py --write"
    try:
        best = chosen(known)
    except KeyError:
        return [stale]
    if any(key not in known for key in keys_of_tables(best)):
        return [stale]
    runs = Runs(known=known)
    problems, again = list(unlike(best)), "run scripts/simulate-scaling.py --write"
    courses = courses_of(World(), best)
    for name, key in keys_of_plots(best).items():
        if text_of({key: courses[name].summary()}) != text_of({key: known[key]}):
            problems.append(f"docs/scaling/runs.csv: the run '{name}' comes out differently; {again}")
    for path, content in files(runs, World(), best, courses).items():
        if not path.exists() or path.read_text() != content:
            problems.append(f"{path.relative_to(ROOT)}: out of date; {again}")
    return problems


def changed(base, changes):
    """The world with parameters from the command line, such as load.articles=3e6 or texts.hits=0."""
    rooms = {"texts": base.load.texts, "load": base.load, "cluster": base.cluster, "lag": base.lag}
    for change in changes:
        name, _, value = change.partition("=")
        room, _, inner = name.partition(".")
        old = getattr(rooms.get(room), inner, None)
        if type(old) not in (bool, int, float):
            sys.exit(f"{name}: there is no such number; docs/scaling.md lists them")
        try:
            new = bool(int(value)) if isinstance(old, bool) else type(old)(float(value))
            rooms[room] = replace(rooms[room], **{inner: new})
        except (TypeError, ValueError):
            sys.exit(f"{change}: a number is wanted, 0 or 1 for yes or no")
    return World(replace(rooms["load"], texts=rooms["texts"]), rooms["cluster"], rooms["lag"])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    action = parser.add_mutually_exclusive_group()
    action.add_argument("--write", action="store_true", help="simulate everything and write tables and plots")
    action.add_argument("--rewrite", action="store_true", help="the same with the runs that are there; simulate others")
    action.add_argument("--check", action="store_true", help="tell what is out of date")
    action.add_argument("--self-test", action="store_true", help="hold the simulation against theory and a measurement")
    action.add_argument("--set", nargs="+", default=[], metavar="NAME=VALUE", help="assume something else")
    arguments = parser.parse_args()
    if arguments.write or arguments.rewrite:
        write(kept() if arguments.rewrite else {})
    elif arguments.check:
        problems = check()
        if problems:
            sys.exit("\n".join(problems))
    elif arguments.self_test:
        failed = 0
        for name, expected, found, good in trials():
            failed += not good
            print(f"{'ok' if good else 'FAILED':8}{name}: {found} (expected: {expected})", flush=True)
        sys.exit(1 if failed else 0)
    else:
        base, setting = changed(World(), arguments.set), shipped()
        runs = Runs(base)
        runs.add((world, other) for world in ("news", "ordinary") for other in named(setting).values())
        for part in (assumed(base), capacity(base, setting), numbers(base, setting), settings(runs, setting)):
            print(f"{part}\n")


if __name__ == "__main__":
    main()

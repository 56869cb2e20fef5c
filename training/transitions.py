"""Fits the weights of the transitions between the labels of names, on top of a trained package.

usage: transitions.py PACKAGE TARGET [--texts N] [--tokens N] [--seed N] [--threads N]

PACKAGE is unpacked (as `train.py` writes it), TARGET gets the same tensors and `heads.ner.transitions` [from, to],
`heads.ner.start` and `heads.ner.end`: a linear-chain CRF over the words of a line. The encoder is frozen and runs once
over a sample of the training texts; the weights, with a scale and a bias for each label that fold into `heads.ner`, are
those under which the gold labels are most probable. Words without a label are summed over. The legal transitions stay:
I-X follows only B-X or I-X of the same line. Prints entity F1 on the dev split and on GermEval before and after.
"""
import argparse
import os
import random
from pathlib import Path

# Threads that wait must not spin: beside other work that costs more than half of the speed.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("GOMP_SPINCOUNT", "0")

import torch  # noqa: E402

import batches
import package
import splits
from model import Tagger, misc_columns
from windows import IGNORED, LABELS, Windower

NEVER = -1e4
LEAST = 1e-30
NAMES = ("heads.ner.transitions", "heads.ner.start", "heads.ner.end")
SHARES = {"germeval": 0.25, "smartdata": 0.1, "uner": 0.1}
PRIOR = 10.0
STEPS = 80


def main():
    args = arguments()
    torch.set_num_threads(args.threads)
    tensors = package.unpacked(args.package)
    model = Tagger(package.config_of(args.package), "sdpa")
    model.load(tensors)
    model.eval()
    windower = Windower(Path(args.package) / "tokenizer.json")
    groups = {"sample": sample(args.texts, args.seed)} | held()
    found = {name: chains(model, windower, texts, args.tokens) for name, texts in groups.items()}
    # The steps along a line are too small to share.
    torch.set_num_threads(1)
    before = Crf.of(tensors)
    crf = fitted(found.pop("sample"), Crf.of(tensors))
    for name, lines in found.items():
        print(f"{name}: F1 {f1(lines, before):.2f} -> {f1(lines, crf):.2f} on {len(groups[name])} texts")
    crf.fold(tensors)
    package.save(args.target, tensors, package.config_of(args.package), Path(args.package) / "tokenizer.json")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("package")
    parser.add_argument("target")
    parser.add_argument("--texts", type=int, default=2500, help="training texts to fit on")
    parser.add_argument("--tokens", type=int, default=180, help="tokens of a window, as in service")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args()


def sample(count, seed):
    """Texts of each corpus of names by its share, the rest written; nothing of them held."""
    texts, _ = splits.clean_training()
    rng, drawn = random.Random(seed), []
    for source, share in SHARES.items():
        drawn += rng.sample(texts[source], min(int(share * count), len(texts[source])))
    return drawn + rng.sample(texts["written"], count - len(drawn))


def held():
    """The texts that tell what the weights bring, by name."""
    groups = {}
    for text in splits.dev()["written"]:
        language = "German" if text.lang == "de" else "others"
        groups.setdefault(f"dev, {language}, {text.kind}s", []).append(text)
    return groups | {"GermEval test, last 1,500": splits.evaluation()["germeval"]}


def chains(model, windower, texts, limit):
    """(logits [n, labels], labels [n]) of every line of the windows, in which the labels are decoded.

    Where a corpus has no MISC, nothing is said of it.
    """
    windows = [w for text in texts for w in windower.cut(text, limit) if w.words]
    found = []
    with torch.no_grad():
        for group in batches.batched(windows, 4096, random.Random(1)):
            batch = batches.tensors(group)
            logits = model(batch)["ner"].masked_fill(batch["no_misc"][:, None] & misc_columns("cpu"), NEVER)
            found += lines(group, logits, batch["labels"])
    return found


def lines(windows, logits, labels):
    """The rows of all words of some windows, line by line; a line may go on in another window."""
    starts = [start or i == 0 for w in windows for i, start in enumerate(w.starts_line)]
    cuts = [i for i, start in enumerate(starts) if start] + [len(starts)]
    sizes = [right - left for left, right in zip(cuts, cuts[1:])]
    return zip(logits.split(sizes), labels.split(sizes))


def padded(chains, budget=20_000):
    """Batches of chains of similar length: logits [b, n, labels], labels [b, n] and lengths [b]."""
    ordered, group = sorted(chains, key=lambda c: len(c[1])), []
    for chain in [*ordered, None]:
        if group and (chain is None or (len(group) + 1) * len(chain[1]) > budget):
            logits, labels = (torch.nn.utils.rnn.pad_sequence(column, batch_first=True) for column in zip(*group))
            yield logits, labels, torch.tensor([len(c[1]) for c in group])
            group = []
        group.append(chain)


class Crf(torch.nn.Module):
    """Weights of transitions from label to label, of a line's first and of its last label."""

    def __init__(self, labels=len(LABELS)):
        super().__init__()
        self.transitions = torch.nn.Parameter(torch.zeros(labels, labels))
        self.start, self.end = torch.nn.Parameter(torch.zeros(labels)), torch.nn.Parameter(torch.zeros(labels))
        self.scale, self.bias = torch.nn.Parameter(torch.ones(labels)), torch.nn.Parameter(torch.zeros(labels))
        inside = torch.tensor([label > 0 and label % 2 == 0 for label in range(labels)])
        opened = torch.eye(labels, dtype=torch.bool) | torch.eye(labels, dtype=torch.bool).roll(1, 1)
        self.register_buffer("illegal", inside & ~opened)
        self.register_buffer("inside", inside)

    @classmethod
    def of(cls, tensors):
        """The weights in a package, or none."""
        crf = cls()
        with torch.no_grad():
            for name in NAMES:
                if name in tensors:
                    getattr(crf, name.split(".")[-1]).copy_(torch.as_tensor(tensors[name]))
        return crf

    def fold(self, tensors):
        """Writes the weights into a package; scale and bias into the layer before."""
        for name in NAMES:
            tensors[name] = getattr(self, name.split(".")[-1]).detach().numpy().copy()
        scale, bias = self.scale.detach().numpy(), self.bias.detach().numpy()
        tensors["heads.ner.weight"] = tensors["heads.ner.weight"] * scale[:, None]
        tensors["heads.ner.bias"] = tensors["heads.ner.bias"] * scale + bias

    def emissions(self, logits):
        return logits * self.scale + self.bias

    def weights(self):
        """Transitions and start, closed where illegal."""
        return self.transitions.masked_fill(self.illegal, NEVER), self.start.masked_fill(self.inside, NEVER)

    def log_sum(self, emissions, lengths):
        """The logarithm of the sum over all legal paths of each chain: [b]."""
        between, start = self.weights()
        between, scores = between.exp(), start + emissions[:, 0]
        for i, values in enumerate(emissions.unbind(1)[1:], 1):
            greatest = scores.detach().amax(1, keepdim=True)
            sums = ((scores - greatest).exp() @ between).clamp(min=LEAST)
            scores = torch.where((i < lengths)[:, None], greatest + sums.log() + values, scores)
        return torch.logsumexp(scores + self.end, 1)

    def loss(self, logits, labels, lengths):
        """The negative log likelihood of the labels of each chain; a word without one may have any."""
        emissions = self.emissions(logits)
        gold = torch.nn.functional.one_hot(labels.clamp(min=0), emissions.shape[-1]).bool()
        wrong = ~gold & (labels != IGNORED)[:, :, None]
        both = torch.cat([emissions, emissions.masked_fill(wrong, NEVER)])
        every, right = self.log_sum(both, lengths.repeat(2)).chunk(2)
        return every - right

    def marginals(self, logits, lengths):
        """The probability of each label of each word: the derivative of the sum over the paths."""
        emissions = self.emissions(logits).detach().requires_grad_()
        with torch.enable_grad():
            found, = torch.autograd.grad(self.log_sum(emissions, lengths).sum(), emissions)
        return found

    @torch.no_grad()
    def best(self, logits, lengths):
        """The best path of each chain; what stands behind its end says nothing."""
        (between, start), emissions = self.weights(), self.emissions(logits)
        scores, back, stay = start + emissions[:, 0], [], torch.arange(emissions.shape[-1])
        for i in range(1, emissions.shape[1]):
            values, places = (scores[:, :, None] + between).max(1)
            within = (i < lengths)[:, None]
            scores = torch.where(within, values + emissions[:, i], scores)
            back.append(torch.where(within, places, stay))
        path = [(scores + self.end).argmax(1)]
        for places in reversed(back):
            path.append(places.gather(1, path[-1][:, None])[:, 0])
        return torch.stack(path[::-1], 1)


def fitted(chains, crf):
    """The weights under which the labels of the chains are most probable, with a weak Gaussian prior."""
    groups = list(padded(chains))
    words = sum(int(lengths.sum()) for *_, lengths in groups)
    optimiser = torch.optim.LBFGS(crf.parameters(), max_iter=STEPS, line_search_fn="strong_wolfe")

    def closure():
        optimiser.zero_grad()
        prior = sum((p - float(name == "scale")).square().sum() for name, p in crf.named_parameters())
        total = PRIOR / 2 * prior / words
        total.backward()
        total = total.detach()
        for group in groups:
            loss = crf.loss(*group).sum() / words
            loss.backward()
            total += loss.detach()
        return total

    before = closure().item()
    optimiser.step(closure)
    print(f"fitted on {words} words of {len(chains)} lines: loss a word {before:.5f} -> {closure().item():.5f}")
    return crf


def spans(labels):
    """(first word, behind the last, type) of the mentions of a path."""
    found, first = set(), None
    for i, label in enumerate([*labels, 0]):
        goes_on = label > 0 and label % 2 == 0
        if first is not None and not goes_on:
            found.add((first, i, kind))
            first = None
        if label > 0 and not goes_on:
            first, kind = i, label
    return found


def f1(chains, crf):
    """F1 of the mentions whose words and type are right, in percent."""
    right = sizes = 0
    for logits, labels, lengths in padded(chains):
        for path, gold, n in zip(crf.best(logits, lengths).tolist(), labels.tolist(), lengths.tolist()):
            if IGNORED not in gold[:n]:
                found, wanted = spans(path[:n]), spans(gold[:n])
                right, sizes = right + len(found & wanted), sizes + len(found) + len(wanted)
    return 200 * right / max(1, sizes)


if __name__ == "__main__":
    main()

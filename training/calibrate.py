"""Sets temperatures and the bias of "neutral" on the dev split and folds them into the heads.

usage: calibrate.py [--bias] PACKAGE TARGET GOLD.jsonl...

PACKAGE is unpacked (as `train.py` writes it), the gold files are the written dev split. A temperature divides the
logits of a head (and the weights of transitions between the labels of names, where the package has them; the
probabilities are then those of all paths), a bias is added to the neutral logit: both fold into the last layer, so that
the service needs no further numbers. The bias is searched with --bias only (package 0.2.0 has none) and taken where it helps whole
articles and does not harm paragraphs; that a single value of the grid is best by chance is made unlikely by judging
each value with its neighbours.
"""
import json
import random
import sys
from pathlib import Path

import torch
from torch.nn import functional as F

import batches
import corpora
import package
import transitions
from model import Tagger
from windows import IGNORED, Windower

BIASES = [round(-1.0 + 0.1 * i, 1) for i in range(26)]
GAIN, LOSS = 1.0, 0.3
SURE = 90


def main(source, target, paths, search_bias):
    model = Tagger(package.config_of(source))
    tensors = package.unpacked(source)
    model.load(tensors)
    model.eval()
    windower = Windower(Path(source) / "tokenizer.json")
    found = {Path(p).stem: logits(model, windower, p) for p in paths}
    polarity = {name: f["polarity"] for name, f in found.items()}
    bias = best_bias(polarity) if search_bias else 0.0
    values, gold = pooled(polarity)
    tensors["heads.polarity.out.bias"][1] += bias
    values = values + torch.tensor([0.0, bias, 0.0])
    scale("polarity", lambda divisor: values / divisor, gold, tensors, "heads.polarity.out")
    # The steps along a line are too small to share.
    torch.set_num_threads(1)
    lines = [line for f in found.values() for line in f["ner"]]
    of_words, gold_of_words = names(lines, tensors)
    scale("ner", of_words, gold_of_words, tensors, "heads.ner")
    package.save(target, tensors, package.config_of(source), Path(source) / "tokenizer.json")


def logits(model, windower, path):
    """Logits and gold of polarity and NER on one gold file, in the service's windows."""
    texts = [corpora.from_gold(json.loads(line), "dev") for line in open(path, encoding="utf-8")]
    windows = [w for text in texts for w in windower.cut(text)]
    polarity, lines = [], []
    with torch.no_grad():
        for group in batches.batched(windows, 2048, random.Random(1)):
            batch = batches.tensors(group)
            out = model(batch)
            lines += transitions.lines(group, out["ner"], batch["labels"])
            if "polarity" in out:
                polarity.append((out["polarity"], batch["polarity"]))
    return {"polarity": tuple(torch.cat(column) for column in zip(*polarity)), "ner": lines}


def names(lines, tensors):
    """The scores of the words' labels for a divisor, as the service computes them, and the gold labels."""
    if not any(name in tensors for name in transitions.NAMES):
        values, gold = pooled({"all": tuple(torch.cat(column) for column in zip(*lines))})
        return lambda divisor: values / divisor, gold
    groups = list(transitions.padded(lines))
    inside = [torch.arange(labels.shape[1]) < lengths[:, None] for _, labels, lengths in groups]
    gold = torch.cat([labels[mask] for (_, labels, _), mask in zip(groups, inside)])

    def of_words(divisor):
        crf = transitions.Crf.of({name: tensors[name] / divisor for name in transitions.NAMES})
        rows = [crf.marginals(logits / divisor, lengths)[mask] for (logits, _, lengths), mask in zip(groups, inside)]
        return torch.cat(rows).clamp(min=1e-9).log()[gold != IGNORED]

    return of_words, gold[gold != IGNORED]


def best_bias(polarity):
    """The bias of the neutral logit by macro F1 of articles, or 0 where the gain is small or paragraphs lose."""
    articles = pooled({n: v for n, v in polarity.items() if n.endswith("articles")})
    paragraphs = pooled({n: v for n, v in polarity.items() if not n.endswith("articles")})
    scores = {b: (macro_f1(*shifted(articles, b)), macro_f1(*shifted(paragraphs, b))) for b in BIASES}
    for bias, (of_articles, of_paragraphs) in scores.items():
        print(f"bias {bias:+.1f}: articles {of_articles:.1f}, paragraphs {of_paragraphs:.1f}")
    inner = BIASES[1:-1]
    smooth = {b: sum(scores[round(b + d, 1)][0] for d in (-0.1, 0.0, 0.1)) / 3 for b in inner}
    good = [b for b in inner if scores[b][1] >= scores[0.0][1] - LOSS and smooth[b] >= smooth[0.0] + GAIN]
    best = max(good, key=smooth.get, default=0.0)
    print(f"taken: bias {best:+.1f}")
    return best


def shifted(rows, bias):
    values, gold = rows
    return values + torch.tensor([0.0, bias, 0.0]), gold


def pooled(groups):
    values, gold = (torch.cat(column) for column in zip(*groups.values()))
    return values[gold != IGNORED], gold[gold != IGNORED]


def macro_f1(values, gold):
    predicted = values.argmax(1)
    shares = []
    for kind in range(3):
        right = ((predicted == kind) & (gold == kind)).sum().item()
        shares.append(200 * right / max(1, (predicted == kind).sum().item() + (gold == kind).sum().item()))
    return sum(shares) / 3


def calibration_error(values, gold):
    """The gap between confidence and accuracy over 15 bins, in percent."""
    confidence, predicted = values.softmax(1).max(1)
    right, bins = (predicted == gold).float(), (confidence * 15).long().clamp(max=14)
    gaps = [(right[bins == b] - confidence[bins == b]).sum().abs() for b in range(15)]
    return 100 * sum(gaps).item() / len(gold)


def temperature(scores, gold):
    """The divisor with the least cross entropy; `scores` gives those of a divisor."""
    grid = [0.5 + 0.02 * i for i in range(151)]
    return min(grid, key=lambda t: F.cross_entropy(scores(t), gold).item())


def review_threshold(task, values, gold):
    """Prints the probability below which a judgement is worth a human's look: those above are right in SURE percent."""
    confidence, predicted = values.softmax(1).max(1)
    right = predicted == gold
    for threshold in (round(0.34 + 0.01 * i, 2) for i in range(66)):
        sure = confidence >= threshold
        if sure.any() and 100 * right[sure].float().mean() >= SURE:
            rest = f"{100 * right[~sure].float().mean():.0f}" if (~sure).any() else "-"
            print(f"{task}: worth a look below {threshold:.2f}: {100 * (~sure).float().mean():.0f} % of the judgements, "
                  f"right in {rest} %; the others in {100 * right[sure].float().mean():.1f} %")
            return


def scale(task, scores, gold, tensors, layer):
    """Folds the temperature of one head into its last layer and the transitions behind it."""
    divisor = temperature(scores, gold)
    print(f"{task}: temperature {divisor:.2f}, calibration error {calibration_error(scores(1.0), gold):.1f} -> "
          f"{calibration_error(scores(divisor), gold):.1f} on {len(gold)} judgements")
    review_threshold(task, scores(divisor), gold)
    behind = transitions.NAMES if task == "ner" else ()
    for name in (f"{layer}.weight", f"{layer}.bias", *behind):
        if name in tensors:
            tensors[name] = tensors[name] / divisor


if __name__ == "__main__":
    arguments = [a for a in sys.argv[1:] if a != "--bias"]
    if len(arguments) < 3:
        sys.exit(__doc__)
    main(arguments[0], arguments[1], arguments[2:], "--bias" in sys.argv)

"""Puts windows into batches of a token budget and turns them into tensors."""
import torch

from model import FARTHEST
from windows import PAD


def batched(windows, budget, rng):
    """Batches of windows of similar length whose padded size keeps to the budget, in random order."""
    ordered = sorted(windows, key=lambda w: (len(w.ids), rng.random()))
    batches, filling = [], []
    for window in ordered:
        if filling and (len(filling) + 1) * len(window.ids) > budget:
            batches.append(filling)
            filling = []
        filling.append(window)
    if filling:
        batches.append(filling)
    rng.shuffle(batches)
    return batches


def tensors(windows, device="cpu"):
    """The tensors of one batch; words and mentions of all windows are numbered through."""
    longest = max(len(w.ids) for w in windows)
    b = {k: [] for k in ("word_tokens", "word_of", "labels", "no_misc", "mention_words", "mention_of", "first_word",
                         "window_of", "polarity", "tone", "tone_words", "tone_of", "tone_window")}
    ids = [w.ids + [PAD] * (longest - len(w.ids)) for w in windows]
    holders = []
    for number, window in enumerate(windows):
        first_word, first_mention = len(b["labels"]), len(b["polarity"])
        for i, (left, right) in enumerate(window.words):
            b["word_tokens"] += range(number * longest + left, number * longest + right)
            b["word_of"] += [first_word + i] * (right - left)
        b["labels"] += window.labels
        b["no_misc"] += [not window.misc] * len(window.words)
        for i, (left, right) in enumerate(window.mentions):
            b["mention_words"] += range(first_word + left, first_word + right)
            b["mention_of"] += [first_mention + i] * (right - left)
            b["first_word"].append(first_word + left)
            b["window_of"].append(number)
        b["polarity"] += window.polarity
        for (left, right), probabilities in window.tones:
            b["tone_words"] += range(first_word + left, first_word + right)
            b["tone_of"] += [len(b["tone"])] * (right - left)
            b["tone"].append(probabilities)
            b["tone_window"].append(number)
        count = len(window.mentions)
        holders += [(first_mention, i, count, right) for i, right in enumerate(window.holders) if right]
    kinds = {"no_misc": torch.bool, "tone": torch.float}
    out = {k: torch.tensor(v, dtype=kinds.get(k, torch.long)) for k, v in b.items()}
    out["ids"] = torch.tensor(ids)
    out |= holder_tensors(holders)
    return {k: v.to(device) for k, v in out.items()}


def holder_tensors(rows):
    """Candidates of each target: 0 author, 1 unnamed, then the mentions of its window; the target itself is closed."""
    width = 2 + max((count for _, _, count, _ in rows), default=0)
    shape = (len(rows), width)
    candidates = torch.zeros(shape, dtype=torch.long)
    distances = torch.zeros(shape, dtype=torch.long)
    closed = torch.ones(shape, dtype=torch.bool)
    right = torch.zeros(shape, dtype=torch.bool)
    for row, (first, own, count, holders) in enumerate(rows):
        mentions = torch.arange(count)
        candidates[row, 1] = 1
        candidates[row, 2:2 + count] = 2 + first + mentions
        distances[row, 2:2 + count] = (mentions - own).clamp(-FARTHEST, FARTHEST) + FARTHEST + 1
        closed[row, :2 + count] = False
        closed[row, 2 + own] = True
        right[row, holders] = True
    target = torch.tensor([first + own for first, own, _, _ in rows], dtype=torch.long)
    return {"target": target, "candidates": candidates, "distances": distances, "closed": closed, "right": right}

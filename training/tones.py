"""The tone of sentences inside written texts, as a package reads each sentence by itself.

Sentences with a tone given by hand stand alone, without neighbours. So that the head learns to read a sentence where it
stands in a window, a start package that reads lone sentences well judges those of the written texts beforehand.
"""
import random

import torch

import batches
import segments


def judge(model, windower, texts, share, seed):
    """Sets the tones of so large a share of the texts; the number of sentences judged."""
    rng = random.Random(seed)
    chosen = [t for t in texts if rng.random() < share]
    places, windows = [], []
    for text in chosen:
        text.tones = []
        for line in segments.lines(text.text):
            for start, end in segments.sentences(text.text, *line):
                window = windower.sentence(text, start, end)
                if window.words:
                    window.tones = [((0, len(window.words)), [0.0, 0.0, 0.0])]
                    places.append((text, start, end))
                    windows.append(window)
    numbers = {id(window): number for number, window in enumerate(windows)}
    model.eval()
    with torch.no_grad():
        for group in batches.batched(windows, 4096, rng):
            batch = batches.tensors(group, next(model.parameters()).device)
            for window, row in zip(group, model(batch)["tone"].softmax(1).tolist()):
                text, start, end = places[numbers[id(window)]]
                text.tones.append((start, end, row))
    model.train()
    return len(windows)

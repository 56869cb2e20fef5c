"""The encoder and its heads, with the losses; the architecture that the service computes.

Every tensor has the name it has in the package. One batch holds several windows; the vectors of all its words and
mentions lie in one flat list each, so that no head needs a loop over windows.
"""
import torch
from torch import nn
from torch.nn import functional as F
from transformers import BertConfig, BertModel

from windows import IGNORED, LABELS, PAD

FARTHEST = 9
MISC = LABELS.index("B-MISC")
NEUTRAL_WEIGHT = 0.75
LOSS_WEIGHTS = {"ner": 2.5, "polarity": 1.0, "holder": 0.7, "tone": 0.7}


class Classifier(nn.Module):
    """out(gelu(dense(x))) over three classes."""

    def __init__(self, inputs, width):
        super().__init__()
        self.dense, self.out = nn.Linear(inputs, width), nn.Linear(width, 3)
        self.drop = nn.Dropout(0.1)

    def forward(self, x):
        return self.out(self.drop(F.gelu(self.dense(x))))


class Holder(nn.Module):
    """Scores every candidate of a target."""

    def __init__(self, width):
        super().__init__()
        self.special = nn.Parameter(torch.randn(2, 2 * width) * 0.02)
        self.target, self.candidate = nn.Linear(2 * width, width), nn.Linear(2 * width, width)
        self.distance, self.out = nn.Embedding(2 * FARTHEST + 3, width), nn.Linear(width, 1)

    def forward(self, targets, candidates, distances):
        """[t, 2h], [t, c, 2h], [t, c] -> [t, c]"""
        hidden = self.target(targets)[:, None] + self.candidate(candidates) + self.distance(distances)
        return self.out(F.gelu(hidden)).squeeze(-1)


class Heads(nn.Module):
    """All heads, named as in the package."""

    def __init__(self, width):
        super().__init__()
        self.ner = nn.Linear(width, len(LABELS))
        self.polarity, self.tone = Classifier(3 * width, width), Classifier(2 * width, width)
        self.holder = Holder(width)


class Tagger(nn.Module):
    """Encoder and heads.

    `attention` is the kind that is fastest to train with: in bf16 "eager", since the backward pass of the fused kernel
    is slow there on CPUs; in fp32 the fused one, "sdpa".
    """

    def __init__(self, config, attention="eager"):
        super().__init__()
        known = {k: v for k, v in config.items() if k in BertConfig().to_dict()}
        settings = BertConfig(**known, attention_probs_dropout_prob=0.0)
        settings._attn_implementation = attention
        self.encoder = BertModel(settings, add_pooling_layer=False)
        self.heads = Heads(config["hidden_size"])
        self.drop = nn.Dropout(0.1)
        for parameter in self.encoder.embeddings.parameters():
            parameter.requires_grad_(False)

    def load(self, tensors):
        """Takes the tensors of a package; heads may be missing, encoder tensors may not."""
        wanted = self.named_tensors()
        missing = [n for n in wanted if n not in tensors and not n.startswith("heads.")]
        if missing:
            raise ValueError(f"tensors are missing: {missing[:3]}")
        with torch.no_grad():
            for name, parameter in wanted.items():
                if name in tensors:
                    parameter.copy_(torch.as_tensor(tensors[name]))

    def named_tensors(self):
        """Parameters under their names in the package."""
        return dict(self.encoder.named_parameters()) | {f"heads.{n}": p for n, p in self.heads.named_parameters()}

    def forward(self, batch):
        """Vectors and logits of one batch: words, mentions, tone and holders."""
        states = self.encoder(batch["ids"], attention_mask=batch["ids"] != PAD).last_hidden_state.float()
        first = states[:, 0]
        words = means(self.drop(states).flatten(0, 1), batch["word_tokens"], batch["word_of"], len(batch["labels"]))
        out = {"ner": self.heads.ner(words)}
        if len(batch["polarity"]):
            means_of = means(words, batch["mention_words"], batch["mention_of"], len(batch["polarity"]))
            forms = torch.cat([means_of, words[batch["first_word"]]], 1)
            out["polarity"] = self.heads.polarity(torch.cat([forms, first[batch["window_of"]]], 1))
            if len(batch["target"]):
                pool = torch.cat([self.heads.holder.special, forms])
                scores = self.heads.holder(forms[batch["target"]], pool[batch["candidates"]], batch["distances"])
                out["holder"] = scores.masked_fill(batch["closed"], -1e9)
        if len(batch["tone"]):
            spread = means(words, batch["tone_words"], batch["tone_of"], len(batch["tone"]))
            out["tone"] = self.heads.tone(torch.cat([first[batch["tone_window"]], spread], 1))
        return out


def means(vectors, rows, group, count):
    """The mean of the given rows for each group."""
    sums = vectors.new_zeros(count, vectors.shape[1]).index_add(0, group, vectors[rows])
    sizes = torch.bincount(group, minlength=count).clamp(min=1)
    return sums / sizes[:, None]


def losses(out, batch):
    """The loss of each task that the batch teaches."""
    found = {}
    if (batch["labels"] != IGNORED).any():
        logits = out["ner"].masked_fill(batch["no_misc"][:, None] & misc_columns(out["ner"].device), -1e4)
        found["ner"] = F.cross_entropy(logits, batch["labels"], ignore_index=IGNORED)
    if "polarity" in out and (batch["polarity"] != IGNORED).any():
        weight = out["polarity"].new_tensor([1.0, NEUTRAL_WEIGHT, 1.0])
        found["polarity"] = F.cross_entropy(out["polarity"], batch["polarity"], weight, ignore_index=IGNORED)
    if "holder" in out:
        logs = F.log_softmax(out["holder"], -1).masked_fill(~batch["right"], -1e9)
        found["holder"] = -torch.logsumexp(logs, -1).mean()
    if "tone" in out:
        found["tone"] = F.cross_entropy(out["tone"], batch["tone"])
    return found


def misc_columns(device):
    columns = torch.zeros(len(LABELS), dtype=torch.bool, device=device)
    columns[MISC:MISC + 2] = True
    return columns

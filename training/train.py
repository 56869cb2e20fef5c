"""Trains encoder and heads on all tasks at once.

usage: train.py --init PACKAGE --out DIRECTORY --minutes N [--device cuda] [--resume]

Starts from a package and runs for a budget of minutes, in which the learning rates fall linearly to nothing; time that
an interrupted run has used counts. Where the device has instructions for bf16 the encoder computes in it, with master
weights in fp32; heads and optimiser are always fp32. The word embeddings stay as they are. A checkpoint is written every few minutes; `--resume` goes on from it.
The result is the running mean of the weights.
"""
import argparse
import json
import logging
import math
import os
import time
from pathlib import Path

# Threads that wait must not spin: beside other work that costs more than half of the speed.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("GOMP_SPINCOUNT", "0")

import torch  # noqa: E402

import batches
import package
import splits
import tones
from mixture import Mixture
from model import LOSS_WEIGHTS, Tagger, losses
from windows import Windower

LOG = logging.getLogger("train")
LAYER_DECAY = 0.9
ROUND_TOKENS = 120_000
WARM_UP = 0.04
# Seconds that a step counts at most: a run that is stopped for a while loses nothing of its budget.
LONGEST_STEP = 20


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--init", required=True, help="package directory to start from")
    parser.add_argument("--out", required=True, help="directory for checkpoint, log and result")
    parser.add_argument("--minutes", type=float, default=30, help="time budget")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--precision", choices=["auto", "bf16", "fp32"], default="auto", help="of the encoder")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rate", type=float, default=1.3e-4, help="learning rate of the top layer")
    parser.add_argument("--head-rate", type=float, default=5e-4)
    parser.add_argument("--frozen-layers", type=int, default=0, help="lowest layers that stay as they are")
    parser.add_argument("--embeddings", action="store_true", help="learn the word embeddings, too, slower than any layer")
    parser.add_argument("--tokens", type=int, default=2048, help="tokens of a batch")
    parser.add_argument("--favour", help="pattern of written files that come more often")
    parser.add_argument("--tones", type=float, default=0.0,
                        help="share of the written texts whose sentences the start package judges by their tone")
    parser.add_argument("--mean", type=float, default=0.99, help="decay of the running mean of the weights")
    parser.add_argument("--checkpoint-minutes", type=float, default=4)
    parser.add_argument("--resume", action="store_true")
    return parser.parse_args()


def has_bf16(device):
    """Whether a device multiplies in bf16 itself; a processor that imitates it is fifty times slower than in fp32."""
    if torch.device(device).type == "cuda":
        return torch.cuda.is_bf16_supported()
    return Path("/proc/cpuinfo").exists() and "bf16" in Path("/proc/cpuinfo").read_text()


class Trainer:
    """Model, master weights, optimiser and clock of one run."""

    def __init__(self, args):
        self.args, self.out = args, Path(args.out)
        half = args.precision == "bf16" or args.precision == "auto" and has_bf16(args.device)
        LOG.info("encoder in %s", "bf16" if half else "fp32")
        self.model = Tagger(package.config_of(args.init), "eager" if half else "sdpa")
        self.model.load(package.unpacked(args.init))
        self.freeze(args.frozen_layers)
        self.model.encoder.embeddings.word_embeddings.weight.requires_grad_(args.embeddings)
        self.model.to(args.device).train()
        trained = {n: p for n, p in self.model.named_tensors().items() if p.requires_grad}
        self.masters = {n: p.detach().clone().float() for n, p in trained.items()} if half else trained
        self.means = {n: p.detach().clone() for n, p in self.masters.items()}
        self.fixed = {n: p.detach().cpu().clone() for n, p in self.model.named_tensors().items() if n not in trained}
        if half:
            self.model.encoder.to(torch.bfloat16)
        self.trained = {n: p for n, p in self.model.named_tensors().items() if n in self.masters}
        self.optimiser = torch.optim.AdamW(self.groups(), betas=(0.9, 0.98), eps=1e-6, fused=True)
        self.step = self.tokens = 0
        self.used = 0.0

    def freeze(self, layers):
        for layer in self.model.encoder.encoder.layer[:layers]:
            for parameter in layer.parameters():
                parameter.requires_grad_(False)

    def groups(self):
        """A learning rate for each layer, lower downwards; no weight decay on vectors."""
        groups, layers = {}, self.model.encoder.config.num_hidden_layers
        for name, master in self.masters.items():
            rate = self.args.head_rate
            if name.startswith("encoder.layer."):
                rate = self.args.rate * LAYER_DECAY ** (layers - 1 - int(name.split(".")[2]))
            elif name.startswith("embeddings."):
                rate = self.args.rate * LAYER_DECAY ** layers
            decay = 0.01 if master.ndim == 2 else 0.0
            group = groups.setdefault((rate, decay), {"params": [], "lr": rate, "top": rate, "weight_decay": decay})
            group["params"].append(master)
        return list(groups.values())

    def share_done(self):
        return self.used / (60 * self.args.minutes)

    def learn(self, windows):
        """One step on one batch; its losses by task."""
        started = time.monotonic()
        batch = batches.tensors(windows, self.args.device)
        found = losses(self.model(batch), batch)
        sum(LOSS_WEIGHTS[task] * loss for task, loss in found.items()).backward()
        self.update()
        self.step += 1
        self.tokens += sum(len(w.ids) for w in windows)
        self.used += min(time.monotonic() - started, LONGEST_STEP)
        return {task: loss.item() for task, loss in found.items()}

    def update(self):
        done = self.share_done()
        scale = min(done / WARM_UP, (1 - done) / (1 - WARM_UP), 1.0)
        for group in self.optimiser.param_groups:
            group["lr"] = group["top"] * max(scale, 1e-3)
        apart = [(p, self.masters[n]) for n, p in self.trained.items() if p is not self.masters[n]]
        for parameter, master in apart:
            master.grad = None if parameter.grad is None else parameter.grad.float()
            parameter.grad = None
        torch.nn.utils.clip_grad_norm_(self.masters.values(), 1.0)
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        decay = min(self.args.mean, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for parameter, master in apart:
                parameter.copy_(master)
            torch._foreach_lerp_(list(self.means.values()), list(self.masters.values()), 1 - decay)

    def save_checkpoint(self):
        state = {"masters": self.masters, "means": self.means, "optimiser": self.optimiser.state_dict(),
                 "step": self.step, "tokens": self.tokens, "used": self.used}
        part = self.out / "checkpoint.part"
        torch.save(state, part)
        part.rename(self.out / "checkpoint.pt")

    def resume(self):
        state = torch.load(self.out / "checkpoint.pt", map_location=self.args.device, weights_only=True)
        for name in self.masters:
            self.masters[name].data.copy_(state["masters"][name])
            self.means[name].copy_(state["means"][name])
            self.trained[name].data.copy_(self.masters[name])
        self.optimiser.load_state_dict(state["optimiser"])
        self.step, self.tokens, self.used = state["step"], state["tokens"], state["used"]
        LOG.info("resumed at step %d, %.1f minutes used", self.step, self.used / 60)

    def save_package(self):
        tensors = {n: t.float().cpu().numpy() for n, t in (self.fixed | self.means).items()}
        package.save(self.out, tensors, package.config_of(self.args.init), Path(self.args.init) / "tokenizer.json")


def run(trainer, mixture, rng):
    """Learns until the time is used up."""
    saved, sums, counts = trainer.used, {}, {}
    while trainer.share_done() < 1:
        started = time.monotonic()
        drawn = batches.batched(mixture.round(ROUND_TOKENS), trainer.args.tokens, rng)
        trainer.used += time.monotonic() - started
        for batch in drawn:
            for task, loss in trainer.learn(batch).items():
                sums[task], counts[task] = sums.get(task, 0.0) + loss, counts.get(task, 0) + 1
                if not math.isfinite(loss):
                    raise ValueError(f"{task} loss is {loss} at step {trainer.step}")
            if trainer.step % 20 == 0:
                report(trainer, sums, counts)
            if trainer.used - saved > 60 * trainer.args.checkpoint_minutes:
                trainer.save_checkpoint()
                saved = trainer.used
            if trainer.share_done() >= 1:
                return


def report(trainer, sums, counts):
    shown = " ".join(f"{task} {sums[task] / counts[task]:.4f}" for task in sorted(sums))
    LOG.info("step %d minutes %.1f tokens %d per second %.0f %s", trainer.step, trainer.used / 60, trainer.tokens,
             trainer.tokens / trainer.used, shown)
    sums.clear()
    counts.clear()


def main():
    args = arguments()
    Path(args.out).mkdir(parents=True, exist_ok=True)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", handlers=[
        logging.StreamHandler(), logging.FileHandler(Path(args.out) / "train.log")])
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    texts, removed = splits.clean_training()
    LOG.info("arguments %s", json.dumps(vars(args)))
    LOG.info("texts %s, too close to a held text %s", {k: len(v) for k, v in texts.items()}, removed)
    trainer, windower = Trainer(args), Windower(Path(args.init) / "tokenizer.json")
    if args.tones:
        judged = tones.judge(trainer.model, windower, texts["written"], args.tones, args.seed)
        LOG.info("%d sentences of written texts judged by their tone", judged)
    if args.resume and (trainer.out / "checkpoint.pt").exists():
        trainer.resume()
    mixture = Mixture(texts, windower, args.seed + trainer.step, args.favour)
    run(trainer, mixture, mixture.rng)
    trainer.save_checkpoint()
    trainer.save_package()
    LOG.info("done: %d steps, %d tokens", trainer.step, trainer.tokens)


if __name__ == "__main__":
    main()

"""Train an adapter, the last blocks or every weight on a dataset: `torchrun … finetune.py job.json`.

The strategies of the torch backend over batches that TypeScript packed. It makes the same steps as the
`onnx` backend: the same batches, first parameters, optimiser and learning rates. It stops at any step with
a checkpoint and goes on from it. Progress is one JSON object a line on standard output.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shutil
import time

import torch
from safetensors.torch import load_file, save_file

import checkpoint
from adapted import Adapted, fill, merged_config, named_weights, whole
from batches import Batch, BatchFile
from device import Place, agree, take_place, wait_for_all
from events import emit, run_main
from objectives import loss_of
from stopping import StopRequest
from weights import write_weights

MAX_FILE_BYTES = 2 ** 30


def rate_at(step: int, warmup: int, total: int) -> float:
    """Linear warm-up to 1, then a cosine to 0, as `cosineSchedule` of the engine."""
    if step < warmup:
        return (step + 1) / warmup
    progress = (step - warmup) / max(1, total - warmup)
    return 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))


class Run:
    def __init__(self, job: dict, place: Place):
        self.job, self.place = job, place
        self.adapted = Adapted(job, place)
        files = (BatchFile(job["runDir"], name, job["shape"], place.device) for name in
                 ("train", "measured", "validation", "mismatched"))
        self.train, self.measured, self.validation, self.mismatched = files
        self.trained = self.adapted.trained()
        initial = os.path.join(job["runDir"], "initial.safetensors")
        if os.path.exists(initial):
            self.fill(load_file(initial))
        self.optimizer = torch.optim.AdamW(self.trained.values(), lr=job["learningRate"], eps=job["epsilon"],
                                           betas=(job["beta1"], job["beta2"]), weight_decay=job["weightDecay"])
        self.state = {"job": job["key"], "step": 0, "curve": [], "firstLoss": None, "best": None}
        self.best: dict[str, torch.Tensor] | None = None
        self.folder = os.path.join(job["runDir"], "torch-checkpoint")
        self.load()

    def say(self, kind: str, **fields: object) -> None:
        if self.place.is_first:
            emit(kind, **fields)

    def fill(self, values: dict[str, torch.Tensor]) -> None:
        for name, value in values.items():
            fill(self.trained[name], value)

    def values(self) -> dict[str, torch.Tensor]:
        return {name: whole(parameter) for name, parameter in self.trained.items()}

    def loss(self, batch: Batch) -> torch.Tensor:
        return loss_of(self.job, batch, self.mismatched, self.adapted.now, self.adapted.reference)

    def own(self, indices: range) -> list[tuple[int, bool]]:
        """This process's part: all have as many, so that they meet; what only fills up does not count."""
        rank, world = self.place.rank, self.place.world
        rounds = -(-len(indices) // world)
        return [(indices[min(i * world + rank, len(indices) - 1)], i * world + rank < len(indices)) for i in range(rounds)]

    def sum_over(self, value: torch.Tensor) -> float:
        if self.place.world > 1:
            torch.distributed.all_reduce(value)
        return value.item()

    @torch.no_grad()
    def mean_loss(self, file: BatchFile) -> float | None:
        if len(file) == 0:
            return None
        total = torch.zeros(2, device=self.place.device, dtype=torch.float64)
        for at, counts in self.own(range(len(file))):
            batch = file[at]
            loss = self.loss(batch).double()
            if counts:
                total += torch.stack([loss * batch.weight, torch.tensor(batch.weight, device=loss.device).double()])
        if self.place.world > 1:
            torch.distributed.all_reduce(total)
        return (total[0] / total[1]).item()

    def step(self, number: int) -> tuple[float, int]:
        """One update from the mean over the step's batches; its loss, and the tokens that were read."""
        job = self.job
        each = job["batchesPerStep"]
        indices = range(number * each, (number + 1) * each)
        weight = float(sum(self.train.records["weight"][i] for i in indices))
        total = torch.zeros((), device=self.place.device)
        for at, counts in self.own(indices):
            batch = self.train[at]
            share = batch.weight / weight if counts else 0.0
            loss = self.loss(batch)
            # FSDP takes the mean over the processes, and the shares are of a sum.
            (loss * share * self.place.world).backward()
            total += loss.detach() * share
        parameters = list(self.trained.values())
        torch.nn.utils.clip_grad_norm_(parameters, job["clipNorm"])
        rate = job["learningRate"] * rate_at(number, job["warmupSteps"], job["steps"])
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return self.sum_over(total), each * job["shape"]["nRows"] * job["shape"]["rowTokens"]

    def save(self) -> None:
        """Every process has to call it; the first one writes."""
        values, moments = self.values(), {}
        for name, parameter in self.trained.items():
            state = self.optimizer.state.get(parameter, {})
            for kind in ("exp_avg", "exp_avg_sq"):
                if kind in state:
                    moments[f"{kind}.{name}"] = whole(state[kind])
        if self.place.is_first:
            partial = self.folder + ".partial"
            shutil.rmtree(partial, ignore_errors=True)
            os.makedirs(partial)
            save_file(values, os.path.join(partial, "trained.safetensors"))
            save_file(moments, os.path.join(partial, "moments.safetensors"))
            if self.best is not None:
                save_file(self.best, os.path.join(partial, "best.safetensors"))
            checkpoint.write_json(os.path.join(partial, "state.json"), self.state)
            checkpoint.rename_into_place(partial, self.folder)
        wait_for_all(self.place)

    def load(self) -> None:
        found = next((f for f in (self.folder, self.folder + ".previous")
                      if os.path.exists(os.path.join(f, "state.json"))), None)
        if found is None:
            return
        with open(os.path.join(found, "state.json"), encoding="utf-8") as file:
            state = json.load(file)
        if state["job"] != self.job["key"]:
            return
        self.fill(load_file(os.path.join(found, "trained.safetensors")))
        best = os.path.join(found, "best.safetensors")
        self.best = load_file(best) if os.path.exists(best) else None
        moments = load_file(os.path.join(found, "moments.safetensors"))
        for name, parameter in self.trained.items():
            if f"exp_avg.{name}" not in moments:
                continue
            state_of = self.optimizer.state[parameter]
            state_of["step"] = torch.tensor(float(state["step"]))
            for kind in ("exp_avg", "exp_avg_sq"):
                state_of[kind] = torch.zeros_like(parameter)
                fill(state_of[kind], moments[f"{kind}.{name}"])
        self.state = state
        self.say("resumed", step=state["step"])

    def validate(self, step: int) -> float | None:
        loss = self.mean_loss(self.validation)
        if loss is not None and (self.state["best"] is None or loss < self.state["best"]["loss"]):
            self.state["best"] = {"loss": loss, "step": step}
            self.best = self.values()
        return loss

    def run(self, stop: StopRequest) -> str:
        job, state = self.job, self.state
        began, tokens, first_step = time.monotonic(), 0, state["step"]
        if state["firstLoss"] is None:
            state["firstLoss"] = {"train": self.mean_loss(self.measured), "validation": self.validate(0)}
        every = max(1, job["steps"] // job["validations"])
        while (number := state["step"]) < job["steps"]:
            if agree(self.place, stop.asked(time.monotonic() - began)):
                self.save()
                return "stopped"
            loss, n_tokens = self.step(number)
            if not math.isfinite(loss):
                raise SystemExit(f"The loss at step {number + 1} is not a number: lower the learning rate.")
            tokens += n_tokens
            state["step"] = number + 1
            state["curve"].append(loss)
            is_last = number + 1 == job["steps"]
            validation = self.validate(number + 1) if (number + 1) % every == 0 or is_last else None
            if (number + 1) % job["checkpointSteps"] == 0 and not is_last:
                self.save()
            seconds = time.monotonic() - began
            self.say("step", step=number + 1, loss=loss, validationLoss=validation, tokensPerSecond=tokens / seconds,
                     secondsLeft=(job["steps"] - number - 1) * seconds / (number + 1 - first_step))
        return "finished"

    def finish(self) -> None:
        """Early stopping: the parameters that did best on the validation rows, when there were any."""
        if self.best is not None:
            self.fill(self.best)
        last = self.mean_loss(self.measured)
        self.write_result()
        state = self.state
        self.say("finished", trainLoss={"first": state["firstLoss"]["train"], "last": last}, curve=state["curve"],
                 validationLoss=None if state["best"] is None or state["firstLoss"]["validation"] is None else
                 {"first": state["firstLoss"]["validation"], "last": state["best"]["loss"]})

    def write_result(self) -> None:
        """An adapter as its matrices alone, a model as a folder of the hub."""
        values = self.values() if self.job["strategy"] == "lora" else dict(named_weights(self.adapted))
        if not self.place.is_first:
            return
        out = self.job["out"]
        os.makedirs(out, exist_ok=True)
        if self.job["strategy"] == "lora":
            save_file(values, os.path.join(out, "trained.safetensors"))
            return
        write_weights(out, values, "float32", MAX_FILE_BYTES)
        checkpoint.write_json(os.path.join(out, "config.json"), merged_config(self.job["modelDir"], self.job["strategy"]))


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("job", help="what to train, JSON")
    arguments.add_argument("--watch-pid", type=int, help="stop when this process has ended")
    options = arguments.parse_args()
    with open(options.job, encoding="utf-8") as file:
        job = json.load(file)
    place = take_place()
    torch.manual_seed(job["seed"])
    run = Run(job, place)
    run.say("start", parameters=sum(p.numel() for p in run.trained.values()), device=str(place.device),
            processes=place.world, threads=torch.get_num_threads())
    with StopRequest(job["runDir"], None, options.watch_pid) as stop:
        outcome = run.run(stop)
        if outcome == "finished":
            run.finish()
        else:
            run.say("stopped", step=run.state["step"])
    if place.world > 1:
        torch.distributed.destroy_process_group()


if __name__ == "__main__":
    run_main(main)

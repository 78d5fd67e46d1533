"""Train every weight of a model: `torchrun … train.py run.json --work-dir DIR`, or plain `python train.py …`.

The `full` strategy of the torch backend, over the rows that `prepare.py` packed. A run is a list of
cycles (see `schedule.py`); it stops at any step with a checkpoint and goes on from it exactly: weights,
optimizers, place in the data. Progress is one JSON object a line on standard output.
"""

from __future__ import annotations

import argparse
import os
import time

import torch

import checkpoint
import run_config
from attention import choose_attention, make_mask
from device import Place, agree, agree_on, mean_over, spread, take_place, wait_for_all
from events import emit, run_main
from flops import H100_FLOPS, flops_per_token
from model import Llama, NextTokenLoss, llama_config
from optimizers import build_optimizers, set_rates
from rows import Loader, MicroBatch, PackedRows, Position, to_tensors
from schedule import Cycle, cycle_of
from stopping import StopRequest
from weights import read_weights

PLAN_AFTER_SECONDS = 60
"""The rate of the first minute says how many tokens the time left is good for."""


def arguments_of() -> argparse.ArgumentParser:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--minutes", type=float, help="length of the next cycle, which is then the only one")
    arguments.add_argument("--continue", dest="more", action="store_true", help="a further cycle when all are done")
    arguments.add_argument("--fresh", action="store_true", help="ignore an earlier checkpoint")
    arguments.add_argument("--stop-after", type=float, help="stop with a checkpoint after so many seconds")
    arguments.add_argument("--steps", type=int, help="stop with a checkpoint after so many steps")
    arguments.add_argument("--seconds-left", type=float, help="plan the cycle to end after so many seconds")
    arguments.add_argument("--watch-pid", type=int, help="stop when this process has ended")
    return arguments


class Run:
    """Model, optimizers and state of one training run."""

    def __init__(self, config: dict, options: argparse.Namespace, place: Place):
        self.config, self.options, self.place, self.began = config, options, place, time.monotonic()
        self.training, self.work_dir = config["training"], config["workDir"]
        torch.manual_seed(config["seed"])
        model = config["model"]
        self.model = Llama(llama_config(model)).to(place.device)
        kind, why = choose_attention(place.device, model["heads"], model["kvHeads"], model["headDim"], model["contextTokens"])
        self.model.attention = kind
        if config.get("base"):
            self.model.load_state_dict(read_weights(config["base"]))
        self.loss = spread(NextTokenLoss(self.model), place, self.training["compile"])
        self.optimizers = build_optimizers(self.model, self.training, place.device)
        self.state, self.steps_here = checkpoint.new_state(), 0
        found = None if options.fresh else checkpoint.latest(self.work_dir)
        if found:
            self.load(found)
        self.held_out = PackedRows(os.path.join(self.work_dir, "held-out"))
        self.say("start", parameters=sum(p.numel() for p in self.model.parameters()), device=str(place.device),
                 processes=place.world, attention=kind, attentionBecause=why, threads=torch.get_num_threads())

    def say(self, kind: str, **fields: object) -> None:
        if self.place.is_first:
            emit(kind, **fields)

    def load(self, folder: str) -> None:
        self.state = checkpoint.load(folder, self.model, list(self.optimizers.values()), self.place.world > 1)
        self.say("resumed", step=self.state["step"], tokens=self.state["tokens"], cycle=len(self.state["cycles"]))

    def path(self, suffix: str = "") -> str:
        return os.path.join(self.work_dir, f"checkpoint{suffix}")

    def save(self) -> None:
        checkpoint.save(self.path(), self.model, list(self.optimizers.values()), self.state, self.place.rank)
        wait_for_all(self.place)

    def keep_as(self, suffix: str) -> None:
        if self.place.is_first:
            checkpoint.copy(self.path(), self.path(suffix))
        wait_for_all(self.place)

    def batch_loss(self, batch: MicroBatch) -> torch.Tensor:
        device = self.place.device
        ids, documents = (t.to(device, non_blocking=True) for t in (batch.ids, batch.documents))
        mask = make_mask(self.model.attention, documents[:, :-1])
        with torch.autocast(device.type, dtype=torch.bfloat16):
            return self.loss(ids, documents, mask)

    @torch.no_grad()
    def held_out_loss(self) -> float:
        """Mean loss in nats per token over the first held-out rows, in whole micro-batches where there are enough."""
        n_rows, micro = min(len(self.held_out), self.training["heldOutRows"]), self.training["microRows"]
        n_rows = max(n_rows - n_rows % micro, min(n_rows, micro))
        losses = []
        for at in range(0, n_rows, micro):
            rows = self.held_out.take(torch.arange(at, min(at + micro, n_rows)).numpy())
            losses.append(self.batch_loss(to_tensors(*rows, pin=False)).item())
        return sum(losses) / len(losses)

    def next_cycle(self) -> Cycle | None:
        """The cycle to go on with, its record last in the state; None when all are done."""
        sections, options, cycles = self.training["cycles"], self.options, self.state["cycles"]
        if not cycles or cycles[-1]["ended"]:
            if len(cycles) >= len(sections) and not options.more:
                return None
            options.more = False
            section = sections[min(len(cycles), len(sections) - 1)]
            cycle = cycle_of(section, 60 * options.minutes if options.minutes else None)
            if cycles and os.path.isdir(self.path(f"-{cycle.start}")):
                self.load(self.path(f"-{cycle.start}"))
                self.state["cycles"][-1]["ended"] = True
            self.state["cycles"].append({"seconds": 0.0, "tokens": 0, "steps": 0, "ended": False,
                                         "unit": cycle.unit, "length": cycle.length})
            return cycle
        section = sections[min(len(cycles) - 1, len(sections) - 1)]
        if options.minutes:
            cycle = cycle_of(section, 60 * options.minutes)
        else:
            cycle = cycle_of(section, cycles[-1]["length"] if cycles[-1]["unit"] == "seconds" else None)
        cycles[-1] |= {"unit": cycle.unit, "length": cycle.length}
        return cycle

    def train_cycle(self, cycle: Cycle, stop: StopRequest) -> str:
        """Train to the end of the cycle or until told to stop: "ended" or "stopped"."""
        state, training, place = self.state, self.training, self.place
        record = state["cycles"][-1]
        batch_rows, row_tokens = training["batchRows"], self.config["model"]["contextTokens"]
        loader = Loader(self.work_dir, self.config["seed"], self.config["data"]["draws"], batch_rows, training["microRows"],
                        Position(state["pass"], state["batch"]), place.rank, place.world, place.device.type == "cuda")
        measured = {"from": time.monotonic(), "steps": 0, "reported": time.monotonic(), "since": 0, "planned": False}
        saved = clock = time.monotonic()
        replan = self.options.seconds_left is not None
        try:
            while (done := record[cycle.unit]) < cycle.length:
                enough = self.options.steps is not None and self.steps_here >= self.options.steps
                if enough or agree(place, stop.asked(time.monotonic() - self.began)):
                    self.save()
                    return "stopped"
                if done >= cycle.decay_from and not record.get("stableSaved"):
                    record["stableSaved"] = True
                    self.save()
                    self.keep_as("-stable")
                set_rates(self.optimizers, cycle.rates, cycle.scale(done))
                step_loss, norm, position = self.step(loader)
                now = time.monotonic()
                if measured["steps"] == 0:
                    # The first step of a process compiles: it is no time of the schedule.
                    clock = measured["from"] = measured["reported"] = now
                    if replan:
                        left = agree_on(place, self.options.seconds_left - (now - self.began))
                        cycle = cycle_of(training["cycles"][min(len(state["cycles"]), len(training["cycles"])) - 1],
                                         record["seconds"] + max(left, 1.0))
                        record |= {"unit": cycle.unit, "length": cycle.length}
                else:
                    measured["since"] += 1
                measured["steps"] += 1
                passed = agree_on(place, now - clock)
                clock = now
                for counts in (state, record):
                    counts["seconds"] += passed
                    counts["tokens"] += batch_rows * row_tokens
                self.steps_here += 1
                state["step"] += 1
                record["steps"] += 1
                state["pass"], state["batch"] = position.pass_number, position.batch
                if state["step"] % training["reportSteps"] == 0:
                    self.report(cycle, mean_over(place, step_loss), float(norm), measured)
                if agree_on(place, time.monotonic() - saved) > 60 * training["checkpointMinutes"]:
                    self.measure_held_out()
                    self.save()
                    saved = time.monotonic()
        finally:
            loader.close()
        record["ended"] = True
        held = self.measure_held_out()
        record["heldOutLoss"] = held
        self.save()
        if held <= min(c.get("heldOutLoss", held) for c in state["cycles"]):
            self.keep_as("-best")
        return "ended"

    def step(self, loader: Loader) -> tuple[torch.Tensor, torch.Tensor, Position]:
        """One update of the weights; the loss and norm stay on the device until someone asks."""
        batches, position = loader.next()
        n_rows = sum(len(batch.ids) for batch in batches)
        total = torch.zeros((), device=self.place.device)
        for batch in batches:
            share = len(batch.ids) / n_rows
            loss = self.batch_loss(batch)
            (loss * share).backward()
            total += loss.detach() * share
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.training["clipNorm"])
        for optimizer in self.optimizers.values():
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        return total, norm.full_tensor() if hasattr(norm, "full_tensor") else norm, position

    def report(self, cycle: Cycle, loss: float, norm: float, measured: dict) -> None:
        state, record, now = self.state, self.state["cycles"][-1], time.monotonic()
        step_tokens = self.training["batchRows"] * self.config["model"]["contextTokens"]
        rate = measured["since"] * step_tokens / max(now - measured["reported"], 1e-9)
        measured |= {"since": 0, "reported": now}
        left = cycle.length - record[cycle.unit]
        seconds_left = left if cycle.unit == "seconds" else left / rate if rate > 0 else None
        state["curve"].append([state["step"], round(loss, 4)])
        self.say("step", step=state["step"], loss=loss, norm=norm, tokens=state["tokens"], tokensPerSecond=rate,
                 cycle=len(state["cycles"]), learningRateScale=cycle.scale(record[cycle.unit]), secondsLeft=seconds_left)
        if not measured["planned"] and now - measured["from"] > PLAN_AFTER_SECONDS:
            measured["planned"] = True
            mean = (measured["steps"] - 1) * step_tokens / (now - measured["from"])
            flops = mean * flops_per_token(self.config["model"])
            self.say("plan", tokensPerSecond=mean, flopsPerSecond=flops, shareOfH100=flops / H100_FLOPS,
                     tokensExpected=state["tokens"] + mean * (seconds_left or 0.0))

    def measure_held_out(self) -> float:
        held = mean_over(self.place, torch.tensor(self.held_out_loss(), device=self.place.device))
        self.state["heldOut"].append([self.state["step"], round(held, 4)])
        self.say("held-out", step=self.state["step"], loss=held)
        return held


def main() -> None:
    options, config = run_config.parse(arguments_of())
    place = take_place()
    per_process = config["training"]["batchRows"] / place.world
    if per_process != int(per_process) or per_process % config["training"]["microRows"] not in (0, per_process):
        raise SystemExit(f"training.batchRows ({config['training']['batchRows']}) over {place.world} processes is no "
                         f"multiple of training.microRows ({config['training']['microRows']}).")
    run = Run(config, options, place)
    with StopRequest(config["workDir"], options.stop_after, options.watch_pid) as stop:
        outcome = "ended"
        while outcome == "ended" and (cycle := run.next_cycle()):
            outcome = run.train_cycle(cycle, stop)
            if options.minutes or options.seconds_left is not None:
                break
    state = run.state
    held = state["heldOut"][-1][1] if state["heldOut"] else None
    run.say("stopped" if outcome == "stopped" else "finished", step=state["step"], tokens=state["tokens"],
            seconds=state["seconds"], cycles=state["cycles"], heldOutLoss=held)
    if place.world > 1:
        torch.distributed.destroy_process_group()


if __name__ == "__main__":
    run_main(main)

"""Which device a process trains on, and the processes it trains with."""

from __future__ import annotations

import os
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard

from events import emit
from model import NextTokenLoss


@dataclass(frozen=True)
class Place:
    device: torch.device
    rank: int
    world: int

    @property
    def is_first(self) -> bool:
        return self.rank == 0


def take_place() -> Place:
    """CUDA when there is a GPU for every process, otherwise the CPU. Reads what torchrun sets."""
    rank, world = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
    local = int(os.environ.get("LOCAL_RANK", "0"))
    on_gpu = torch.cuda.is_available() and local < torch.cuda.device_count()
    device = torch.device("cuda", local) if on_gpu else torch.device("cpu")
    if on_gpu:
        torch.cuda.set_device(device)
        torch.set_float32_matmul_precision("high")
    if world > 1:
        dist.init_process_group("nccl" if on_gpu else "gloo")
    return Place(device, rank, world)


def spread(loss: NextTokenLoss, place: Place, compiled: bool):
    """The loss to call: compiled, and with its parameters sharded when there are several processes.

    The model is changed in place; optimizers are built afterwards.
    """
    if place.world == 1:
        return torch.compile(loss) if compiled and can_compile(place.device) else loss
    if compiled and can_compile(place.device):
        for block in loss.llama.model.layers:
            block.compile()
    mesh = init_device_mesh(place.device.type, (place.world,))
    on_gpu = place.device.type == "cuda"
    policy = MixedPrecisionPolicy(torch.bfloat16, torch.float32) if on_gpu else MixedPrecisionPolicy()
    for block in loss.llama.model.layers:
        fully_shard(block, mesh=mesh, mp_policy=policy)
    fully_shard(loss, mesh=mesh, mp_policy=policy)
    return loss


def can_compile(device: torch.device) -> bool:
    """torch.compile needs a C++ compiler; without one training is slower and as right."""
    try:
        torch.compile(lambda x: x * 2 + 1)(torch.ones(8, device=device))
        return True
    except Exception as error:
        emit("not-compiled", reason=str(error).splitlines()[0][:200])
        return False


def mean_over(place: Place, value: torch.Tensor) -> float:
    """The mean of a number over all processes."""
    value = value.detach().float().clone()
    if place.world > 1:
        dist.all_reduce(value)
        value /= place.world
    return value.item()


def agree(place: Place, flag: bool) -> bool:
    """What the first process says, in all of them."""
    if place.world == 1:
        return flag
    told = torch.tensor([float(flag)], device=place.device)
    dist.broadcast(told, 0)
    return bool(told.item())


def agree_on(place: Place, value: float) -> float:
    """The first process's number, in all of them."""
    if place.world == 1:
        return value
    told = torch.tensor([value], device=place.device, dtype=torch.float64)
    dist.broadcast(told, 0)
    return told.item()


def wait_for_all(place: Place) -> None:
    if place.world > 1:
        dist.barrier()

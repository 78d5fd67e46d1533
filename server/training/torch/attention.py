"""Attention inside documents, in three ways that agree.

`blocks` is fastest on a CPU; `flex` compiles a kernel for the very mask of a batch and skips what it
hides (Dong et al. 2024, "Flex attention"); `sdpa` is PyTorch's fused attention with the whole mask, for
a GPU on which `flex` cannot be compiled. Shapes: q (B, H, T, hd), k and v (B, K, T, hd), H a multiple of K.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F

QUERY_BLOCK = 256
"""Queries attended at once. A block sees only the keys up to its own end, which skips most of the
upper triangle: 1.4 times the step rate of PyTorch's fused attention with a mask on 2 CPU cores."""

MASK_BLOCK = 128
"""Rows of the smallest tile of a `flex` mask; the kernels work in multiples of it."""


def dense_mask(documents: torch.Tensor) -> torch.Tensor:
    """(B, T) document numbers to (B, 1, T, T): a token sees itself and what its document holds before it."""
    return (documents[:, :, None] == documents[:, None, :]).tril()[:, None]


_compiled: dict = {}


def flex_mask(documents: torch.Tensor):
    """The same mask as the blocks of it that are not empty."""
    from torch.nn.attention.flex_attention import create_block_mask

    def visible(b, _h, q, k):
        return (q >= k) & (documents[b, q] == documents[b, k])

    if documents.is_cuda:
        create = _compiled.setdefault("mask", torch.compile(create_block_mask))
    else:
        create = create_block_mask
    b, t = documents.shape
    return create(visible, b, None, t, t, device=documents.device, BLOCK_SIZE=MASK_BLOCK)


def make_mask(kind: str, documents: torch.Tensor):
    return flex_mask(documents) if kind == "flex" else dense_mask(documents)


def attend(kind: str, q, k, v, mask):
    q, k = q.to(v.dtype), k.to(v.dtype)
    if kind == "flex":
        from torch.nn.attention.flex_attention import flex_attention

        return flex_attention(q, k, v, block_mask=mask, enable_gqa=q.shape[1] != k.shape[1])
    groups = q.shape[1] // k.shape[1]
    k, v = k.repeat_interleave(groups, dim=1), v.repeat_interleave(groups, dim=1)
    if kind == "sdpa":
        return F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
    return attend_blocks(q * q.shape[-1] ** -0.5, k, v, mask)


def attend_blocks(q, k, v, mask):
    """Softmax attention with a boolean mask (B, 1, T, T), in blocks of queries that are already scaled."""
    t = q.shape[2]
    out = []
    for start in range(0, t, QUERY_BLOCK):
        end = min(start + QUERY_BLOCK, t)
        scores = torch.matmul(q[:, :, start:end], k[:, :, :end].transpose(-1, -2)).float()
        scores = torch.where(mask[:, :, start:end, :end], scores, -1e9)
        out.append(torch.matmul(torch.softmax(scores, dim=-1).to(v.dtype), v[:, :, :end]))
    return torch.cat(out, dim=2)


def choose_attention(device: torch.device, heads: int, kv_heads: int, head_dim: int, tokens: int) -> tuple[str, str]:
    """The fastest way that gives the right numbers, forward and backward, on this device; and why."""
    if device.type != "cuda":
        return "blocks", "no GPU"
    generator = torch.Generator(device=device).manual_seed(0)

    def sample(n_heads: int) -> torch.Tensor:
        shape = (1, n_heads, tokens, head_dim)
        return torch.randn(shape, generator=generator, device=device, dtype=torch.bfloat16).requires_grad_()

    q, k, v = sample(heads), sample(kv_heads), sample(kv_heads)
    documents = (torch.arange(tokens, device=device) * 3 // tokens + 1)[None]
    try:
        results = []
        for kind in ("flex", "sdpa"):
            run = torch.compile(attend) if kind == "flex" else attend
            out = run(kind, q, k, v, make_mask(kind, documents))
            results.append([out, *torch.autograd.grad(out.float().square().sum(), (q, k, v))])
        worst = max(((a - b).abs().max() / b.abs().max()).item() for a, b in zip(*results))
        return ("flex", f"within {worst:.1e} of sdpa") if worst < 0.05 else ("sdpa", f"flex is {worst:.1e} off")
    except Exception as error:  # a compiler that is missing or too old: slower, and still right
        return "sdpa", f"flex: {str(error).splitlines()[0][:200]}"

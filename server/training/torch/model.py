"""A Llama decoder (RMSNorm, RoPE, grouped-query attention, SwiGLU, tied head) in PyTorch.

Parameter names and shapes are those of `LlamaForCausalLM`, so a checkpoint loads into Kept's own
engine and into transformers. Shapes: B rows, T tokens, D hidden, H heads, K key-value heads, V vocabulary.
"""

from __future__ import annotations

import math

import torch
import torch.nn as nn
import torch.nn.functional as F

from attention import attend


class RmsNorm(nn.Module):
    def __init__(self, size: int, eps: float):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))
        self.eps = eps

    def forward(self, x):
        return F.rms_norm(x, (x.shape[-1],), self.weight.to(x.dtype), self.eps)


class Attention(nn.Module):
    def __init__(self, config: dict):
        super().__init__()
        d, self.n_heads, self.n_kv = config["hidden_size"], config["num_attention_heads"], config["num_key_value_heads"]
        self.head_dim = config["head_dim"]
        self.q_proj = nn.Linear(d, self.n_heads * self.head_dim, bias=False)
        self.k_proj = nn.Linear(d, self.n_kv * self.head_dim, bias=False)
        self.v_proj = nn.Linear(d, self.n_kv * self.head_dim, bias=False)
        self.o_proj = nn.Linear(self.n_heads * self.head_dim, d, bias=False)

    def forward(self, x, cos, sin, kind, mask):
        b, t, _ = x.shape
        q = self.q_proj(x).view(b, t, self.n_heads, self.head_dim).transpose(1, 2)  # (B, H, T, hd)
        k = self.k_proj(x).view(b, t, self.n_kv, self.head_dim).transpose(1, 2)  # (B, K, T, hd)
        v = self.v_proj(x).view(b, t, self.n_kv, self.head_dim).transpose(1, 2)
        y = attend(kind, rotate(q, cos, sin), rotate(k, cos, sin), v, mask)
        return self.o_proj(y.transpose(1, 2).reshape(b, t, -1))


def rotate(x, cos, sin):
    """Rotary position embedding in the half-split layout of Llama checkpoints."""
    first, second = x.chunk(2, dim=-1)
    return torch.cat((first * cos - second * sin, second * cos + first * sin), dim=-1)


class Mlp(nn.Module):
    def __init__(self, config: dict):
        super().__init__()
        d, f = config["hidden_size"], config["intermediate_size"]
        self.gate_proj = nn.Linear(d, f, bias=False)
        self.up_proj = nn.Linear(d, f, bias=False)
        self.down_proj = nn.Linear(f, d, bias=False)

    def forward(self, x):
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class Block(nn.Module):
    def __init__(self, config: dict):
        super().__init__()
        self.self_attn = Attention(config)
        self.mlp = Mlp(config)
        self.input_layernorm = RmsNorm(config["hidden_size"], config["rms_norm_eps"])
        self.post_attention_layernorm = RmsNorm(config["hidden_size"], config["rms_norm_eps"])

    def forward(self, x, cos, sin, kind, mask):
        x = x + self.self_attn(self.input_layernorm(x), cos, sin, kind, mask)
        return x + self.mlp(self.post_attention_layernorm(x))


class Decoder(nn.Module):
    """`model.*` of a Llama checkpoint: embedding, blocks, final norm."""

    def __init__(self, config: dict):
        super().__init__()
        self.embed_tokens = nn.Embedding(config["vocab_size"], config["hidden_size"])
        self.layers = nn.ModuleList(Block(config) for _ in range(config["num_hidden_layers"]))
        self.norm = RmsNorm(config["hidden_size"], config["rms_norm_eps"])


class Llama(nn.Module):
    def __init__(self, config: dict):
        super().__init__()
        self.config = config
        self.attention = "blocks"
        self.model = Decoder(config)
        angles = torch.arange(config["max_position_embeddings"])[:, None] * (
            config["rope_theta"] ** (-torch.arange(0, config["head_dim"], 2) / config["head_dim"])
        )
        self.register_buffer("cos", angles.cos(), persistent=False)  # (maxT, hd/2)
        self.register_buffer("sin", angles.sin(), persistent=False)
        self.apply(initialise)
        residual_std = 0.02 / math.sqrt(2 * config["num_hidden_layers"])
        for block in self.model.layers:
            nn.init.normal_(block.self_attn.o_proj.weight, std=residual_std)
            nn.init.normal_(block.mlp.down_proj.weight, std=residual_std)

    def forward(self, ids, mask):
        """Hidden states (B, T, D). `mask` is `make_mask(self.attention, documents)`."""
        t = ids.shape[1]
        x = self.model.embed_tokens(ids)
        cos, sin = self.cos[:t].to(x.dtype), self.sin[:t].to(x.dtype)
        for block in self.model.layers:
            x = block(x, cos, sin, self.attention, mask)
        return self.model.norm(x)

    def logits(self, hidden):
        return F.linear(hidden, self.model.embed_tokens.weight.to(hidden.dtype))


class NextTokenLoss(nn.Module):
    """The loss as a module, so that one compiled graph holds forward, head and cross-entropy."""

    def __init__(self, llama: Llama):
        super().__init__()
        self.llama = llama

    def forward(self, ids, documents, mask):
        """Mean cross-entropy in nats over positions whose target is in the same document.

        `ids` and `documents` are (B, T + 1); `mask` belongs to their first T columns.
        """
        hidden = self.llama(ids[:, :-1], mask)
        same = (documents[:, 1:] == documents[:, :-1]) & (documents[:, 1:] > 0)
        targets = torch.where(same, ids[:, 1:], -100).reshape(-1)
        logits = self.llama.logits(hidden.reshape(-1, hidden.shape[-1]))
        return F.cross_entropy(logits.float(), targets, ignore_index=-100)


def initialise(module: nn.Module) -> None:
    if isinstance(module, (nn.Linear, nn.Embedding)):
        nn.init.normal_(module.weight, std=0.02)


def llama_config(model: dict) -> dict:
    """The Hugging Face `config.json` of a run configuration's `model` section."""
    return {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama",
        "vocab_size": model["vocabSize"], "hidden_size": model["hiddenSize"],
        "intermediate_size": model["ffnSize"], "num_hidden_layers": model["layers"],
        "num_attention_heads": model["heads"], "num_key_value_heads": model["kvHeads"],
        "head_dim": model["headDim"], "rms_norm_eps": 1e-5, "rope_theta": float(model["ropeTheta"]),
        "max_position_embeddings": model["contextTokens"], "tie_word_embeddings": True,
        "hidden_act": "silu", "attention_bias": False, "mlp_bias": False,
        "bos_token_id": None, "eos_token_id": 0, "torch_dtype": "float32",
    }

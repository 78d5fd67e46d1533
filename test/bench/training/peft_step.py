"""A LoRA step of PyTorch and PEFT, timed: reads a line for each step, answers with its seconds as JSON."""

import json
import sys
import time

import torch
from peft import LoraConfig, get_peft_model
from transformers import LlamaConfig, LlamaForCausalLM, Qwen2Config, Qwen2ForCausalLM

PROJECTIONS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


def main():
    shape = json.loads(sys.argv[1])
    torch.set_num_threads(shape["threads"])
    torch.manual_seed(0)
    config_type, model_type = (
        (Qwen2Config, Qwen2ForCausalLM) if shape["attentionBias"] else (LlamaConfig, LlamaForCausalLM)
    )
    config = config_type(
        vocab_size=shape["vocabSize"],
        hidden_size=shape["hiddenSize"],
        intermediate_size=shape["ffnSize"],
        num_hidden_layers=shape["nLayers"],
        num_attention_heads=shape["nHeads"],
        num_key_value_heads=shape["nKvHeads"],
        head_dim=shape["headDim"],
        max_position_embeddings=shape["contextTokens"],
        rms_norm_eps=shape["rmsNormEpsilon"],
        tie_word_embeddings=shape["tiedHead"],
        attn_implementation="sdpa",
        use_cache=False,
    )
    adapter = LoraConfig(r=shape["rank"], lora_alpha=2 * shape["rank"], target_modules=PROJECTIONS)
    model = get_peft_model(model_type(config), adapter)
    model.train()
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=1e-3, weight_decay=0.01)
    rows, tokens = shape["nRows"], shape["rowTokens"]
    per_row = shape["nTargets"] // rows
    ids = torch.randint(0, shape["vocabSize"], (rows, tokens))
    targets = torch.randint(0, shape["vocabSize"], (rows * per_row,))
    print("ready", flush=True)
    for _ in sys.stdin:
        wall, cpu = time.perf_counter(), time.process_time()
        # The head on the target positions alone, as in Kept.
        logits = model(input_ids=ids, logits_to_keep=per_row).logits
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        optimizer.zero_grad()
        seconds = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
        print(json.dumps(seconds), flush=True)


if __name__ == "__main__":
    main()

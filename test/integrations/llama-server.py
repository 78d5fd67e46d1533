# llama.cpp's own HTTP server, as the wheel `xllamacpp` holds it, with the options of `llama-server` that the pages
# use. Ends with its stdin, or by a signal where it has none.
import argparse
import signal
import sys

import xllamacpp

options = argparse.ArgumentParser()
options.add_argument("-m", required=True)
options.add_argument("--lora", action="append", default=[])
options.add_argument("--port", type=int, default=8080)
options.add_argument("-c", type=int, default=1024)
# An infill shows other files as far as the context is larger than a batch.
options.add_argument("-b", type=int, default=256)
options.add_argument("--wait", choices=["stdin", "signal"], default="signal")
given = options.parse_args()

params = xllamacpp.CommonParams()
params.model.path = given.m
params.port = given.port
params.n_ctx = given.c
params.n_parallel = 1
params.n_batch = given.b
# As exact as it can be: what is kept of the tokens in 32 bits, and attention as it is written down.
params.cache_type_k = xllamacpp.ggml_type.GGML_TYPE_F32
params.cache_type_v = xllamacpp.ggml_type.GGML_TYPE_F32
params.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
params.warmup = False
params.cpuparams.n_threads = 1
if given.lora:
    params.lora_adapters = [xllamacpp.CommonAdapterLoraInfo(file, 1.0) for file in given.lora]
server = xllamacpp.Server(params)
if given.wait == "stdin":
    sys.stdin.read()
else:
    signal.pause()

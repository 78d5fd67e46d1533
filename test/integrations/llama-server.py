# llama.cpp's own HTTP server, as the wheel `xllamacpp` holds it: model, adapter (or -), port. Ends with its stdin.
import sys

import xllamacpp

params = xllamacpp.CommonParams()
params.model.path = sys.argv[1]
params.port = int(sys.argv[3])
params.n_ctx = 1024
params.n_parallel = 1
# An infill shows other files as far as the context is larger than a batch.
params.n_batch = 256
# As exact as it can be: what is kept of the tokens in 32 bits, and attention as it is written down.
params.cache_type_k = xllamacpp.ggml_type.GGML_TYPE_F32
params.cache_type_v = xllamacpp.ggml_type.GGML_TYPE_F32
params.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
params.warmup = False
params.cpuparams.n_threads = 1
if sys.argv[2] != "-":
    params.lora_adapters = [xllamacpp.CommonAdapterLoraInfo(sys.argv[2], 1.0)]
server = xllamacpp.Server(params)
sys.stdin.read()

# llama.cpp's own HTTP server, as the wheel `xllamacpp` holds it: model, adapter (or -), port. Ends with its stdin.
import sys

import xllamacpp

params = xllamacpp.CommonParams()
params.model.path = sys.argv[1]
params.port = int(sys.argv[3])
params.n_ctx = 1024
params.n_parallel = 1
params.warmup = False
params.cpuparams.n_threads = 1
if sys.argv[2] != "-":
    params.lora_adapters = [xllamacpp.CommonAdapterLoraInfo(sys.argv[2], 1.0)]
server = xllamacpp.Server(params)
sys.stdin.read()

#!/usr/bin/env bash
# One command of a GPU session; scripts/gpu/README.md has the plan. Needs Python with PyTorch, no network.
#
#   train.sh load <folder>...          take a carried load: shards and run.json
#   train.sh base <folder>...          start from a model of an earlier session, carried in one or more folders
#   train.sh train <seconds> <left>    prepare if needed, then train: this command may take <seconds> in all,
#                                      and the session has <left> seconds of training, this command's included
#   train.sh bring <part>              the float16 weights, in parts of at most 48 MB: bring 1, bring 2, …
#
# Every `train` leaves a whole model in $OUT. Between commands everything lies in $KEPT_GPU_DIR.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

programs=server/training/torch
place=$(mkdir -p "${KEPT_GPU_DIR:-/tmp/kept-gpu}" && cd "${KEPT_GPU_DIR:-/tmp/kept-gpu}" && pwd)
out=${OUT:?OUT names the folder whose files come back}
work=$place/work
# Compiled kernels stay for the next command.
export TORCHINDUCTOR_CACHE_DIR=$place/compiled TRITON_CACHE_DIR=$place/compiled/triton
export PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
export PYTORCH_CUDA_ALLOC_CONF=${PYTORCH_CUDA_ALLOC_CONF:-expandable_segments:True}
# Seconds that saving, exporting and copying may take after the last step.
reserve=${KEPT_GPU_RESERVE_SECONDS:-45}
# Largest file that comes back, in units of 1,000,000 bytes, and files of one command.
max_file_mb=16
max_part_files=3

usage() { sed -n '2,12p' "${BASH_SOURCE[0]}" >&2; exit 2; }

load() {
  mkdir -p "$place/corpus"
  for folder in "$@"; do
    cp "$folder"/run.json "$place/run.json"
    for shard in "$folder"/*.jsonl*; do cp "$shard" "$place/corpus/"; done
  done
  echo "shards: $(ls "$place/corpus" | wc -l)"
}

base() {
  mkdir -p "$place/base"
  for folder in "$@"; do cp "$folder"/* "$place/base/"; done
  python3 - "$place" <<'PY'
import json, sys
place = sys.argv[1]
config = json.load(open(f"{place}/run.json"))
json.dump(config | {"base": f"{place}/base"}, open(f"{place}/run.json", "w"), indent=2)
PY
  ls -l "$place/base"
}

# The first draw is waited for; the others are made while it trains, on the cores that training leaves.
prepare() {
  [ -f "$work/prepared" ] && return
  python3 - "$place" <<'PY'
import json, sys
place = sys.argv[1]
config = json.load(open(f"{place}/run.json"))
draws = config["data"]["draws"]
json.dump(config | {"data": config["data"] | {"draws": 1}}, open(f"{place}/first-draw.json", "w"))
open(f"{place}/draws", "w").write(str(draws))
PY
  python3 "$programs/prepare.py" "$place/first-draw.json" --work-dir "$work" --corpus "$place/corpus/*.jsonl*"
  touch "$work/prepared"
}

prepare_more() {
  local draws next=1 cores
  draws=$(cat "$place/draws")
  while [ -d "$work/draw-$(printf %03d "$next")" ]; do next=$((next + 1)); done
  [ "$next" -ge "$draws" ] && return
  cores=$(nproc)
  nice -n 10 python3 "$programs/prepare.py" "$place/run.json" --work-dir "$work" --corpus "$place/corpus/*.jsonl*" \
    --draws "$next:$draws" --processes "$((cores > 3 ? cores - 2 : 1))" >"$place/draws.log" 2>&1 &
  drawing=$!
}

bring_model() {
  python3 "$programs/export.py" "$place/run.json" --work-dir "$work" --out "$place/model"
  cp "$place"/model/* "$out/"
  # Eight files come back in all: the history and the log in one, and not what the tokenizer's folder repeats.
  tar -C "$place/model" -czf "$out/folder.tar.gz" config.json tokenizer.json tokenizer_config.json \
    $(cd "$place/model" && ls model.safetensors.index.json 2>/dev/null || true) \
    -C "$work/checkpoint" state.json -C "$place" train.jsonl
  rm -f "$out"/*.json
  ls -l "$out"
}

train() {
  local seconds=$1 left=$2 began=$SECONDS drawing= code=0
  prepare
  prepare_more
  # `left` ends the schedule; `reserve` of this command's seconds is for what comes after training.
  local here=$((seconds - (SECONDS - began) - reserve)) all=$((left - (SECONDS - began) - reserve))
  [ "$here" -gt 0 ] || { echo "no time is left to train" >&2; exit 1; }
  python3 "$programs/train.py" "$place/run.json" --work-dir "$work" --stop-after "$here" --seconds-left "$all" \
    | tee -a "$place/train.jsonl" | grep -v '"event": "step"' || code=$?
  tail -n 1 "$place/train.jsonl"
  if [ -n "$drawing" ] && kill "$drawing" 2>/dev/null; then wait "$drawing" 2>/dev/null || true; fi
  bring_model
  return "$code"
}

bring() {
  local part=$1 first last i=0
  mkdir -p "$place/half"
  [ -f "$place/half/config.json" ] ||
    python3 "$programs/export.py" "$place/run.json" --work-dir "$work" --out "$place/half" --dtype float16
  first=$(((part - 1) * max_part_files)) last=$((part * max_part_files))
  for file in "$place"/half/*.safetensors; do
    [ "$i" -ge "$first" ] && [ "$i" -lt "$last" ] && cp "$file" "$out/"
    i=$((i + 1))
  done
  [ "$part" -eq 1 ] && cp "$place"/half/*.json "$out/"
  echo "$i weight files, $max_part_files a part"
  ls -l "$out"
}

case "${1:-}" in
  load) shift; [ $# -ge 1 ] || usage; load "$@" ;;
  base) shift; [ $# -ge 1 ] || usage; base "$@" ;;
  train) [ $# -eq 3 ] || usage; train "$2" "$3" ;;
  bring) [ $# -eq 2 ] || usage; bring "$2" ;;
  *) usage ;;
esac

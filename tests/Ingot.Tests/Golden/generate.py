#!/usr/bin/python3
"""Writes the golden files *.jsonl beside this script: PyTorch's numbers, which GoldenTests.cs holds Ingot to.

    /usr/bin/python3 tests/Ingot.Tests/Golden/generate.py

Needs Debian's python3-torch (made with 1.13) and nothing else. Deterministic: every input comes from a stream seeded
by the case's own identity, and PyTorch runs on one thread with its portable code path, so adding a case changes no
other line, and running it twice changes nothing.
"""
import os

os.environ["ATEN_CPU_CAPABILITY"] = "default"  # read when torch loads: the same sums whatever vector unit this machine has
os.environ["OMP_NUM_THREADS"] = "1"

import json
import pathlib
import warnings

import torch

warnings.simplefilter("ignore")  # kl_div's "mean" is deprecated, not changed
torch.set_num_threads(1)
torch.backends.mkldnn.enabled = False

import cases_create
import cases_elementwise
import cases_layers
import cases_linear
import cases_losses
import cases_movement
import cases_indexing
import cases_reduce
import cases_optimizers
from table import CASES, evaluate

here = pathlib.Path(__file__).parent
combinations, total, size = set(), 0, 0
for group, cases in CASES.items():
    rows = [evaluate(c) for c in cases]
    text = "".join(json.dumps(row, separators=(",", ":")) + "\n" for row in rows)
    (here / f"{group}.jsonl").write_text(text)
    combinations |= {row["op"] + json.dumps(row["attrs"], sort_keys=True) for row in rows}
    total += len(rows)
    size += len(text)
    print(f"{group}: {len(rows)} cases, {len(text) / 1024:.0f} KB")
print(f"{total} cases, {len(combinations)} combinations of operator and attributes, {size / 1024:.0f} KB")

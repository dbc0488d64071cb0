"""PyTorch (and numpy, for float32 products) at the kernels of `ingot bench`. usage: kernels.py [NAME...]"""
import math, sys
import numpy as np
import torch
import torch.nn.functional as F
from timing import THREADS, asked, figure

torch.set_num_threads(THREADS)
names = sys.argv[1:]
DTYPES = {"f32": torch.float32, "bf16": torch.bfloat16}


def product(name, dtype, batch, m, k, n, form=""):
    """2 M K N operations a product, the result written into a given tensor. t: that operand is stored transposed."""
    if not asked(name, names):
        return
    def stored(rows, columns, transposed):
        x = torch.randn(batch, columns, rows).to(dtype).transpose(1, 2) if transposed else torch.randn(batch, rows, columns).to(dtype)
        return x[0] if batch == 1 else x
    a, b = stored(m, k, form.startswith("t")), stored(k, n, form.endswith("t"))
    c = torch.empty(*a.shape[:-1], n, dtype=dtype)
    gflop = 2e-9 * batch * m * k * n
    with torch.no_grad():
        figure(name, "GFLOPS", lambda s: gflop / s, lambda: torch.matmul(a, b, out=c), runs=15)
    if dtype == torch.float32 and batch == 1 and not form:
        x, y, z = a.numpy(), b.numpy(), np.empty((m, n), np.float32)
        figure(name + " (numpy)", "GFLOPS", lambda s: gflop / s, lambda: np.matmul(x, y, out=z), runs=15)


def matvec(name, dtype, m, k, n):
    """GB/s of the matrix."""
    if not asked(name, names):
        return
    a, b, c = torch.randn(m, k).to(dtype), torch.randn(k, n).to(dtype), torch.empty(m, n, dtype=dtype)
    gb = 1e-9 * k * max(m, n) * a.element_size()
    with torch.no_grad():
        figure(name, "GB/s", lambda s: gb / s, lambda: torch.mm(a, b, out=c), runs=15)


def attention(name, dtype, length, backward):
    """Causal, one sequence, 8 heads of 64, written out; and by PyTorch's own function where it has one."""
    if not asked(name, names):
        return
    q, k, v = (torch.randn(1, 8, length, 64).to(dtype).requires_grad_(backward) for _ in range(3))
    mask, slope = torch.full((length, length), float("-inf")).triu(1).to(dtype), torch.randn(1, 8, length, 64).to(dtype)
    forms = {"": lambda: torch.softmax(q @ k.transpose(-2, -1) * (1 / math.sqrt(64)) + mask, -1) @ v}
    if hasattr(F, "scaled_dot_product_attention"):
        forms[" (scaled_dot_product_attention)"] = lambda: F.scaled_dot_product_attention(q, k, v, is_causal=True)
    for suffix, form in forms.items():
        def run():
            if backward:
                q.grad = k.grad = v.grad = None
                form().backward(slope)
            else:
                with torch.no_grad():
                    form()
        figure(name + suffix, "ms", lambda s: 1000 * s, run, runs=7)


for d, dtype in DTYPES.items():
    for size in (512, 1024, 2048, 4096):
        for form in ("", "nt", "tn", "tt"):
            product(f"matmul.{d}.{size}" + ("." + form if form else ""), dtype, 1, size, size, size, form)
    for form in ("", "nt", "tn", "tt"):
        product(f"matmul.{d}.1000x777x1234" + ("." + form if form else ""), dtype, 1, 1000, 777, 1234, form)
    product(f"matmul.{d}.48x64x64x4096", dtype, 48, 64, 64, 4096)
    product(f"matmul.{d}.48x64x4096x64", dtype, 48, 64, 4096, 64)
for d, dtype in DTYPES.items():
    matvec(f"matvec.{d}.4096x4096x1", dtype, 4096, 4096, 1)
    matvec(f"matvec.{d}.1x4096x11008", dtype, 1, 4096, 11008)

with torch.no_grad():
    if asked("elementwise", names):
        n = 64 << 20
        a, b, c, d = (torch.rand(n) - 0.5 for _ in range(4))
        y = torch.empty(n)
        def in_place():
            torch.mul(a, b, out=y); y.add_(c); y.relu_(); y.mul_(d)
        figure("elementwise", "GB/s", lambda s: 20e-9 * n / s, lambda: torch.relu(a * b + c) * d)
        figure("elementwise (in place)", "GB/s", lambda s: 20e-9 * n / s, in_place)
        del a, b, c, d, y
    for d, dtype in DTYPES.items():
        x, w, b = (torch.randn(*shape).to(dtype) for shape in ((4096, 4096), (4096,), (4096,)))
        gb, suffix = 2e-9 * x.numel() * x.element_size(), "" if d == "f32" else "." + d
        if asked("softmax" + suffix, names):
            figure("softmax" + suffix, "GB/s", lambda s: gb / s, lambda: torch.softmax(x, -1), runs=21)
        if asked("layernorm" + suffix, names):
            figure("layernorm" + suffix, "GB/s", lambda s: gb / s, lambda: F.layer_norm(x, (4096,), w, b), runs=21)

for d, dtype in DTYPES.items():
    for length in (2048, 4096):
        for backward in (False, True):
            attention(f"attention.{d}.{length}.{'fwdbwd' if backward else 'fwd'}", dtype, length, backward)

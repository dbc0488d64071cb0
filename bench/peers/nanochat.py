"""nanochat's own model and optimizer at `ingot bench d6`. usage: NANOCHAT=checkout nanochat.py f32|bf16"""
import math, os, sys
precision = sys.argv[1]
os.environ["NANOCHAT_DTYPE"] = {"f32": "float32", "bf16": "bfloat16"}[precision]
import torch
import torch.nn.functional as F
from timing import THREADS, figure

torch.set_num_threads(THREADS)
torch.compile = lambda *a, **k: a[0] if a else lambda f: f  # it needs a C++ compiler, and an old PyTorch has none of it
if not hasattr(F, "rms_norm"):
    F.rms_norm = lambda x, shape, weight=None, eps=None: x * torch.rsqrt(x.square().mean(-1, keepdim=True) + (eps or torch.finfo(x.dtype).eps))
if not hasattr(torch, "_foreach_copy_"):
    torch._foreach_copy_ = lambda to, source: [a.copy_(b) for a, b in zip(to, source)]
if not hasattr(F, "scaled_dot_product_attention"):
    def attention(q, k, v, attn_mask=None, is_causal=False, **_):
        scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
        if is_causal:
            scores = scores + torch.full(scores.shape[-2:], float("-inf"), dtype=scores.dtype).triu(1)
        if attn_mask is not None:
            scores = scores.masked_fill(~attn_mask, float("-inf"))
        return torch.softmax(scores, -1) @ v
    F.scaled_dot_product_attention = attention
sys.path.insert(0, os.environ["NANOCHAT"])
from nanochat.gpt import GPT, GPTConfig

depth, batch, length, total = 6, 8, 512, 16384
model = GPT(GPTConfig(sequence_len=length, vocab_size=32768, n_layer=depth, n_head=depth, n_kv_head=depth, n_embd=64 * depth, window_pattern="L"))
model.init_weights()
optimizer, parts = model.setup_optimizer(), total // (batch * length)


def step():
    for _ in range(parts):
        x, y = (torch.randint(0, 32768, (batch, length)) for _ in range(2))
        (model(x, y) / parts).backward()
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)


figure(f"d6.{precision}", "tokens/s", lambda s: total / s, step, warm=1, runs=3, seconds=120)

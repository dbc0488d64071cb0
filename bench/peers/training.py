"""PyTorch at the training steps of `ingot bench`. usage: training.py [--data TEXT] [NAME...]; the character models need a text."""
import contextlib, math, sys, time
import torch
import torch.nn as nn
import torch.nn.functional as F
from timing import THREADS, asked, figure, show

torch.set_num_threads(THREADS)
arguments = sys.argv[1:]
data = arguments.pop(arguments.index("--data") + 1) if "--data" in arguments else None
names = [a for a in arguments if a != "--data"]


class Block(nn.Module):
    def __init__(self, width, heads, biases, gelu):
        super().__init__()
        self.heads, self.gelu = heads, gelu
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.output = nn.Linear(width, 3 * width, bias=biases), nn.Linear(width, width, bias=biases)
        self.up, self.down = nn.Linear(width, 4 * width, bias=biases), nn.Linear(4 * width, width, bias=biases)

    def forward(self, x, mask):
        b, t, c = x.shape
        q, k, v = self.qkv(self.norm1(x)).view(b, t, 3, self.heads, c // self.heads).permute(2, 0, 3, 1, 4)
        if hasattr(F, "scaled_dot_product_attention"):
            y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        else:
            scores = q @ k.transpose(-2, -1) * (1 / math.sqrt(c // self.heads)) + mask[:t, :t].to(q.dtype)
            y = torch.softmax(scores, -1).to(v.dtype) @ v
        x = x + self.output(y.transpose(1, 2).reshape(b, t, c))
        return x + self.down(F.gelu(self.up(self.norm2(x)), approximate=self.gelu))


class Gpt(nn.Module):
    """GPT-2's form: learned positions, norms before each part, head tied to the token embedding."""

    def __init__(self, vocabulary, context, layers, heads, width, biases, gelu):
        super().__init__()
        self.token, self.position = nn.Embedding(vocabulary, width), nn.Embedding(context, width)
        self.blocks = nn.ModuleList(Block(width, heads, biases, gelu) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.register_buffer("mask", torch.full((context, context), float("-inf")).triu(1))
        for name, p in self.named_parameters():
            if p.dim() == 2:
                nn.init.normal_(p, 0, 0.02 / math.sqrt(2 * layers) if "output" in name or "down" in name else 0.02)

    def loss(self, x, y):
        h = self.token(x) + self.position(torch.arange(x.shape[1]))
        for block in self.blocks:
            h = block(h, self.mask)
        logits = F.linear(self.norm(h), self.token.weight)
        return F.cross_entropy(logits.float().flatten(0, 1), y.flatten())


def adamw(model, rate, beta2, decay):
    matrices, vectors = [p for p in model.parameters() if p.dim() > 1], [p for p in model.parameters() if p.dim() < 2]
    return torch.optim.AdamW([dict(params=matrices, weight_decay=decay), dict(params=vectors, weight_decay=0.0)], lr=rate, betas=(0.9, beta2))


def stepper(model, optimizer, precision, clip=None):
    def step(x, y):
        with torch.autocast("cpu", dtype=torch.bfloat16) if precision == "bf16" else contextlib.nullcontext():
            loss = model.loss(x, y)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        if clip:
            nn.utils.clip_grad_norm_(model.parameters(), clip)
        optimizer.step()
        return loss.item()
    return step


def gpt2(name, precision, batch, length):
    model = Gpt(50304, 1024, 12, 12, 768, True, "tanh")
    step = stepper(model, adamw(model, 1e-4, 0.999, 0.0), precision)
    x, y = (torch.randint(0, 50257, (batch, length)) for _ in range(2))
    figure(name, "tokens/s", lambda s: batch * length / s, lambda: step(x, y), runs=7, seconds=60)


def character(name, precision, large):
    """The settings of Ingot's presets char-small and char-large; the small one trained to its end."""
    text = open(data, encoding="utf8").read()
    number = {c: i for i, c in enumerate(sorted(set(text)))}
    tokens = torch.tensor([number[c] for c in text])
    train, held = tokens[: int(0.9 * len(tokens))], tokens[int(0.9 * len(tokens)):]
    layers, heads, width, length, batch = (6, 6, 384, 256, 64) if large else (4, 4, 128, 64, 12)
    torch.manual_seed(1)
    model = Gpt(len(number), length, layers, heads, width, False, "none")
    optimizer = adamw(model, 1e-3, 0.99, 0.1)
    step = stepper(model, optimizer, precision, clip=1.0)
    def some():
        starts = torch.randint(len(train) - length, (batch,)).tolist()
        return torch.stack([train[i:i + length] for i in starts]), torch.stack([train[i + 1:i + length + 1] for i in starts])
    if large:
        figure(name, "tokens/s", lambda s: batch * length / s, lambda: step(*some()), warm=1, runs=5, seconds=60)
        return
    steps, start = 2000, time.perf_counter()
    for i in range(steps):
        rate = 1e-3 * (i + 1) / 101 if i < 100 else 1e-4 + 0.5 * (1 + math.cos(math.pi * (i - 100) / (steps - 100))) * 9e-4
        for group in optimizer.param_groups:
            group["lr"] = rate
        step(*some())
    seconds = time.perf_counter() - start
    blocks = (len(held) - 1) // length
    x, y = held[:blocks * length].view(-1, length), held[1:blocks * length + 1].view(-1, length)
    with torch.no_grad():
        loss = sum(model.loss(a, b).item() * len(a) for a, b in zip(x.split(64), y.split(64))) / blocks
    show(name, "s", seconds, seconds, seconds)
    print(f"loss over the last tenth of the text: {loss:.4f}", file=sys.stderr)


for precision in ("f32", "bf16"):
    for batch, length in ((4, 64), (4, 256)):
        if asked(f"gpt2.{precision}.{batch}x{length}", names):
            gpt2(f"gpt2.{precision}.{batch}x{length}", precision, batch, length)
for precision in ("f32", "bf16"):
    for size in ("small", "large"):
        name = f"char-{size}" + ("" if precision == "f32" else ".bf16")
        if data and asked(name, names):
            character(name, precision, size == "large")

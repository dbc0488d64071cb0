"""Indexing and assignment with ranges, steps, single indices, tensors and masks; gather, scatter, sort, topk.

An index is written as PyTorch writes it, items separated by ", ": "1:-1", "::2", "-1", ":", "...", "None", and
"t0", "t1" for the index tensors, which are the inputs after the first (and after the value, in an assignment).
"""
import torch

from table import INF, NAN, B, I, P, R, T, V, begin, case, op, ops

begin("indexing")


def parse(text, tensors):
    def item(word):
        if word == "None":
            return None
        if word == "...":
            return ...
        if word[0] == "t":
            t = tensors[int(word[1:])]
            return t.long() if t.dtype == torch.int32 else t  # PyTorch 1.13 refuses i32; later versions take it
        if ":" in word:
            return slice(*[int(part) if part else None for part in word.split(":")])
        return int(word)
    return tuple(item(word) for word in text.split(", "))


@op("index")
def _(x, *tensors, index):
    return x[parse(index, tensors)]


@op("index_assign")
def _(x, value, *tensors, index):
    y = x.clone()
    y[parse(index, tensors)] = value
    return y


@op("index_assign_number")
def _(x, *tensors, index, value):
    y = x.clone()
    y[parse(index, tensors)] = value
    return y


BASIC = ["0", "-1", "1:", ":2", "1:-1", "-2:", "::2", "1::2", ":, 1", ":, -1", ":, 1:3", "1, 2", "-1, -2", "1:, 1:-1", "::2, ::3", "...",
         "..., 0", "0, ...", "None", ":, None", "..., None", "2:2", "1, None, ::2", ":, :, 1", "..., 1:, 0", "-3:-1, :, ::2", "0, 1, 2", "1:2, ..., -1"]
for text in BASIC:
    case("index", [R(4, 5, 3)], index=text)
case("index", [V([[NAN, -0.0], [INF, 0.0]])], "bits as they are", index=":, 1", _zero=True)
case("index", [I(4, 5, dtype="i32")], "i32", index="1:3, ::2")

IDX, PLACE = V([2, 0, -1, 2], "i64"), V([1, 0, 3, -2], "i64")
TENSORS = [
    ("t0", [IDX]), (":, t0", [IDX]), ("t0, t1", [IDX, PLACE]), ("t0, 1", [IDX]), ("t0, 1:3", [IDX]), ("1:, t0", [IDX]), ("..., t0", [V([0, 2, 2], "i64")]),
    ("t0, :, t1", [IDX, V([0, 1, 2, 0], "i64")]), ("t0, None, t1", [IDX, PLACE]), ("None, t0", [IDX]), ("0, t0", [IDX]), ("t0, ::2, 1", [IDX])]
for text, tensors in TENSORS:
    case("index", [R(4, 5, 3)] + tensors, index=text)
case("index", [R(4, 5), V([[0, 1], [2, 3]], "i64")], "a table of rows", index="t0")
case("index", [R(4, 5), V([[0], [2]], "i64"), V([1, 3, 4], "i64")], "broadcast tensors", index="t0, t1")
case("index", [R(4, 5), V([3, 1], "i32")], "i32 indices", index="t0")
case("index", [R(4, 5), V(2, "i64")], "a scalar tensor", index="t0")
case("index", [R(4, 5), V([], "i64")], "no rows", index="t0")

MASK4, MASK5, MASK45 = V([True, False, True, True], "bool"), V([False, True, True, False, True], "bool"), B(4, 5)
case("index", [R(4, 5, 3), MASK4], "mask of rows", index="t0")
case("index", [R(4, 5, 3), MASK5], "mask of columns", index=":, t0")
case("index", [R(4, 5), MASK45], "mask of elements", index="t0")
case("index", [R(4, 5, 3), MASK45], "mask of the first two dimensions", index="t0")
case("index", [R(4, 5), V([False] * 4, "bool")], "mask without a true", index="t0")

for text, shape in [("1", (5,)), ("1:3", (2, 5)), ("::2", (2, 5)), (":, -1", (4,)), (":, 1:4", (4, 3)), ("1:3, 2:", (2, 3)), ("-1, -1", ()), ("...", (4, 5)), ("1::2, ::2", (2, 3)), ("..., 0", (4,)), ("1:, None, 0", (3, 1))]:
    case("index_assign", [R(4, 5), R(*shape)], index=text)
case("index_assign", [R(4, 5), R(5)], "the value broadcasts", index="1:3")
case("index_assign", [R(4, 5), R()], "the value is a scalar", index=":, 2")
case("index_assign", [R(4, 5), R(3, 5), V([2, 0, 3], "i64")], index="t0")
case("index_assign", [R(4, 5), R(4, 2), V([4, 1], "i64")], index=":, t0")
case("index_assign", [R(4, 5), R(3), V([2, 0, -1], "i64"), V([1, 1, 4], "i64")], index="t0, t1")
case("index_assign", [I(4, 5), I(2, 5), V([2, 0], "i64")], "i64", index="t0")
case("index_assign", [R(4, 5), R(5), MASK4], "mask of rows", index="t0")
case("index_assign", [R(4, 5), R(), MASK45], "mask of elements", index="t0")
for text in ("0", "1:3, ::2", ":, -1", "..."):
    case("index_assign_number", [R(4, 5)], index=text, value=1.5, _grad=text != "...")
case("index_assign_number", [R(4, 5), MASK45], "mask of elements", index="t0", value=-INF)
case("index_assign_number", [R(4, 5), IDX], "tensor", index="t0", value=2.0)
case("index_assign_number", [I(4, 5)], "i64", index="1:3", value=7)

ops(gather=lambda x, index, dim: torch.gather(x, dim, index), scatter=lambda x, index, src, dim: torch.scatter(x, dim, index, src),
    scatter_number=lambda x, index, dim, value: torch.scatter(x, dim, index, value), scatter_add=lambda x, index, src, dim: torch.scatter_add(x, dim, index, src),
    index_select=lambda x, index, dim: torch.index_select(x, dim, index), masked_select=torch.masked_select)
for dim in (0, 1, 2, -1):
    case("gather", [R(3, 4, 3), I(2, 4, 3, lo=0, hi=3)], dim=dim)
case("gather", [R(4, 5), I(4, 7, lo=0, hi=5)], "longer than the input", dim=1)
case("gather", [I(4, 5), I(3, 2, lo=0, hi=4)], "i64", dim=0)
PERM = V([[2, 0, 1, 3], [0, 1, 2, 3], [1, 3, 0, 2]], "i64")
case("scatter", [R(3, 5), PERM, R(3, 4)], dim=1)
case("scatter", [R(3, 5), PERM, R(3, 4)], "from the end", dim=-1)
case("scatter", [R(5, 3), V([[2, 0, 1], [0, 4, 2]], "i64"), R(2, 3)], dim=0)
case("scatter_number", [R(3, 5), PERM], dim=1, value=9.5)
case("scatter_number", [R(4, 3), V([[2, 0, 1]], "i64")], dim=0, value=-1.5)
for dim in (0, 1, -1):
    case("scatter_add", [R(4, 4), I(3, 4, lo=0, hi=4), R(3, 4)], dim=dim)
case("scatter_add", [I(4, 4), I(3, 4, lo=0, hi=4), I(3, 4)], "i64", dim=0)
for dim in (0, 1, 2, -2):
    case("index_select", [R(3, 4, 3), I(5, lo=0, hi=3)], dim=dim)
case("masked_select", [R(3, 4), B(3, 4)])

ops(topk=lambda x, k, dim=-1, largest=True: torch.topk(x, k, dim, largest), sort=lambda x, dim=-1, descending=False: torch.sort(x, dim=dim, descending=descending, stable=True),
    argsort=lambda x, dim=-1, descending=False: torch.sort(x, dim=dim, descending=descending, stable=True).indices)
case("topk", [R(3, 7)], k=3)
case("topk", [R(3, 7)], k=7)
case("topk", [R(3, 7)], k=1)
case("topk", [R(6, 3)], k=2, dim=0)
case("topk", [R(3, 7)], k=2, dim=-1, largest=False)
case("topk", [V([1.0, NAN, 5.0, INF, -INF, 2.0])], "NaN is the largest", k=3, _grad=False)
case("sort", [R(3, 6)])
case("sort", [R(3, 6)], dim=-1, descending=True)
case("sort", [R(4, 3)], dim=0)
case("sort", [R(4, 3)], dim=0, descending=True)
case("sort", [T(2, 9)], "stable at ties")
case("sort", [T(2, 9)], "stable at ties", dim=-1, descending=True)
case("sort", [V([1.0, NAN, 5.0, INF, -INF, NAN, 2.0])], "NaN last", _grad=False)
case("sort", [I(8)], "i64")
case("argsort", [R(3, 6)])
case("argsort", [R(4, 3)], dim=0, descending=True)
case("sort", [R(2, 4, 3)], dim=1)
case("sort", [R(2, 4, 3)], dim=-2, descending=True)
case("argsort", [R(2, 4, 3)], dim=1)
case("argsort", [T(2, 4, 3)], "stable at ties", dim=0, descending=True)
case("topk", [R(2, 5, 3)], k=2, dim=1)
case("topk", [R(2, 5, 3)], k=3, dim=-2, largest=False)

"""Writes a model with random weights as an ONNX graph; batch norm is folded into the convolutions, as in exported models. usage: models.py resnet50|mobilenetv2|bert FILE.onnx
Needs the packages numpy and onnx (Debian: python3-onnx)."""
import sys
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

random, nodes, weights = np.random.default_rng(1), [], []


def constant(value):
    name = f"c{len(weights)}"
    weights.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
    return name


def normal(*shape):
    return constant((random.standard_normal(shape) * np.sqrt(2 / np.prod(shape[1:]))).astype(np.float32))


def zeros(n):
    return constant(np.zeros(n, np.float32))


def scalar(x):
    return constant(np.float32(x))


def node(kind, *inputs, **attributes):
    name = f"{kind.lower()}{len(nodes)}"
    nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
    return name


def convolution(x, inputs, outputs, kernel, stride=1, groups=1):
    return node("Conv", x, normal(outputs, inputs // groups, kernel, kernel), zeros(outputs), strides=[stride] * 2, pads=[kernel // 2] * 4, group=groups, kernel_shape=[kernel] * 2)


def classifier(x, width):
    return node("Gemm", node("Flatten", node("GlobalAveragePool", x)), normal(1000, width), zeros(1000), transB=1)


def resnet50():
    relu = lambda x: node("Relu", x)
    x, inputs = node("MaxPool", relu(convolution("x", 3, 64, 7, 2)), kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4), 64
    for blocks, width, first in ((3, 64, 1), (4, 128, 2), (6, 256, 2), (3, 512, 2)):
        for i in range(blocks):
            stride = first if i == 0 else 1
            y = relu(convolution(relu(convolution(x, inputs, width, 1)), width, width, 3, stride))
            shortcut = convolution(x, inputs, 4 * width, 1, stride) if i == 0 else x
            x, inputs = relu(node("Add", convolution(y, width, 4 * width, 1), shortcut)), 4 * width
    return classifier(x, 2048)


def mobilenetv2():
    low, high = scalar(0), scalar(6)
    relu6 = lambda x: node("Clip", x, low, high)
    x, inputs = relu6(convolution("x", 3, 32, 3, 2)), 32
    for expansion, outputs, blocks, first in ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)):
        for i in range(blocks):
            stride, hidden = first if i == 0 else 1, inputs * expansion
            y = relu6(convolution(x, inputs, hidden, 1)) if expansion > 1 else x
            y = convolution(relu6(convolution(y, hidden, hidden, 3, stride, hidden)), hidden, outputs, 1)
            x, inputs = node("Add", x, y) if stride == 1 and inputs == outputs else y, outputs
    return classifier(relu6(convolution(x, 320, 1280, 1)), 1280)


def bert(length=128, width=768, heads=12, layers=12):
    shape = lambda *s: constant(np.array(s, np.int64))
    norm = lambda x: node("LayerNormalization", x, constant(np.ones(width, np.float32)), zeros(width), axis=-1, epsilon=1e-12)
    linear = lambda x, i, o: node("Add", node("MatMul", x, constant((random.standard_normal((i, o)) * 0.02).astype(np.float32))), zeros(o))
    table = lambda rows: constant((random.standard_normal((rows, width)) * 0.02).astype(np.float32))
    split = lambda x, order: node("Transpose", node("Reshape", x, shape(1, length, heads, width // heads)), perm=order)
    x = norm(node("Add", node("Add", node("Gather", table(30522), "tokens"), node("Gather", table(2), "kinds")), table(length)))
    penalty = node("Mul", node("Sub", scalar(1), node("Cast", node("Reshape", "mask", shape(1, 1, 1, length)), to=TensorProto.FLOAT)), scalar(-10000))
    for _ in range(layers):
        q, k, v = (split(linear(x, width, width), order) for order in ([0, 2, 1, 3], [0, 2, 3, 1], [0, 2, 1, 3]))
        y = node("MatMul", node("Softmax", node("Add", node("Div", node("MatMul", q, k), scalar((width / heads) ** 0.5)), penalty), axis=-1), v)
        x = norm(node("Add", linear(node("Reshape", node("Transpose", y, perm=[0, 2, 1, 3]), shape(1, length, width)), width, width), x))
        up = linear(x, width, 4 * width)
        gelu = node("Mul", node("Mul", up, node("Add", node("Erf", node("Div", up, scalar(2 ** 0.5))), scalar(1))), scalar(0.5))
        x = norm(node("Add", linear(gelu, 4 * width, width), x))
    return x


which, path = sys.argv[1:]
output = {"resnet50": resnet50, "mobilenetv2": mobilenetv2, "bert": bert}[which]()
if which == "bert":
    inputs = [helper.make_tensor_value_info(n, TensorProto.INT64, [1, 128]) for n in ("tokens", "kinds", "mask")]
else:
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 224, 224])]
graph = helper.make_graph(nodes, which, inputs, [helper.make_tensor_value_info(output, TensorProto.FLOAT, [1, 128, 768] if which == "bert" else [1, 1000])], weights)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
onnx.checker.check_model(model)
onnx.save(model, path)
print(f"{which}: {len(nodes)} nodes, {sum(np.prod(w.dims) for w in weights) / 1e6:.1f} M values", file=sys.stderr)

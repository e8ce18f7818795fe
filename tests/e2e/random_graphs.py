"""Random models that are mostly trees of concatenations whose parts are computed from each other, as ELAN, GELAN, C2f,
Ghost, SPPF, dense blocks and CReLU are: the same number gives the same model. Every operation is continuous and keeps
magnitudes near 1, so that results can be compared with those of another engine."""
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from ghostnet import ghostnet

MAX_ELEMENTS = 60_000  # of one value: the tests are about addresses, not about arithmetic


class GraphMaker:
    """Nodes and initializers of one model; values are [batch, channels, height, width] unless said otherwise."""

    def __init__(self, seed):
        self.random = np.random.default_rng(seed)
        self.nodes, self.initializers, self.shapes = [], [], {}

    def pick(self, *choices):
        return choices[self.random.integers(len(choices))]

    def between(self, low, high):
        return int(self.random.integers(low, high + 1))

    def chance(self, probability):
        return self.random.random() < probability

    def constant(self, array):
        name = f"c{len(self.initializers)}"
        self.initializers.append(numpy_helper.from_array(array, name))
        return name

    def integers(self, *values):
        return self.constant(np.array(values, np.int64))

    def node(self, op, inputs, shape, outputs=1, **attributes):
        """One output of `shape`, or several of the shapes in it."""
        names = [f"v{len(self.nodes)}_{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(op, inputs, names, name=f"n{len(self.nodes)}", **attributes))
        for name, s in zip(names, shape if outputs > 1 else [shape]):
            self.shapes[name] = tuple(s)
        return names if outputs > 1 else names[0]

    # Layers.

    def activation(self, x):
        shape = self.shapes[x]
        kind = self.pick("Relu", "Sigmoid", "silu", "LeakyRelu", "HardSwish", "Tanh", "Clip", "none", "none")
        if kind == "none":
            return x
        if kind == "silu":
            return self.node("Mul", [x, self.node("Sigmoid", [x], shape)], shape)
        if kind == "Clip":
            return self.node("Clip", [x, self.constant(np.float32(-0.7)), self.constant(np.float32(1.1))], shape)
        return self.node(kind, [x], shape)

    def conv(self, x, channels=None, kernel=None, depthwise=False, activate=True):
        n, c, h, w = self.shapes[x]
        if depthwise:
            channels, groups = c, c
        else:
            channels = channels or self.between(1, 13)
            groups = 2 if c % 2 == 0 and channels % 2 == 0 and self.chance(0.1) else 1
        k = kernel or self.pick(1, 1, 3, 3, 5)
        fan = c // groups * k * k
        weights = (self.random.standard_normal((channels, c // groups, k, k)) / np.sqrt(fan)).astype(np.float32)
        inputs = [x, self.constant(weights)]
        if self.chance(0.8):
            inputs.append(self.constant((self.random.standard_normal(channels) * 0.3).astype(np.float32)))
        y = self.node("Conv", inputs, (n, channels, h, w), kernel_shape=[k, k], pads=[k // 2] * 4, group=groups)
        return self.activation(y) if activate else y

    def pool(self, x):
        k = self.pick(3, 5)
        op = self.pick("MaxPool", "MaxPool", "AveragePool")
        return self.node(op, [x], self.shapes[x], kernel_shape=[k, k], pads=[k // 2] * 4, strides=[1, 1])

    def concat(self, parts, axis=1):
        shape = list(self.shapes[parts[0]])
        shape[axis] = sum(self.shapes[p][axis] for p in parts)
        return self.node("Concat", parts, shape, axis=axis)

    def split(self, x, axis=1):
        shape = self.shapes[x]
        first = self.between(1, shape[axis] - 1)
        shapes = [shape[:axis] + (e,) + shape[axis + 1:] for e in (first, shape[axis] - first)]
        return self.node("Split", [x, self.integers(first, shape[axis] - first)], shapes, outputs=2, axis=axis)

    def slice(self, x, axis=None):
        shape = list(self.shapes[x])
        axis = self.pick(1, 1, 2, 3) if axis is None else axis
        start = self.between(0, shape[axis] - 1)
        step = self.pick(1, 1, 1, 2, 3)
        end = self.between(start + 1, shape[axis])
        shape[axis] = (end - start + step - 1) // step
        return self.node("Slice", [x] + [self.integers(v) for v in (start, end, axis, step)], shape)

    def of_channels(self, x, channels):
        return x if self.shapes[x][1] == channels else self.conv(x, channels, 1)

    def unary(self, x):
        op = self.pick("Neg", "Relu", "Sigmoid", "Tanh", "Abs", "Softplus")
        return self.node(op, [x], self.shapes[x])

    def binary(self, x, y):
        y = self.of_channels(y, self.shapes[x][1])
        return self.node(self.pick("Add", "Add", "Mul", "Sub", "Max"), [x, y], self.shapes[x])

    def scaled(self, x):
        """With a number, a vector of channels, or a full constant."""
        n, c, h, w = self.shapes[x]
        shape = self.pick((), (1, c, 1, 1), (1, c, h, w), (1, 1, h, w))
        return self.node(self.pick("Add", "Mul"),
                         [x, self.constant(self.random.uniform(0.5, 1.2, shape).astype(np.float32))], (n, c, h, w))

    # Blocks: a value in, a value of the same height and width out.

    def elan(self, x):
        parts = [self.conv(x, self.between(1, 9), 1), self.conv(x, self.between(1, 9), 1)]
        for _ in range(self.between(1, 3)):
            parts.append(self.conv(parts[-1]))
        return self.concat(parts if self.chance(0.6) else parts[::-1])

    def c2f(self, x):
        parts = list(self.split(self.conv(x, self.between(2, 12), 1)))
        for _ in range(self.between(1, 3)):
            y = self.conv(self.conv(parts[-1]), self.shapes[parts[-1]][1])
            parts.append(self.node("Add", [parts[-1], y], self.shapes[y]) if self.chance(0.6) else y)
        return self.concat(parts)

    def gelan(self, x):
        parts = list(self.split(self.conv(x, self.between(2, 10), 1)))
        parts.append(self.elan(parts[-1]))
        parts.append(self.conv(parts[-1]))
        return self.concat(parts)

    def ghost(self, x):
        primary = self.conv(x, self.between(1, 11), 1)
        cheap = self.conv(primary, depthwise=True, kernel=3)
        y = self.concat([primary, cheap])
        channels = self.shapes[y][1]
        if self.chance(0.5) and channels > 2:  # as where the number of channels is odd
            y = self.node("Slice", [y, self.integers(0), self.integers(channels - 1), self.integers(1)],
                          self.shapes[y][:1] + (channels - 1,) + self.shapes[y][2:])
        return y

    def sppf(self, x):
        parts = [self.conv(x, self.between(1, 8), 1)]
        for _ in range(self.between(1, 3)):
            parts.append(self.pool(parts[-1]))
        return self.concat(parts)

    def dense(self, x):
        for _ in range(self.between(1, 4)):
            x = self.concat([x, self.conv(x, self.between(1, 6))])
        return x

    def crelu(self, x):
        y = self.conv(x, activate=False)
        return self.node("Relu", [self.concat([y, self.node("Neg", [y], self.shapes[y])])],
                         (self.shapes[y][0], 2 * self.shapes[y][1]) + self.shapes[y][2:])

    def repeated(self, x):
        y = self.conv(x)
        parts = [y, y] + ([self.conv(y)] if self.chance(0.5) else []) + ([x] if self.chance(0.5) else [])
        self.random.shuffle(parts)
        return self.concat([str(p) for p in parts])

    def gated(self, x):
        """Parts of one concatenation computed from another one's parts, element by element."""
        a = self.conv(x, self.between(1, 8), activate=False)
        b = self.unary(a) if self.chance(0.5) else self.conv(a, self.shapes[a][1])
        return self.concat([a, self.binary(b, a), b, self.scaled(b)][:self.between(2, 4)])

    def sliced(self, x):
        whole = self.concat([x, self.conv(x), self.unary(x)])
        part = self.slice(whole, axis=1)
        other = self.slice(whole, axis=1)
        return self.concat([self.unary(part), other, part][:self.between(2, 3)])

    def shuffled(self, x):
        n, c, h, w = self.shapes[x]
        x = self.conv(x, 2 * self.between(1, 6), 1)
        c = self.shapes[x][1]
        y = self.node("Reshape", [x, self.integers(n, 2, c // 2, h, w)], (n, 2, c // 2, h, w))
        y = self.node("Transpose", [y], (n, c // 2, 2, h, w), perm=[0, 2, 1, 3, 4])
        y = self.node("Reshape", [y, self.integers(n, c, h, w)], (n, c, h, w))
        return self.concat([y, self.conv(y, depthwise=True)])

    def along_rows(self, x):
        """Joined and cut again along the height or the width."""
        axis = self.pick(2, 3)
        y = self.conv(x)
        whole = self.concat([y, self.unary(y), y] if self.chance(0.3) else [y, self.conv(y, self.shapes[y][1])], axis)
        whole = self.activation(whole)
        extent = self.shapes[x][axis]
        at = self.between(0, self.shapes[whole][axis] - extent)
        return self.node("Slice", [whole] + [self.integers(v) for v in (at, at + extent, axis)], self.shapes[y])

    def upsampled(self, x):
        n, c, h, w = self.shapes[x]
        small = self.slice(self.conv(x), axis=2)
        sizes = (n, self.shapes[small][1], h, w)
        up = self.node("Resize", [small, "", "", self.integers(*sizes)], sizes, mode=self.pick("nearest", "linear"),
                       coordinate_transformation_mode="asymmetric", nearest_mode="floor")
        return self.concat([up, x, self.conv(up)][:self.between(2, 3)])

    def with_constant(self, x):
        n, c, h, w = self.shapes[x]
        fixed = self.constant(self.random.standard_normal((n, self.between(1, 3), h, w)).astype(np.float32))
        self.shapes[fixed] = (n, numpy_helper.to_array(self.initializers[-1]).shape[1], h, w)
        parts = [fixed, x, self.conv(x)]
        self.random.shuffle(parts)
        return self.concat([str(p) for p in parts])

    BLOCKS = ("elan", "c2f", "gelan", "ghost", "sppf", "dense", "crelu", "repeated", "gated", "sliced", "shuffled",
              "along_rows", "upsampled", "with_constant")

    def block(self, x, name=None):
        y = getattr(self, name or self.pick(*self.BLOCKS))(x)
        if np.prod(self.shapes[y]) > MAX_ELEMENTS or self.shapes[y][1] > 64:
            y = self.conv(y, self.between(1, 9), 1)
        return y

    def flattened(self, x):
        n, c, h, w = self.shapes[x]
        y = self.node("Reshape", [x, self.integers(n, c, h * w)], (n, c, h * w))
        if self.chance(0.5):
            y = self.node("Transpose", [y], (n, h * w, c), perm=[0, 2, 1])
        return y

    def heads(self, values):
        """As detectors end: maps of several sizes as rows, joined along the rows."""
        channels = self.between(1, 7)
        rows = []
        for v in values:
            n, _, h, w = self.shapes[v]
            y = self.conv(v, channels, 1, activate=False)
            y = self.node("Reshape", [y, self.integers(n, channels, h * w)], (n, channels, h * w))
            rows.append(y)
        joined = self.concat(rows, axis=2)
        if self.chance(0.5):
            n, c, r = self.shapes[joined]
            joined = self.node("Transpose", [joined], (n, r, c), perm=[0, 2, 1])
        return joined

    def model(self, outputs, inputs):
        value = lambda name: helper.make_tensor_value_info(name, TensorProto.FLOAT, self.shapes[name])
        names = {}
        for i, name in enumerate(outputs):
            names[name] = f"y{i}"
        for node in self.nodes:
            node.input[:] = [names.get(n, n) for n in node.input]
            node.output[:] = [names.get(n, n) for n in node.output]
        for old, new in names.items():
            self.shapes[new] = self.shapes[old]
        graph = helper.make_graph(self.nodes, "random", [value(n) for n in inputs],
                                  [value(names[n]) for n in outputs], self.initializers)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)
        onnx.checker.check_model(model)
        return model


def input_of(maker):
    side = lambda: maker.pick(1, 2, 3, 4, 5, 5, 7, 7, 9, 11, 13)
    shape = (maker.between(1, 3), maker.between(1, 12), side(), side())
    maker.shapes["x"] = shape
    return "x"


def random_model(seed):
    """Blocks in a row and beside each other; intermediate values may be outputs as well."""
    maker = GraphMaker(seed)
    x = input_of(maker)
    values = [maker.block(x)]
    for _ in range(maker.between(1, 5)):
        if maker.chance(0.25) and len(values) > 1:  # two branches meet
            a, b = maker.pick(*values), maker.pick(*values)
            values.append(maker.concat([a, maker.conv(b)] if maker.chance(0.5) else [maker.conv(a), b, a]))
        else:
            values.append(maker.block(values[-1]))
        if np.prod(maker.shapes[values[-1]]) > MAX_ELEMENTS:
            values.append(maker.conv(values[-1], 3, 1))
    outputs = [values[-1]]
    if maker.chance(0.2):
        outputs.append(maker.flattened(values[-1]))
    if maker.chance(0.3):
        outputs.append(maker.heads([maker.pick(*values) for _ in range(maker.between(1, 3))]))
    if maker.chance(0.2):  # a value from the middle, so that it needs memory of its own
        middle = [o for node in maker.nodes for o in node.output if len(maker.shapes[o]) == 4]
        outputs.append(str(maker.pick(*middle)))
    return maker.model(list(dict.fromkeys(outputs)), [x])


def named_models():
    """GhostNet, and one model per block, each with channels and extents that put parts at addresses of no alignment."""
    for batch, side in ((1, 75), (2, 64)):
        yield f"ghostnet, batch {batch}", ghostnet(GraphMaker(batch), batch, side)
    for name in GraphMaker.BLOCKS:
        for batch, channels, side in ((1, 12, 13), (2, 5, 7), (3, 20, 5)):
            maker = GraphMaker([batch, channels, side])
            maker.shapes["x"] = (batch, channels, side, side)
            y = maker.block(maker.block("x", name), name)
            yield f"{name}, batch {batch}", maker.model([y], ["x"])

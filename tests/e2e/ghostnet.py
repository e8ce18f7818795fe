"""GhostNet 1.0 (arXiv 1911.11907, table 1) with random weights: every layer computes one part of a concatenation from the
other, and cuts the result where the number of channels asks for it."""
import math

# kernel, expanded channels, channels, squeeze-and-excitation, stride
BOTTLENECKS = [
    (3, 16, 16, False, 1), (3, 48, 24, False, 2), (3, 72, 24, False, 1), (5, 72, 40, True, 2), (5, 120, 40, True, 1),
    (3, 240, 80, False, 2), (3, 200, 80, False, 1), (3, 184, 80, False, 1), (3, 184, 80, False, 1),
    (3, 480, 112, True, 1), (3, 672, 112, True, 1), (5, 672, 160, True, 2), (5, 960, 160, False, 1),
    (5, 960, 160, True, 1), (5, 960, 160, False, 1), (5, 960, 160, True, 1),
]


class GhostNet:
    def __init__(self, maker):
        self.maker = maker

    def conv(self, x, channels, kernel=1, stride=1, groups=1, relu=False):
        m = self.maker
        n, c, h, w = m.shapes[x]
        fan = c // groups * kernel * kernel
        weights = m.random.standard_normal((channels, c // groups, kernel, kernel)) * math.sqrt((2 if relu else 1) / fan)
        bias = m.random.standard_normal(channels) * 0.1
        shape = (n, channels, (h - 1) // stride + 1, (w - 1) // stride + 1)
        y = m.node("Conv", [x, m.constant(weights.astype("float32")), m.constant(bias.astype("float32"))], shape,
                   kernel_shape=[kernel] * 2, pads=[kernel // 2] * 4, strides=[stride] * 2, group=groups)
        return m.node("Relu", [y], shape) if relu else y

    def depthwise(self, x, kernel, stride=1, relu=False):
        channels = self.maker.shapes[x][1]
        return self.conv(x, channels, kernel, stride, channels, relu)

    def ghost(self, x, channels, relu):
        m = self.maker
        primary = self.conv(x, (channels + 1) // 2, relu=relu)
        y = m.concat([primary, self.depthwise(primary, 3, relu=relu)])
        n, c, h, w = m.shapes[y]
        return m.node("Slice", [y, m.integers(0), m.integers(channels), m.integers(1)], (n, channels, h, w))

    def squeeze_excite(self, x):
        m = self.maker
        shape = m.shapes[x]
        y = m.node("GlobalAveragePool", [x], shape[:2] + (1, 1))
        y = self.conv(self.conv(y, max(4, round(shape[1] / 16) * 4), relu=True), shape[1])
        return m.node("Mul", [x, m.node("HardSigmoid", [y], m.shapes[y], alpha=1 / 6, beta=0.5)], shape)

    def bottleneck(self, x, kernel, expanded, channels, excite, stride):
        m = self.maker
        y = self.ghost(x, expanded, True)
        if stride > 1:
            y = self.depthwise(y, kernel, stride)
        if excite:
            y = self.squeeze_excite(y)
        y = self.ghost(y, channels, False)
        if m.shapes[x] != m.shapes[y]:
            x = self.conv(self.depthwise(x, kernel, stride), channels)
        return m.node("Add", [y, x], m.shapes[y])


def ghostnet(maker, batch, side):
    """The model up to 10 classes; `maker` is a random_graphs.GraphMaker."""
    net = GhostNet(maker)
    maker.shapes["x"] = (batch, 3, side, side)
    y = net.conv("x", 16, 3, 2, relu=True)
    for layer in BOTTLENECKS:
        y = net.bottleneck(y, *layer)
    y = net.conv(y, 960, relu=True)
    y = maker.node("GlobalAveragePool", [y], (batch, 960, 1, 1))
    y = net.conv(y, 10)
    return maker.model([maker.node("Flatten", [y], (batch, 10), axis=1)], ["x"])

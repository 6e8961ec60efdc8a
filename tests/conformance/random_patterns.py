"""What exporters spell with many nodes: shapes computed inside the model, activations, squeeze-excite. A part of the Drawer of
random_operations.py."""
import numpy as np
from onnx import TensorProto, helper, numpy_helper


class Patterns:
    def on_shape(self, operation, *inputs, **attributes):
        """A node that is not on the way of the data."""
        before = self.last
        name = self.node(operation, list(inputs), **attributes)[0]
        self.last = before
        return name

    def ints(self, *values):
        return self.on_shape("Constant", value=numpy_helper.from_array(np.array(values, np.int64)))

    def computed_reshape(self):
        """Reshape to [d0, .., product of the rest], as exporters spell it."""
        rank, at = len(self.shape()), self.below(0, len(self.shape()))
        dims = self.on_shape("Shape", self.last)
        if self.opset >= 15 and at and self.random.random() < 0.3:
            front = self.on_shape("Shape", self.last, end=at)
        elif self.opset < 10:
            front = self.on_shape("Slice", dims, axes=[0], starts=[0], ends=[at])
        elif self.random.random() < 0.5:
            front = self.on_shape("Gather", dims, self.ints(*range(at)), axis=0)
        else:
            front = self.on_shape("Slice", dims, self.ints(0), self.ints(at), self.ints(0))
        if self.opset < 10:
            back = self.on_shape("Slice", dims, axes=[0], starts=[at], ends=[rank])
        else:
            back = self.on_shape("Slice", dims, self.ints(at), self.ints(2**62), self.ints(0))
        kind = self.below(0, 3)
        if kind == 0:
            rest = self.on_shape("ReduceProd", back, keepdims=1)
        elif kind == 1:
            rest = self.ints(-1)
        else:
            whole = self.on_shape("Size", self.last)
            before = self.on_shape("ReduceProd", front, keepdims=0) if at else self.ints(1)
            rest = self.on_shape("Reshape", self.on_shape("Div", whole, before), self.ints(1))
        shape = self.on_shape("Concat", front, rest, axis=0) if at else rest
        if self.random.random() < 0.3:
            shape = self.on_shape("Cast", self.on_shape("Cast", shape, to=TensorProto.INT32), to=TensorProto.INT64)
        self.node("Reshape", [self.last, shape])

    def computed_expand(self):
        """Expand as PyTorch spells it: -1 keeps a dimension."""
        if self.opset < 9:
            return False
        wanted = self.ints(*[self.pick(-1, d) if d > 1 else self.pick(-1, 2, 3) for d in self.shape()])
        rank = self.on_shape("Shape", wanted)
        ones = self.on_shape("ConstantOfShape", rank, value=numpy_helper.from_array(np.array([1], np.int64)))
        minus = self.on_shape("Mul", ones, self.ints(-1))
        equal = self.on_shape("Equal", wanted, minus)
        if self.random.random() < 0.3:
            shape = self.on_shape("Where", self.on_shape("Not", equal), wanted, ones)
        else:
            shape = self.on_shape("Where", equal, ones, wanted)
        self.node("Expand", [self.last, shape])

    def computed_slice(self):
        """Gather with a Range of indices, its end compared with something."""
        if self.opset < 11:
            return False
        axis = self.below(0, len(self.shape()))
        dim = self.on_shape("Gather", self.on_shape("Shape", self.last), self.constant(axis, np.int64), axis=0)
        limit = self.constant(self.below(1, 8), np.int64)
        small = self.on_shape(*self.pick(("Less", dim, limit), ("Greater", limit, dim)))
        end = self.on_shape("Where", small, dim, limit)
        indices = self.on_shape("Range", self.constant(0, np.int64), end, self.constant(self.below(1, 3), np.int64))
        self.node("Gather", [self.last, indices], axis=axis)

    def branches(self):
        """If, of a condition that a shape decides."""
        branch = lambda name, kind: helper.make_graph([helper.make_node(kind, [self.last], [name])], name, [], [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, self.shape())])
        if self.opset < 11:
            condition = self.constant(self.below(0, 2), np.bool_)
        else:
            dim = self.on_shape("Gather", self.on_shape("Shape", self.last), self.constant(0, np.int64), axis=0)
            condition = self.on_shape("Equal", dim, self.constant(self.below(1, 3), np.int64))
        kinds = self.pick(("Relu", "Sigmoid"), ("Tanh", "Identity"))
        self.node("If", [condition], then_branch=branch("taken", kinds[0]), else_branch=branch("other", kinds[1]))

    def gelu(self):
        """GELU through Erf, in the spellings of exporters."""
        if self.opset < 9:
            return False
        x = self.last
        self.node(*self.pick(("Div", [x, self.constant(2 ** 0.5)]), ("Mul", [x, self.constant(0.5 ** 0.5)])))
        self.node("Add", [self.node("Erf", [self.last])[0], self.constant(1.0)])
        if self.random.random() < 0.5:
            self.node("Mul", [self.node("Mul", [x, self.last])[0], self.constant(0.5)])
        else:
            self.node("Mul", [self.node("Mul", [x, self.constant(0.5)])[0], self.last])

    def squeeze_excite(self):
        x, c = self.last, self.shape()[1]
        self.node("GlobalAveragePool", [x])
        self.node("Conv", [self.last, self.floats(4, c, *[1] * (len(self.shapes[x]) - 2))])
        self.node("Relu", [self.last])
        self.node("Conv", [self.last, self.floats(c, 4, *[1] * (len(self.shapes[x]) - 2))])
        self.node(self.pick("Sigmoid", "HardSigmoid"), [self.last])
        self.node("Mul", self.pick([x, self.last], [self.last, x]))

    def swish(self):
        x = self.last
        self.node("Sigmoid", [x])
        self.node("Mul", self.pick([x, self.last], [self.last, x]))

    def hard_swish(self):
        if self.opset < 11:
            return False
        x = self.last
        self.node("Add", [x, self.constant(3.0)])
        self.node("Clip", [self.last, self.constant(0.0), self.constant(6.0)])
        self.node("Mul", [x, self.last])
        self.node("Div", [self.last, self.constant(6.0)])

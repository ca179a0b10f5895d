"""The graphs of Lyra V2's TFLite files: operators in order, constants, and their quantization."""

import numpy as np
import tflite

OPERATORS = {code: name for name, code in vars(tflite.BuiltinOperator).items() if isinstance(code, int)}
DTYPES = {0: np.float32, 2: np.int32, 6: np.bool_, 9: np.int8}


class Tensor:
    def __init__(self, model, raw, index):
        self.index, self.name = index, raw.Name().decode()
        shape = raw.ShapeAsNumpy()
        self.shape = tuple(int(n) for n in shape) if raw.ShapeLength() else ()
        data = model.Buffers(raw.Buffer())
        self.values = None
        if data.DataLength():
            self.values = np.frombuffer(data.DataAsNumpy().tobytes(), DTYPES[raw.Type()]).reshape(self.shape)
        quantization = raw.Quantization()
        self.scales, self.axis = None, 0
        if quantization is not None and quantization.ScaleLength():
            self.scales = quantization.ScaleAsNumpy().copy()
            self.axis = quantization.QuantizedDimension()
            if self.values is not None and np.any(quantization.ZeroPointAsNumpy()):
                raise ValueError(f"{self.name} has a zero point")

    @property
    def floats(self):
        """The constant's values, dequantized."""
        if self.scales is None:
            return self.values
        shape = [1] * len(self.shape)
        shape[self.axis] = -1
        return self.values.astype(np.float32) * self.scales.reshape(shape)


class Operator:
    def __init__(self, model, raw, tensors):
        code = model.OperatorCodes(raw.OpcodeIndex())
        self.name = OPERATORS[max(code.BuiltinCode(), code.DeprecatedBuiltinCode())]
        self.inputs = [tensors[i] for i in raw.InputsAsNumpy()] if raw.InputsLength() else []
        self.outputs = [tensors[i] for i in raw.OutputsAsNumpy()] if raw.OutputsLength() else []
        # Of a transposed convolution, in floating point, as the graph subtracts it from the frames that overlap.
        self.bias = None
        self.options = None
        kind = {
            "CONV_2D": tflite.Conv2DOptions,
            "DEPTHWISE_CONV_2D": tflite.DepthwiseConv2DOptions,
            "TRANSPOSE_CONV": tflite.TransposeConvOptions,
            "LEAKY_RELU": tflite.LeakyReluOptions,
            "STRIDED_SLICE": tflite.StridedSliceOptions,
            "CONCATENATION": tflite.ConcatenationOptions,
        }.get(self.name)
        if kind is not None:
            self.options = kind()
            self.options.Init(raw.BuiltinOptions().Bytes, raw.BuiltinOptions().Pos)


class Graph:
    def __init__(self, path, subgraph=0):
        with open(path, "rb") as file:
            model = tflite.Model.GetRootAsModel(file.read(), 0)
        raw = model.Subgraphs(subgraph)
        self.tensors = [Tensor(model, raw.Tensors(i), i) for i in range(raw.TensorsLength())]
        self.operators = [Operator(model, raw.Operators(i), self.tensors) for i in range(raw.OperatorsLength())]
        subtractions = [op for op in self.operators if op.name == "SUB"]
        transposed = [op for op in self.operators if op.name == "TRANSPOSE_CONV"]
        for op, subtraction in zip(transposed, subtractions):
            op.bias = subtraction.inputs[1].values
        self.inputs = list(raw.InputsAsNumpy())
        self.outputs = list(raw.OutputsAsNumpy())


def codebooks(quantizer):
    """[46, 16, 64]: the rows of each codebook, in the order in which `encode` uses them."""
    graph = Graph(quantizer, 1)
    rows = [op.inputs[1].values for op in graph.operators if op.name == "SQUARED_DIFFERENCE"]
    return np.concatenate(rows)

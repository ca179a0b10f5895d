"""Writes test/fixtures/ops.json: results of MLX's Python for a table of ops, with small inputs.

    .venv/bin/python make-op-fixtures.py            (setup.sh makes .venv)

test/native/ops.test.ts calls the same op with the same arguments through the binding. A case is
{op, args, options, results}; snake_case names become camelCase, keyword arguments the options object.
"""

import itertools
import json
import math
import pathlib

import mlx.core as mx
import numpy as np

rng = np.random.default_rng(7)
cases = []


def camel(name):
    head, *rest = name.split("_")
    return head + "".join(word.capitalize() for word in rest)


def number(x):
    if isinstance(x, complex):
        return [number(x.real), number(x.imag)]
    if isinstance(x, float) and not math.isfinite(x):
        return "nan" if math.isnan(x) else "inf" if x > 0 else "-inf"
    if isinstance(x, float):
        return float(f"{x:.9g}")
    return x


def encode(x):
    if isinstance(x, mx.array):
        flat = mx.contiguous(x).reshape(-1).tolist() if x.size else []
        return {"array": [number(v) for v in flat], "shape": list(x.shape), "dtype": str(x.dtype).split(".")[-1].rstrip("_")}
    if isinstance(x, mx.Dtype):
        return str(x).split(".")[-1].rstrip("_")
    if isinstance(x, (list, tuple)):
        return [encode(v) for v in x]
    return number(x)


def case(op, *args, tolerance=None, **options):
    function = mx
    for part in op.split("."):
        function = getattr(function, part)
    out = function(*args, **options)
    results = list(out) if isinstance(out, (list, tuple)) else [out]
    mx.eval([r for r in results if isinstance(r, mx.array)])
    entry = {"op": ".".join(camel(part) for part in op.split(".")), "args": [encode(a) for a in args]}
    if options:
        entry["options"] = {camel(k): encode(v) for k, v in options.items()}
    entry["results"] = [encode(r) for r in results]
    if tolerance:
        entry["tolerance"] = tolerance
    cases.append(entry)


def floats(*shape, low=-2.0, high=2.0, dtype=mx.float32):
    return mx.array(rng.uniform(low, high, shape).astype(np.float32)).astype(dtype)


def ints(*shape, low=-9, high=9, dtype=mx.int32):
    return mx.array(rng.integers(low, high, shape)).astype(dtype)


x, y = floats(3, 4), floats(3, 4)
positive, unit = floats(3, 4, low=0.2, high=3), floats(3, 4, low=-0.95, high=0.95)
i, j = ints(3, 4), ints(3, 4, low=1)
z = mx.array((rng.normal(size=(2, 3)) + 1j * rng.normal(size=(2, 3))).astype(np.complex64))

# Element by element.
for name in "abs arctan arcsinh ceil cos cosh degrees erf exp expm1 floor logical_not negative positive radians".split():
    case(name, x)
for name in "reciprocal sigmoid sign sin sinh sqrt square tan tanh trunc stop_gradient".split():
    case(name, positive)
for name in "arccos arcsin arctanh erfinv".split():
    case(name, unit)
for name in "log log10 log1p log2 rsqrt".split():
    case(name, positive)
case("arccosh", positive + 1)
for dtype in (mx.float16, mx.bfloat16):
    case("exp", x.astype(dtype))
    case("add", x.astype(dtype), 0.1)
    case("multiply", x.astype(dtype), y)
case("bitwise_invert", i)
case("round", x)
case("round", x * 10, 1)
for name in "conjugate real imag abs exp sqrt".split():
    case(name, z)
special = mx.array([1.0, float("nan"), float("inf"), -float("inf"), 0.0])
for name in "isnan isinf isfinite isposinf isneginf nan_to_num".split():
    case(name, special)
case("nan_to_num", special, 5.0, 7.0, -7.0)

binary = "add subtract multiply divide maximum minimum power arctan2 logaddexp equal not_equal less less_equal greater greater_equal"
for name in binary.split():
    case(name, positive, y if name != "power" else unit)
for name in "add floor_divide remainder bitwise_and bitwise_or bitwise_xor logical_and logical_or logical_xor divmod power".split():
    case(name, i if name != "power" else ints(3, 4, low=0, high=5), mx.minimum(j, 3))
case("left_shift", ints(4, low=1), mx.array([1, 2, 3, 4]))
case("right_shift", ints(4, low=64, high=90), mx.array([1, 2, 3, 4]))
case("add", x, floats(4))
case("add", floats(3, 1), floats(1, 4))
case("add", i, x)
case("add", i.astype(mx.int8), i.astype(mx.uint8))
case("add", mx.array([True, False]), mx.array([True, True]))
case("multiply", x, 2)
case("multiply", i, 2)
case("multiply", i, 0.5)
case("subtract", 1.5, x)
case("divide", i, 2)
case("add", z, x[:2, :3])
case("divmod", positive, unit + 2)
case("where", x > 0, x, y)
case("where", x > 0, x, 0)
case("clip", x, -1.0, 1.0)
case("clip", x, None, 0.5)
case("clip", x, y, None)
case("allclose", x, x + 1e-7)
case("isclose", x, mx.where(x > 0, x, x + 1), rtol=1e-3)
case("array_equal", x, x)
case("isclose", special, special, equal_nan=True)

# Reductions and scans.
cube = floats(2, 3, 4)
for name in "sum mean max min prod logsumexp median".split():
    case(name, cube)
    case(name, cube, 1)
    case(name, cube, (0, 2), True)
    case(name, cube, -1, keepdims=True)
for name in "var std".split():
    case(name, cube, -1)
    case(name, cube, (0, 1), False, 1)
for name in "argmax argmin".split():
    case(name, cube)
    case(name, cube, 1)
    case(name, cube, -1, True)
for name in "all any".split():
    case(name, cube > 0, 1)
case("sum", ints(5, low=0, high=200, dtype=mx.uint8))
case("minmax", cube, 1)
case("count_nonzero", i, axis=0)
for name in "cumsum cumprod cummax cummin logcumsumexp".split():
    case(name, cube, 1)
    case(name, cube, -1, reverse=True, inclusive=False)
case("cumsum", i, 0, dtype=mx.float32)
case("softmax", cube, -1)
case("softmax", cube, (0, 2))
case("softmax", cube.astype(mx.float16), -1, precise=True)
case("diff", x, 2, 0)
case("sort", x)
case("sort", x, 0)
case("sort", x, None)
case("argsort", x, 1)
case("partition", x, 2, 1, tolerance=None)
case("searchsorted", mx.array([0.0, 1.0, 2.0, 3.0]), mx.array([0.5, 1.0, 9.0]))
case("searchsorted", mx.array([0.0, 1.0, 2.0, 3.0]), mx.array([0.5, 1.0, 9.0]), "right")
case("unique", mx.array([3, 1, 2, 3, 1]), 3)
case("unique", mx.array([3, 1, 2, 3, 1]), 4, False, True, True, fill_value=0)
case("sort", mx.sort(mx.topk(x, 2, axis=1), axis=1))

# Shapes and places.
case("reshape", cube, (4, -1))
case("flatten", cube, 1)
case("flatten", cube)
case("unflatten", x, 1, (2, 2))
case("squeeze", floats(1, 3, 1))
case("squeeze", floats(1, 3, 1), 2)
case("expand_dims", x, (0, 2))
case("transpose", cube)
case("transpose", cube, (1, 2, 0))
case("matrix_transpose", cube)
case("swapaxes", cube, 0, 2)
case("moveaxis", cube, 0, 2)
case("flip", x, 1)
case("flip", x)
case("broadcast_to", floats(3, 1), (2, 3, 4))
case("concatenate", [x, y], 1)
case("stack", [x, y], 1)
case("unstack", x, axis=1)
case("split", x, 2, 1)
case("split", x, (1, 3), 1)
case("repeat", x, 2, 1)
case("repeat", x, 2)
case("tile", x, (2, 1))
case("pad", x, 1)
case("pad", x, [(1, 0), (0, 2)], constant_values=3.0)
case("pad", x, [(1, 1), (2, 2)], "reflect")
case("pad", x, (2, 1), "edge")
case("pad", x, 1, "symmetric")
case("roll", x, 1)
case("roll", x, 2, 1)
case("roll", x, (1, 2), (0, 1))
case("astype", x * 3, mx.int32)
case("astype", i, mx.float16)
case("astype", x, mx.bfloat16)
case("astype", x, mx.bool_)
case("view", x, mx.int32)
case("as_strided", x, (3, 3), (1, 2), 1)
case("broadcast_arrays", floats(3, 1), floats(4))
case("atleast_2d", floats(3))
case("contiguous", x.T)

# Creation.
case("arange", 5)
case("arange", 1, 7, 2)
case("arange", 0.0, 1.0, 0.25)
case("arange", 5, dtype=mx.float16)
case("linspace", 0.0, 1.0, 5)
case("linspace", 0.0, 1.0, 4, False)
case("zeros", (2, 2))
case("ones", (2,), mx.int32)
case("full", (2, 2), 1.5)
case("full", (2,), 3, mx.uint8)
case("zeros_like", i)
case("ones_like", x)
case("full_like", i, 4)
case("eye", 3, 4, 1)
case("identity", 3)
case("tri", 3, 4, -1)
case("tril", x, 1)
case("triu", x, -1)
case("diag", floats(3), 1)
case("diag", x)
case("diagonal", cube, 1, 1, 2)
case("trace", x)
for name in "hanning hamming bartlett blackman".split():
    case(name, 6)
case("meshgrid", mx.arange(3), mx.arange(2), indexing="ij")

# Parts.
case("take", x, mx.array([2, 0, -1]), 0)
case("take", x, mx.array([[2, 0], [1, 1]]), 1)
case("take", x, mx.array([5, 7]))
case("take", x, 1, 1)
case("take_along_axis", x, mx.array([[0, 1], [2, 3], [3, 0]]), 1)
case("put_along_axis", x, mx.array([[0], [2], [3]]), mx.array([[9.0], [8.0], [7.0]]), 1)
case("slice", cube, mx.array([1, 0]), (1, 2), (2, 1, 2))
case("slice_update", cube, mx.ones((2, 1, 2)), mx.array([1, 0]), (1, 2))

# Products.
a, b = floats(3, 5), floats(5, 4)
case("matmul", a, b)
case("matmul", a.T, a)
case("matmul", a, a.T)
case("matmul", floats(2, 3, 5), floats(2, 5, 4))
case("matmul", floats(2, 1, 3, 5), floats(1, 4, 5, 2))
case("matmul", floats(5), b)
case("matmul", a, floats(5))
case("matmul", floats(1, 5), b)
case("matmul", a.astype(mx.float16), b.astype(mx.float16))
case("matmul", a.astype(mx.bfloat16), b.astype(mx.bfloat16))
case("matmul", z, mx.transpose(z))
case("addmm", floats(3, 4), a, b)
case("addmm", floats(4), a, b, 2.0, 0.5)
case("inner", a, floats(2, 5))
case("outer", floats(3), floats(2))
case("kron", floats(2, 2), floats(2, 1))
case("vecdot", a, floats(3, 5))
case("tensordot", floats(2, 3, 4), floats(3, 4, 2), 2)
case("tensordot", floats(2, 3, 4), floats(4, 3, 2), [[1, 2], [1, 0]])
case("einsum", "ij,jk->ik", a, b)
case("einsum", "bij,bjk->bik", floats(2, 3, 5), floats(2, 5, 4))
case("gather_mm", floats(3, 2, 5), floats(4, 5, 2), mx.array([0, 2]), mx.array([3, 1]))
case("hadamard_transform", floats(2, 8))

# Convolutions.
case("conv1d", floats(2, 9, 3), floats(4, 3, 3))
case("conv1d", floats(2, 9, 3), floats(4, 3, 3), 2, 1)
case("conv1d", floats(1, 12, 4), floats(4, 3, 2), 1, 2, 2, 2)
case("conv2d", floats(1, 5, 6, 2), floats(3, 3, 2, 2), (1, 2), 1)
case("conv2d", floats(1, 5, 6, 4), floats(4, 3, 3, 1), 1, 1, 1, 4)
case("conv3d", floats(1, 4, 4, 4, 2), floats(2, 2, 2, 2, 2), 1, 1)
case("conv_transpose1d", floats(1, 5, 3), floats(2, 4, 3), 2, 1)
case("conv_transpose1d", floats(1, 5, 3), floats(2, 4, 3), 2, 1, 1, 1)
case("conv_transpose2d", floats(1, 4, 4, 2), floats(3, 3, 3, 2), 2, 1, 1, (1, 0))
case("conv_transpose3d", floats(1, 3, 3, 3, 1), floats(2, 2, 2, 2, 1), 2)
case("conv_general", floats(1, 8, 2), floats(3, 3, 2), 1, ([2], [1]), 1, 2, 1, True)
for mode, n in itertools.product(("full", "same", "valid"), (3, 4)):
    case("convolve", floats(7), floats(n), mode)

# Quantization: every width and group, both ways, and the product.
for bits, group in itertools.product((2, 3, 4, 5, 6, 8), (32, 64, 128)):
    w = floats(8, 128)
    q, scales, biases = mx.quantize(w, group, bits)
    if group == 64:
        case("quantize", w, group, bits)
    case("dequantize", q, scales, biases, group, bits)
    case("quantized_matmul", floats(2, 128), q, scales, biases, group_size=group, bits=bits)
q, scales, biases = mx.quantize(floats(64, 64), 32, 4)
case("quantized_matmul", floats(2, 64), q, scales, biases, transpose=False, group_size=32, bits=4)
case("quantized_matmul", floats(2, 64, dtype=mx.float16), q, scales.astype(mx.float16), biases.astype(mx.float16), group_size=32, bits=4)
case("gather_qmm", floats(3, 1, 64), *[mx.expand_dims(v, 0) for v in (q, scales, biases)], rhs_indices=mx.array([0, 0, 0]), group_size=32, bits=4)
q4 = mx.quantize(floats(8, 64), mode="mxfp4")
case("dequantize", *q4, mode="mxfp4")
case("quantized_matmul", floats(2, 64), *q4, mode="mxfp4")
case("from_fp8", mx.to_fp8(x), mx.float32)

# Fused kernels.
case("fast.rms_norm", x, floats(4), 1e-5)
case("fast.rms_norm", x, None, 1e-5)
case("fast.layer_norm", x, floats(4), floats(4), 1e-5)
case("fast.layer_norm", x, None, None, 1e-5)
heads = dict(q=floats(1, 2, 3, 8), k=floats(1, 2, 5, 8), v=floats(1, 2, 5, 8))
case("fast.scaled_dot_product_attention", *heads.values(), scale=0.35)
case("fast.scaled_dot_product_attention", *heads.values(), scale=0.35, mask="causal")
case("fast.scaled_dot_product_attention", *heads.values(), scale=0.35, mask=floats(3, 5))
case("fast.scaled_dot_product_attention", *heads.values(), scale=0.35, mask=floats(3, 5) > -1)
case("fast.scaled_dot_product_attention", floats(1, 4, 3, 8), *list(heads.values())[1:], scale=0.35)
case("fast.rope", floats(1, 2, 3, 8), 8, traditional=False, base=10000.0, scale=1.0, offset=2)
case("fast.rope", floats(1, 2, 3, 8), 4, traditional=True, base=100.0, scale=0.5, offset=0)
case("fast.rope", floats(2, 2, 3, 8), 8, traditional=False, base=10000.0, scale=1.0, offset=mx.array([1, 4]))
case("fast.cross_entropy", floats(3, 5), mx.array([0, 4, 2]))

# Fourier transforms.
signal = floats(2, 16)
case("fft.fft", signal)
case("fft.fft", signal, 10)
case("fft.fft", signal, 4, 0, "ortho")
case("fft.rfft", signal)
case("fft.rfft", signal, norm="forward")
case("fft.ifft", mx.fft.fft(signal))
case("fft.irfft", mx.fft.rfft(signal))
case("fft.irfft", mx.fft.rfft(signal), 15)
case("fft.fft2", floats(4, 4))
case("fft.ifft2", mx.fft.fft2(floats(4, 4)))
case("fft.rfft2", floats(4, 6), (4, 4))
case("fft.irfft2", mx.fft.rfft2(floats(4, 4)))
case("fft.fftn", cube)
case("fft.ifftn", cube, axes=(0, 2))
case("fft.rfftn", cube)
case("fft.irfftn", mx.fft.rfftn(cube))
case("fft.fftshift", signal)
case("fft.ifftshift", signal, 1)
case("fft.fftfreq", 8, 0.5)
case("fft.rfftfreq", 8)
case("fft.stft", floats(64), 16, 4)
case("fft.istft", mx.fft.stft(floats(64), 16, 4), 16, 4, length=60)

# Linear algebra, on the CPU.
square = floats(3, 3) + 3 * mx.eye(3)
spd = square @ square.T + mx.eye(3)
cpu = mx.cpu
with mx.stream(mx.cpu):
    case("linalg.norm", x)
    case("linalg.norm", x, 1, 1)
    case("linalg.norm", x, "fro")
    case("linalg.norm", x, float("inf"), [0, 1], True)
    case("linalg.norm", x, 2)
    case("linalg.norm", x, "nuc")
    case("linalg.inv", square)
    case("linalg.tri_inv", mx.tril(square))
    case("linalg.cholesky", spd)
    case("linalg.cholesky", spd, True)
    case("linalg.cholesky_inv", mx.linalg.cholesky(spd))
    case("linalg.pinv", floats(4, 3), tolerance=1e-4)
    case("linalg.lu", square)
    case("linalg.lu_factor", square)
    case("linalg.solve", square, floats(3, 2))
    case("linalg.solve_triangular", mx.triu(square), floats(3, 1), upper=True)
    case("linalg.qr", square)
    case("linalg.svd", square, False)
    case("linalg.eigvalsh", spd)
    case("linalg.eigvalsh", spd, "U")
    case("linalg.det", square)
    case("linalg.slogdet", square)
    case("linalg.cross", floats(2, 3), floats(2, 3))

# Random numbers with a fixed key.
key = mx.random.key(42)
case("random.key", 7)
case("random.split", key, 3)
case("random.uniform", shape=(5,), key=key)
case("random.uniform", -1.0, 2.0, (4,), mx.float16, key)
case("random.normal", (2, 3), key=key)
case("random.normal", (4,), mx.float32, 1.0, 0.5, key)
case("random.randint", 0, 10, (6,), key=key)
case("random.bernoulli", 0.3, (8,), key)
case("random.truncated_normal", -1.0, 1.0, (5,), key=key)
case("random.gumbel", (4,), key=key)
case("random.categorical", floats(2, 6), -1, num_samples=4, key=key)
case("random.categorical", floats(2, 6), key=key)
case("random.laplace", (4,), key=key)
case("random.permutation", 6, key=key)
case("random.permutation", x, 1, key)
case("random.multivariate_normal", mx.zeros((3,)), spd, (2,), key=key, tolerance=1e-4)

out = pathlib.Path(__file__).parent.parent / "fixtures" / "ops.json"
head = {"mlx": mx.__version__, "made by": "test/reference/make-op-fixtures.py"}
lines = ",\n".join(json.dumps(entry, separators=(",", ":")) for entry in cases)
out.write_text(json.dumps(head)[:-1] + ', "cases": [\n' + lines + "\n]}\n")
print(f"{len(cases)} cases, {len({c['op'] for c in cases})} ops, {out.stat().st_size} bytes")

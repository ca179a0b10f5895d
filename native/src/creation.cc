// Array creation: ranges, constants, diagonals, windows.
#include <algorithm>
#include <cmath>

#include "areas.h"
#include "call.h"
#include "mlx/ops.h"

namespace sotto {

namespace {

bool whole(double x) {
  return std::floor(x) == x && std::abs(x) <= 2147483647.0;
}

/** Integers give int32 as in Python, anything else float32. */
array arange(double start, std::optional<double> stop, std::optional<double> step, std::optional<Dtype> dtype, Stream s) {
  double from = stop ? start : 0;
  double to = stop ? *stop : start;
  double by = step.value_or(1);
  Dtype out = dtype.value_or(whole(from) && whole(to) && whole(by) ? mx::int32 : mx::float32);
  return mx::arange(from, to, by, out, s);
}

/** MLX computes with a 32-bit offset: one beyond the ends gives an empty diagonal, as in NumPy. */
int diagonal_within(const array& a, int offset, int axis1, int axis2) {
  const int rank = static_cast<int>(a.ndim());
  const auto has = [&](int axis) { return axis >= -rank && axis < rank; };
  // MLX rejects any other axis.
  return has(axis1) && has(axis2) ? std::clamp(offset, -a.shape(axis1), a.shape(axis2)) : 0;
}

using Window = array (*)(int, mx::StreamOrDevice);
template <Window F>
array window(int m, Stream s) {
  return F(m, s);
}

constexpr Op kOps[] = {
    op<arange>("arange", "start, stop, step, dtype"),
    op("linspace", "start, stop, num, endpoint, dtype",
       [](double start, double stop, Default<50> num, Default<true> endpoint, std::optional<Dtype> dtype, Stream s) {
         return mx::linspace(start, stop, num, endpoint, dtype.value_or(mx::float32), s);
       }),
    op("zeros", "shape, dtype",
       [](Shape shape, std::optional<Dtype> dtype, Stream s) { return mx::zeros(shape, dtype.value_or(mx::float32), s); }),
    op("ones", "shape, dtype",
       [](Shape shape, std::optional<Dtype> dtype, Stream s) { return mx::ones(shape, dtype.value_or(mx::float32), s); }),
    op("full", "shape, vals, dtype",
       [](Shape shape, Operand vals, std::optional<Dtype> dtype, Stream s) {
         return dtype ? mx::full(shape, vals.as_element_of(*dtype), *dtype, s) : mx::full(shape, vals.to_array(), s);
       }),
    // A placeholder for weights that are loaded later; its memory is never allocated, so V8 is not told of it.
    op("placeholder", "shape, vals, dtype",
       [](Shape shape, Operand vals, Dtype dtype, Call* call) {
         return call->addon.wrap(mx::full(shape, vals.as_element_of(dtype), dtype), false);
       }),
    op("zerosLike", "a, dtype",
       [](array a, std::optional<Dtype> dtype, Stream s) { return mx::zeros_like(a, dtype.value_or(a.dtype()), s); }),
    op("onesLike", "a, dtype",
       [](array a, std::optional<Dtype> dtype, Stream s) { return mx::ones_like(a, dtype.value_or(a.dtype()), s); }),
    op("fullLike", "a, vals, dtype",
       [](array a, Operand vals, std::optional<Dtype> dtype, Stream s) {
         Dtype out = dtype.value_or(a.dtype());
         return mx::full_like(a, vals.as_element_of(out), out, s);
       }),
    op("eye", "n, m, k, dtype",
       [](int n, std::optional<int> m, Default<0> k, std::optional<Dtype> dtype, Stream s) {
         return mx::eye(n, m.value_or(n), k, dtype.value_or(mx::float32), s);
       }),
    op("identity", "n, dtype",
       [](int n, std::optional<Dtype> dtype, Stream s) { return mx::identity(n, dtype.value_or(mx::float32), s); }),
    op("tri", "n, m, k, dtype",
       [](int n, std::optional<int> m, Default<0> k, std::optional<Dtype> dtype, Stream s) {
         return mx::tri(n, m.value_or(n), k, dtype.value_or(mx::float32), s);
       }),
    op("tril", "x, k", [](array x, Default<0> k, Stream s) { return mx::tril(x, k, s); }),
    op("triu", "x, k", [](array x, Default<0> k, Stream s) { return mx::triu(x, k, s); }),
    op("diag", "a, k",
       [](array a, Default<0> k, Stream s) { return mx::diag(a, a.ndim() == 2 ? diagonal_within(a, k, 0, 1) : int{k}, s); }),
    op("diagonal", "a, offset, axis1, axis2",
       [](array a, Default<0> offset, Default<0> axis1, Default<1> axis2, Stream s) { return mx::diagonal(a, diagonal_within(a, offset, axis1, axis2), axis1, axis2, s); }),
    op("trace", "a, offset, axis1, axis2, dtype",
       [](array a, Default<0> offset, Default<0> axis1, Default<1> axis2, std::optional<Dtype> dtype, Stream s) {
         const int as_element_of = diagonal_within(a, offset, axis1, axis2);
         // MLX's sum never ends for an empty diagonal, whose sum is 0.
         if (as_element_of != 0 && mx::diagonal(a, as_element_of, axis1, axis2, s).shape(-1) == 0) {
           return mx::zeros_like(dtype ? mx::trace(a, 0, axis1, axis2, *dtype, s) : mx::trace(a, 0, axis1, axis2, s), s);
         }
         return dtype ? mx::trace(a, as_element_of, axis1, axis2, *dtype, s) : mx::trace(a, as_element_of, axis1, axis2, s);
       }),
    op<window<mx::hanning>>("hanning", "m"),
    op<window<mx::hamming>>("hamming", "m"),
    op<window<mx::bartlett>>("bartlett", "m"),
    op<window<mx::blackman>>("blackman", "m"),
    op("meshgrid", "arrays, *, sparse, indexing",
       [](VarArgs arrays, Default<false> sparse, std::optional<std::string> indexing, Stream s) {
         return mx::meshgrid(arrays.arrays, sparse, indexing.value_or("xy"), s);
       }),
};

}  // namespace

void init_creation(Addon& addon, napi_value exports) {
  bind(addon, exports, kOps);
}

}  // namespace sotto

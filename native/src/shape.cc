// The same elements in another shape, order or dtype.
#include <algorithm>

#include "areas.h"
#include "call.h"
#include "mlx/ops.h"
#include "sizes.h"

namespace sotto {

namespace {

array transpose(array a, Axes axes, Stream s) {
  return axes.list ? mx::transpose(a, *axes.list, s) : mx::transpose(a, s);
}

array concatenate(std::vector<array> arrays, Default<0> axis, Stream s) {
  return mx::concatenate(std::move(arrays), axis, s);
}

/** A number of sections, or the indices to split at. */
std::vector<array> split(array a, Ints where, Default<0> axis, Stream s) {
  if (where.single) return mx::split(a, where.list.front(), axis, s);
  return mx::split(a, Shape(where.list.begin(), where.list.end()), axis, s);
}

/** n, [n], [before, after] for every axis, or a pair for each axis. */
array pad(Call& call, array a, napi_value widths, std::optional<std::string> mode, std::optional<Operand> fill, Stream s) {
  if (widths == nullptr) missing(call, 1);
  std::vector<std::pair<int, int>> pairs;
  napi_value first = nullptr;
  bool nested = false;
  bool list = false;
  check(call.env, napi_is_array(call.env, widths, &list));
  if (list) {
    check(call.env, napi_get_element(call.env, widths, 0, &first));
    check(call.env, napi_is_array(call.env, first, &nested));
  }
  if (nested) {
    uint32_t count = 0;
    check(call.env, napi_get_array_length(call.env, widths, &count));
    for (uint32_t i = 0; i < count; i++) {
      napi_value item = nullptr;
      check(call.env, napi_get_element(call.env, widths, i, &item));
      auto pair = ints_from(call, 1, item);
      if (pair.empty() || pair.size() > 2) mistyped(call, 1, "a list of [before, after] pairs", widths);
      pairs.emplace_back(pair.front(), pair.back());
    }
  } else {
    auto pair = ints_from(call, 1, widths);
    if (pair.empty() || pair.size() > 2) mistyped(call, 1, "a number, [before, after] or a list of pairs", widths);
    pairs.assign(a.ndim(), {pair.front(), pair.back()});
  }
  array value = fill ? fill->as_element_of(a.dtype()) : array(0, a.dtype());
  return mx::pad(a, pairs, value, mode.value_or("constant"), s);
}

array roll(array a, Ints shift, Axes axis, Stream s) {
  Shape by(shift.list.begin(), shift.list.end());
  if (!axis.list) return shift.single ? mx::roll(a, shift.list.front(), s) : mx::roll(a, by, s);
  return shift.single ? mx::roll(a, shift.list.front(), *axis.list, s) : mx::roll(a, by, *axis.list, s);
}

using AtLeast = std::vector<array> (*)(const std::vector<array>&, mx::StreamOrDevice);

template <AtLeast F>
napi_value at_least(VarArgs arrays, Stream s, Call* call) {
  auto result = F(arrays.arrays, s);
  return result.size() == 1 ? to_js(*call, std::move(result.front())) : to_js(*call, std::move(result));
}

constexpr Op kOps[] = {
    op("reshape", "a, shape", [](array a, Shape shape, Stream s) { return mx::reshape(a, shape, s); }),
    op("flatten", "a, startAxis, endAxis",
       [](array a, Default<0> start, Default<-1> end, Stream s) { return mx::flatten(a, start, end, s); }),
    op("unflatten", "a, axis, shape",
       [](array a, int axis, Shape shape, Stream s) {
         // MLX divides by the given sizes.
         Shape known = shape;
         auto open = std::find(known.begin(), known.end(), -1);
         if (open != known.end()) *open = 1;
         if (count_of(known) == 0 && open != known.end()) throw wrong_value("a size of -1 together with one of 0");
         return mx::unflatten(a, axis, shape, s);
       }),
    op("squeeze", "a, axis",
       [](array a, Axes axis, Stream s) { return axis.list ? mx::squeeze(a, *axis.list, s) : mx::squeeze(a, s); }),
    op("expandDims", "a, axis",
       [](array a, std::vector<int> axis, Stream s) { return mx::expand_dims(a, axis, s); }),
    op<transpose>("transpose", "a, axes"),
    op<transpose>("permuteDims", "a, axes"),
    op("matrixTranspose", "a", [](array a, Stream s) { return mx::matrix_transpose(a, s); }),
    op("swapaxes", "a, axis1, axis2", [](array a, int axis1, int axis2, Stream s) { return mx::swapaxes(a, axis1, axis2, s); }),
    op("moveaxis", "a, source, destination",
       [](array a, int source, int destination, Stream s) { return mx::moveaxis(a, source, destination, s); }),
    op("flip", "a, axis", [](array a, Axes axis, Stream s) { return mx::flip(a, axis.of(a), s); }),
    op("broadcastTo", "a, shape", [](array a, Shape shape, Stream s) { return mx::broadcast_to(a, shape, s); }),
    op("broadcastArrays", "arrays", [](VarArgs arrays, Stream s) { return mx::broadcast_arrays(arrays.arrays, s); }),
    op<concatenate>("concatenate", "arrays, axis"),
    op<concatenate>("concat", "arrays, axis"),
    op("stack", "arrays, axis", [](std::vector<array> arrays, Default<0> axis, Stream s) { return mx::stack(arrays, axis, s); }),
    op("unstack", "x, *, axis", [](array x, Default<0> axis, Stream s) { return mx::unstack(x, axis, s); }),
    op<split>("split", "a, indicesOrSections, axis"),
    op("repeat", "array, repeats, axis",
       [](array a, int repeats, std::optional<int> axis, Stream s) {
         return axis ? mx::repeat(a, repeats, *axis, s) : mx::repeat(a, repeats, s);
       }),
    op("tile", "a, reps", [](array a, std::vector<int> reps, Stream s) { return mx::tile(a, reps, s); }),
    op("pad", "a, padWidth, mode, constantValues",
       [](array a, napi_value widths, std::optional<std::string> mode, std::optional<Operand> fill, Stream s, Call* call) {
         return pad(*call, a, widths, mode, fill, s);
       }),
    op<roll>("roll", "a, shift, axis"),
    op("astype", "a, dtype", [](array a, Dtype dtype, Stream s) { return mx::astype(a, dtype, s); }),
    op("view", "a, dtype", [](array a, Dtype dtype, Stream s) { return mx::view(a, dtype, s); }),
    op("asStrided", "a, shape, strides, offset",
       [](array a, std::optional<Shape> shape, std::optional<std::vector<int64_t>> strides, Default<0> offset, Stream s) {
         Shape to = shape.value_or(a.shape());
         mx::Strides steps(to.size(), 1);
         if (strides) {
           steps = mx::Strides(strides->begin(), strides->end());
         } else {
           for (int i = static_cast<int>(to.size()) - 2; i >= 0; i--) steps[i] = steps[i + 1] * to[i + 1];
         }
         // MLX does not check the view, so reject indices outside the array's elements.
         if (steps.size() != to.size()) throw wrong_value("shape and strides must have the same length");
         const bool empty = count_of(to, a.itemsize()) == 0;
         // As doubles: the products may exceed every integer, and near the limit they are exact.
         double low = offset;
         double high = offset;
         for (size_t i = 0; i < to.size(); i++) (steps[i] < 0 ? low : high) += static_cast<double>(steps[i]) * (to[i] - 1);
         if (offset < 0 || (!empty && (low < 0 || high >= static_cast<double>(a.size())))) {
           throw wrong_value("the view reaches outside the array's " + std::to_string(a.size()) + " elements");
         }
         return mx::as_strided(a, to, steps, static_cast<size_t>(offset), s);
       }),
    op("contiguous", "a, allowColMajor",
       [](array a, Default<false> allow_col_major, Stream s) { return mx::contiguous(a, allow_col_major, s); }),
    op("copy", "a", [](array a, Stream s) { return mx::copy(a, s); }),
    op<at_least<mx::atleast_1d>>("atleast1d", "arrays"),
    op<at_least<mx::atleast_2d>>("atleast2d", "arrays"),
    op<at_least<mx::atleast_3d>>("atleast3d", "arrays"),
    op("broadcastShapes", "shapes",
       [](VarShapes shapes) {
         Shape out;
         for (auto& shape : shapes.list) out = mx::broadcast_shapes(out, shape);
         return out;
       }),
    op("depends", "inputs, dependencies",
       [](std::vector<array> inputs, std::vector<array> dependencies) {
         if (inputs.empty()) throw wrong_value("'inputs' is empty");
         return mx::depends(inputs, dependencies);
       }),
};

}  // namespace

void init_shape(Addon& addon, napi_value exports) {
  bind(addon, exports, kOps);
}

}  // namespace sotto

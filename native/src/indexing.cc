// Reading and writing parts of an array. MLX does not check indices, so every op with indices calls `bound_indices`
// first.
#include "areas.h"
#include "index_bounds.h"
#include "call.h"
#include "mlx/ops.h"

namespace sotto {

namespace {

Shape ones(size_t n) {
  Shape shape;
  for (size_t i = 0; i < n; i++) shape.push_back(1);
  return shape;
}

/** MLX loops over the array's rank and does not check the lists' lengths. */
void check_rank(const array& a, const Shape& list, const char* name) {
  if (list.size() == a.ndim()) return;
  throw wrong_value(std::string("'") + name + "' must have one entry per axis (" + std::to_string(a.ndim()) + "), got " +
                    std::to_string(list.size()));
}

struct Bounds {
  Shape start, stop, strides;
};

Bounds bounds(const array& a, Shape start, Shape stop, std::optional<Shape> strides) {
  Bounds out{std::move(start), std::move(stop), strides ? *strides : ones(a.ndim())};
  check_rank(a, out.start, "start");
  check_rank(a, out.stop, "stop");
  check_rank(a, out.strides, "strides");
  for (int step : out.strides) {
    if (step == 0) throw wrong_value("a stride of 0");
  }
  return out;
}

/** The axis, counted from 0. @throws Failure if `a` has no such axis */
int axis_of(const array& a, int axis) {
  const int rank = static_cast<int>(a.ndim());
  if (axis < -rank || axis >= rank) throw wrong_value("axis " + std::to_string(axis) + " of an array of " + std::to_string(rank));
  return axis < 0 ? axis + rank : axis;
}

/** `indices` limited to an axis of `a`. */
array along(const array& a, const array& indices, int axis, Stream s, int extent = 1) {
  return bound_indices(indices, {.length = a.shape(axis_of(a, axis)), .extent = extent}, s);
}

/** @throws Failure if `update` does not fit into `a` */
void check_part(const array& a, const array& update) {
  bool fits = update.ndim() <= a.ndim();
  for (int axis = -1; fits && axis >= -static_cast<int>(update.ndim()); axis--) fits = update.shape(axis) <= a.shape(axis);
  if (!fits) throw wrong_value("the update is larger than the array");
}

/** `start` for a slice of `sizes` elements on `axes`. */
array starts_within(const array& a, const array& start, const std::vector<int>& axes, const Shape& sizes, Stream s) {
  if (start.size() != axes.size()) throw wrong_value("start and axes must have the same length");
  std::vector<int64_t> limits;
  for (int axis : axes) {
    // Sizes may cover only the last axes.
    const int from_end = axis_of(a, axis) - static_cast<int>(a.ndim()) + static_cast<int>(sizes.size());
    limits.push_back(from_end < 0 ? a.shape(axis) - 1 : a.shape(axis) - sizes[from_end]);
  }
  return bound_starts(start, limits, s);
}

/** slice(a, start[], stop[], strides[]?) or, with an MxArray start, slice(a, start, axes[], sliceSize[]). */
array slice(array a, napi_value start, Shape second, std::optional<Shape> third, Stream s, Call* call) {
  if (start == nullptr) missing(*call, 1);
  if (call->addon.handle(start) != nullptr) {
    if (!third) missing(*call, 3);
    check_rank(a, *third, "sliceSize");
    std::vector<int> axes(second.begin(), second.end());
    return mx::slice(a, starts_within(a, array_from(*call, 1, start), axes, *third, s), axes, *third, s);
  }
  auto b = bounds(a, shape_from(*call, 1, start), second, third);
  return mx::slice(a, b.start, b.stop, b.strides, s);
}

/** sliceUpdate(a, update, start[], stop[], strides[]?) or, with an MxArray start, sliceUpdate(a, update, start, axes[]). */
array slice_update(array a, Operand update, napi_value start, Shape second, std::optional<Shape> third, Stream s, Call* call) {
  if (start == nullptr) missing(*call, 2);
  array value = update.with_dtype_of(Operand{a});
  if (call->addon.handle(start) != nullptr) {
    std::vector<int> axes(second.begin(), second.end());
    check_part(a, value);
    return mx::slice_update(a, value, starts_within(a, array_from(*call, 2, start), axes, value.shape(), s), axes, s);
  }
  auto b = bounds(a, shape_from(*call, 2, start), second, third);
  return mx::slice_update(a, value, b.start, b.stop, b.strides, s);
}

using Accumulate = array (*)(const array&, const array&, Shape, Shape, Shape, mx::StreamOrDevice);
template <Accumulate F>
array slice_accumulate(array a, Operand update, Shape start, Shape stop, std::optional<Shape> strides, Stream s) {
  auto b = bounds(a, std::move(start), std::move(stop), std::move(strides));
  return F(a, update.with_dtype_of(Operand{a}), b.start, b.stop, b.strides, s);
}

array take(array a, Operand indices, std::optional<int> axis, Stream s) {
  if (auto* list = indices.as_array()) {
    if (axis) return mx::take(a, along(a, *list, *axis, s), *axis, s);
    return mx::take(a, bound_indices(*list, {.length = static_cast<int64_t>(a.size())}, s), s);
  }
  const int64_t index = int32_of(indices, "indices");
  const int64_t length = axis ? a.shape(axis_of(a, *axis)) : static_cast<int64_t>(a.size());
  if (index < -length || index >= length) {
    const std::string where = axis ? " for axis " + std::to_string(*axis) : "";
    throw wrong_value("index " + std::to_string(index) + " is out of range" + where);
  }
  return axis ? mx::take(a, static_cast<int>(index), *axis, s) : mx::take(a, static_cast<int>(index), s);
}

using Scatter = array (*)(const array&, const std::vector<array>&, const array&, const std::vector<int>&, mx::StreamOrDevice);
template <Scatter F>
array scatter(array a, std::vector<array> indices, Operand updates, std::vector<int> axes, Stream s) {
  array values = updates.with_dtype_of(Operand{a});
  for (size_t i = 0; i < indices.size() && i < axes.size(); i++) {
    // The last axes of the updates match those of `a`, each with the length that is written.
    const int axis = axis_of(a, axes[i]);
    const int at = static_cast<int>(values.ndim()) - static_cast<int>(a.ndim()) + axis;
    indices[i] = along(a, indices[i], axis, s, at < 0 ? 1 : values.shape(at));
  }
  return F(a, indices, values, axes, s);
}

constexpr Op kOps[] = {
    op<slice>("slice", "a, start, stop, strides"),
    op<slice_update>("sliceUpdate", "a, update, start, stop, strides"),
    op<slice_accumulate<mx::slice_update_add>>("sliceUpdateAdd", "a, update, start, stop, strides"),
    op<slice_accumulate<mx::slice_update_prod>>("sliceUpdateProd", "a, update, start, stop, strides"),
    op<slice_accumulate<mx::slice_update_max>>("sliceUpdateMax", "a, update, start, stop, strides"),
    op<slice_accumulate<mx::slice_update_min>>("sliceUpdateMin", "a, update, start, stop, strides"),
    op<take>("take", "a, indices, axis"),
    op("takeAlongAxis", "a, indices, axis",
       [](array a, array indices, std::optional<int> axis, Stream s) {
         if (axis) return mx::take_along_axis(a, along(a, indices, *axis, s), *axis, s);
         array flat = mx::flatten(a, s);
         return mx::take_along_axis(flat, mx::flatten(along(flat, indices, 0, s), s), 0, s);
       }),
    op("putAlongAxis", "a, indices, values, axis",
       [](array a, array indices, Operand values, std::optional<int> axis, Stream s) {
         array value = values.with_dtype_of(Operand{a});
         if (axis) return mx::put_along_axis(a, along(a, indices, *axis, s), value, *axis, s);
         array line = mx::flatten(a, s);
         array flat = mx::put_along_axis(line, mx::flatten(along(line, indices, 0, s), s), mx::flatten(value, s), 0, s);
         return mx::reshape(flat, a.shape(), s);
       }),
    op("scatterAddAxis", "a, indices, values, axis",
       [](array a, array indices, Operand values, int axis, Stream s) {
         return mx::scatter_add_axis(a, along(a, indices, axis, s), values.with_dtype_of(Operand{a}), axis, s);
       }),
    op("gather", "a, indices, axes, sliceSizes",
       [](array a, std::vector<array> indices, std::vector<int> axes, Shape sizes, Stream s) {
         for (size_t i = 0; i < indices.size() && i < axes.size(); i++) {
           const int axis = axis_of(a, axes[i]);
           indices[i] = along(a, indices[i], axis, s, sizes.size() == a.ndim() ? sizes[axis] : 1);
         }
         return mx::gather(a, indices, axes, sizes, s);
       }),
    op<scatter<mx::scatter>>("scatter", "a, indices, updates, axes"),
    op<scatter<mx::scatter_add>>("scatterAdd", "a, indices, updates, axes"),
    op<scatter<mx::scatter_prod>>("scatterProd", "a, indices, updates, axes"),
    op<scatter<mx::scatter_max>>("scatterMax", "a, indices, updates, axes"),
    op<scatter<mx::scatter_min>>("scatterMin", "a, indices, updates, axes"),
    op("maskedScatter", "a, mask, src",
       [](array a, array mask, Operand src, Stream s) {
         array values = src.with_dtype_of(Operand{a});
         if (values.size() == 0 && mask.size() > 0) throw wrong_value("'src' is empty");
         return mx::masked_scatter(a, mask, values, s);
       }),
};

}  // namespace

void init_indexing(Addon& addon, napi_value exports) {
  bind(addon, exports, kOps);
}

}  // namespace sotto

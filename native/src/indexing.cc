// Reading and writing parts of an array. Indices that MLX would follow out of bounds are its own affair only where the
// values are not known before evaluation: see native/README.md, "Limits".
#include "areas.h"
#include "call.h"
#include "mlx/ops.h"

namespace sotto {

namespace {

Shape ones(size_t n) {
  Shape shape;
  for (size_t i = 0; i < n; i++) shape.push_back(1);
  return shape;
}

/** MLX indexes its loops by the array's rank whatever the lists' lengths are. */
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

/** slice(a, start[], stop[], strides[]?) or, with an MxArray start, slice(a, start, axes[], sliceSize[]). */
array slice(array a, napi_value start, Shape second, std::optional<Shape> third, Stream s, Call* call) {
  if (start == nullptr) missing(*call, 1);
  if (call->addon.handle(start) != nullptr) {
    if (!third) missing(*call, 3);
    check_rank(a, *third, "sliceSize");
    std::vector<int> axes(second.begin(), second.end());
    return mx::slice(a, array_from(*call, 1, start), axes, *third, s);
  }
  auto b = bounds(a, shape_from(*call, 1, start), second, third);
  return mx::slice(a, b.start, b.stop, b.strides, s);
}

/** sliceUpdate(a, update, start[], stop[], strides[]?) or, with an MxArray start, sliceUpdate(a, update, start, axes[]). */
array slice_update(array a, Operand update, napi_value start, Shape second, std::optional<Shape> third, Stream s, Call* call) {
  if (start == nullptr) missing(*call, 2);
  array value = update.beside(Operand{a});
  if (call->addon.handle(start) != nullptr) {
    std::vector<int> axes(second.begin(), second.end());
    return mx::slice_update(a, value, array_from(*call, 2, start), axes, s);
  }
  auto b = bounds(a, shape_from(*call, 2, start), second, third);
  return mx::slice_update(a, value, b.start, b.stop, b.strides, s);
}

using Accumulate = array (*)(const array&, const array&, Shape, Shape, Shape, mx::StreamOrDevice);
template <Accumulate F>
array slice_accumulate(array a, Operand update, Shape start, Shape stop, std::optional<Shape> strides, Stream s) {
  auto b = bounds(a, std::move(start), std::move(stop), std::move(strides));
  return F(a, update.beside(Operand{a}), b.start, b.stop, b.strides, s);
}

array take(array a, Operand indices, std::optional<int> axis, Stream s) {
  if (auto* list = indices.as_array()) return axis ? mx::take(a, *list, *axis, s) : mx::take(a, *list, s);
  auto* number = std::get_if<double>(&indices.value);
  if (number == nullptr || *number != static_cast<int>(*number)) throw wrong_type("argument 'indices' must be an MxArray or an integer");
  int index = static_cast<int>(*number);
  if (!axis) return mx::take(a, index, s);
  int length = a.shape(*axis);
  if (index < -length || index >= length) {
    throw wrong_value("index " + std::to_string(index) + " is out of range for axis " + std::to_string(*axis));
  }
  return mx::take(a, index, *axis, s);
}

using Scatter = array (*)(const array&, const std::vector<array>&, const array&, const std::vector<int>&, mx::StreamOrDevice);
template <Scatter F>
array scatter(array a, std::vector<array> indices, Operand updates, std::vector<int> axes, Stream s) {
  return F(a, indices, updates.beside(Operand{a}), axes, s);
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
         if (axis) return mx::take_along_axis(a, indices, *axis, s);
         return mx::take_along_axis(mx::reshape(a, {-1}, s), mx::reshape(indices, {-1}, s), 0, s);
       }),
    op("putAlongAxis", "a, indices, values, axis",
       [](array a, array indices, Operand values, std::optional<int> axis, Stream s) {
         array value = values.beside(Operand{a});
         if (axis) return mx::put_along_axis(a, indices, value, *axis, s);
         array flat = mx::put_along_axis(mx::reshape(a, {-1}, s), mx::reshape(indices, {-1}, s), mx::reshape(value, {-1}, s), 0, s);
         return mx::reshape(flat, a.shape(), s);
       }),
    op("scatterAddAxis", "a, indices, values, axis",
       [](array a, array indices, Operand values, int axis, Stream s) {
         return mx::scatter_add_axis(a, indices, values.beside(Operand{a}), axis, s);
       }),
    op("gather", "a, indices, axes, sliceSizes",
       [](array a, std::vector<array> indices, std::vector<int> axes, Shape sizes, Stream s) {
         return mx::gather(a, indices, axes, sizes, s);
       }),
    op<scatter<mx::scatter>>("scatter", "a, indices, updates, axes"),
    op<scatter<mx::scatter_add>>("scatterAdd", "a, indices, updates, axes"),
    op<scatter<mx::scatter_prod>>("scatterProd", "a, indices, updates, axes"),
    op<scatter<mx::scatter_max>>("scatterMax", "a, indices, updates, axes"),
    op<scatter<mx::scatter_min>>("scatterMin", "a, indices, updates, axes"),
    op("maskedScatter", "a, mask, src",
       [](array a, array mask, Operand src, Stream s) { return mx::masked_scatter(a, mask, src.beside(Operand{a}), s); }),
};

}  // namespace

void init_indexing(Addon& addon, napi_value exports) {
  bind(addon, exports, kOps);
}

}  // namespace sotto

#include "index_bounds.h"

#include <limits>
#include <optional>

#include "failure.h"
#include "mlx/ops.h"
#include "sizes.h"

namespace sotto {

namespace mx = mlx::core;
using mx::array;

namespace {

[[noreturn]] void throw_out_of_range(const std::string& value, int64_t low, int64_t high) {
  throw wrong_value("index " + value + " is out of range: expected " + std::to_string(low) + " to " + std::to_string(high));
}

template <typename T>
void check_values(const array& a, int64_t low, int64_t high) {
  const T* values = a.data<T>();
  for (size_t i = 0; i < a.data_size(); i++) {
    const T value = values[i];
    if (std::cmp_less(value, low) || std::cmp_greater(value, high)) throw_out_of_range(std::to_string(value), low, high);
  }
}

void check_integers(const array& a, int64_t low, int64_t high) {
  switch (a.dtype()) {
    case mx::uint8: return check_values<uint8_t>(a, low, high);
    case mx::int8: return check_values<int8_t>(a, low, high);
    case mx::uint16: return check_values<uint16_t>(a, low, high);
    case mx::int16: return check_values<int16_t>(a, low, high);
    case mx::uint32: return check_values<uint32_t>(a, low, high);
    case mx::int32: return check_values<int32_t>(a, low, high);
    case mx::uint64: return check_values<uint64_t>(a, low, high);
    case mx::int64: return check_values<int64_t>(a, low, high);
    default: return;
  }
}

/** Whether the values are evaluated and contiguous. */
bool is_known(const array& a) {
  return a.status() != array::Status::unscheduled && !a.is_tracer() && a.is_available() && a.flags().contiguous;
}

array clamped(array a, int64_t low, int64_t high, mx::StreamOrDevice s) {
  const auto [min_value, max_value] = integer_range(a.dtype());
  if (low > min_value) a = mx::maximum(a, array(low, a.dtype()), s);
  // int64 cannot express the maximum of uint64.
  if (high < max_value || a.dtype() == mx::uint64) a = mx::minimum(a, array(high, a.dtype()), s);
  return a;
}

}  // namespace

array bound_indices(const array& positions, Range range, mx::StreamOrDevice s) {
  if (!mx::issubdtype(positions.dtype(), mx::integer) || positions.size() == 0) return positions;
  const int64_t high = range.length - range.extent;
  if (high < 0) throw wrong_value("an axis of " + std::to_string(range.length) + " elements has no position for " +
                                  std::to_string(range.extent));
  // A negative position counts from the end, and `extent` elements must follow it.
  if (is_known(positions)) {
    if (!range.negatives || range.extent == 1) {
      check_integers(positions, range.negatives ? -range.length : 0, high);
      return positions;
    }
  }
  // A traced function may be compiled for all shapes, so it must not contain this axis' length.
  if (positions.is_tracer()) return positions;
  if (!range.negatives) return clamped(positions, 0, high, s);
  if (range.extent == 1) return clamped(positions, -range.length, high, s);
  array bounded_positions = clamped(positions, -range.length, range.length - 1, s);
  if (!mx::issubdtype(positions.dtype(), mx::unsignedinteger)) {
    // In 64 bits: the length of an axis does not fit every dtype.
    array wide = mx::astype(bounded_positions, mx::int64, s);
    bounded_positions = mx::where(mx::less(wide, array(int64_t{0}, mx::int64), s), mx::add(wide, array(range.length, mx::int64), s), wide, s);
  }
  return mx::astype(clamped(bounded_positions, 0, high, s), high <= integer_range(positions.dtype()).second ? positions.dtype() : mx::int64, s);
}

array bound_starts(const array& starts, const std::vector<int64_t>& limits, mx::StreamOrDevice s) {
  // The op rejects any other shape.
  if (!mx::issubdtype(starts.dtype(), mx::integer) || starts.size() != limits.size() || limits.empty()) return starts;
  if (starts.is_tracer()) return starts;
  for (int64_t limit : limits) {
    if (limit < 0) throw wrong_value("the slice is larger than the array");
  }
  if (is_known(starts) && starts.flags().row_contiguous) {
    array wide = mx::astype(starts, mx::int64, mx::Device(mx::Device::cpu));
    wide.eval();
    for (size_t i = 0; i < limits.size(); i++) {
      const int64_t start = wide.data<int64_t>()[i];
      if (start < 0 || start > limits[i]) throw_out_of_range(std::to_string(start), 0, limits[i]);
    }
    return starts;
  }
  array max_value(limits.data(), starts.shape(), mx::int64);
  array wide = mx::maximum(mx::astype(starts, mx::int64, s), array(int64_t{0}, mx::int64), s);
  return mx::astype(mx::minimum(wide, max_value, s), mx::int32, s);
}

}  // namespace sotto

// Sizes of shapes and dtypes. MLX does not check for overflow: 65536^4 elements wrap to none.
#pragma once

#include <string>
#include <utility>

#include "failure.h"
#include "mlx/array.h"
#include "mlx/utils.h"

namespace sotto {

inline std::string shape_text(const mlx::core::Shape& shape) {
  std::string text = "[";
  for (int d : shape) text += (text.size() > 1 ? "," : "") + std::to_string(d);
  return text + "]";
}

/**
 * The number of elements of a shape.
 * @throws Failure INVALID_ARGUMENT for a negative size, or if elements of `item_bytes` each exceed 2^63 bytes
 */
inline size_t count_of(const mlx::core::Shape& shape, size_t item_bytes = 1) {
  bool empty = false;
  for (int d : shape) {
    if (d < 0) throw wrong_value("a shape must not have negative sizes, got " + shape_text(shape));
    empty = empty || d == 0;
  }
  if (empty) return 0;
  const size_t limit = static_cast<size_t>(INT64_MAX) / item_bytes;
  size_t count = 1;
  for (int d : shape) {
    if (count > limit / static_cast<size_t>(d)) throw wrong_value("an array of shape " + shape_text(shape) + " is too large");
    count *= static_cast<size_t>(d);
  }
  return count;
}

/** @throws Failure INVALID_ARGUMENT for an array whose size is impossible */
inline void check_size(const mlx::core::array& a) {
  count_of(a.shape(), a.itemsize());
}

/** The range of an integer dtype, clipped to int64. */
inline std::pair<int64_t, int64_t> integer_range(mlx::core::Dtype dtype) {
  const int bits = static_cast<int>(mlx::core::size_of(dtype)) * 8;
  const bool is_signed = mlx::core::issubdtype(dtype, mlx::core::signedinteger);
  if (bits == 64) return {is_signed ? INT64_MIN : 0, INT64_MAX};
  return {is_signed ? -(int64_t{1} << (bits - 1)) : 0, (int64_t{1} << (is_signed ? bits - 1 : bits)) - 1};
}

}  // namespace sotto

// Index arrays. MLX does not check indices and reads or writes out of bounds.
#pragma once

#include <vector>

#include "mlx/array.h"
#include "mlx/utils.h"

namespace sotto {

/** Valid positions on an axis. */
struct Range {
  int64_t length;          // elements on the axis
  int64_t extent = 1;      // consecutive elements that are read or written from a position
  bool negatives = true;   // whether -1 is the last element
};

/**
 * Positions limited to `range`. Known values are checked. Values that are still to be computed are clamped by extra
 * ops, because a device cannot raise an error.
 * @returns `positions` itself, or a clamped array of the same shape and dtype. A non-integer array is returned
 * unchanged; the op rejects it.
 * @throws Failure INVALID_ARGUMENT that names the first position out of range
 */
mlx::core::array bound_indices(const mlx::core::array& positions, Range range, mlx::core::StreamOrDevice s);

/** As `bound_indices` for a list of positions: position i is from 0 to limits[i]. */
mlx::core::array bound_starts(const mlx::core::array& starts, const std::vector<int64_t>& limits, mlx::core::StreamOrDevice s);

}  // namespace sotto

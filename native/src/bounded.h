// Arrays that hold positions in other arrays. MLX follows them wherever they point, also outside of the memory.
#pragma once

#include <vector>

#include "mlx/array.h"
#include "mlx/utils.h"

namespace sotto {

/** What positions on an axis may be. */
struct Range {
  int64_t length;          // elements on the axis
  int64_t extent = 1;      // consecutive elements that are read or written from a position on
  bool negatives = true;   // whether -1 is the last element
};

/**
 * Positions that stay inside `range`. Values that are computed already are checked; values that are not are clamped by
 * ops in front of the reader, because no error can be raised once a device computes.
 * @returns `positions` itself, or a clamped array of the same shape and dtype; another dtype than an integer is returned
 *   as it is, for the op to refuse
 * @throws Failure INVALID_ARGUMENT that names the first position outside
 */
mlx::core::array bound_indices(const mlx::core::array& positions, Range range, mlx::core::StreamOrDevice s);

/** As `bounded` for a list of positions, one for each of `limits`: the largest allowed, counted from 0. */
mlx::core::array bound_starts(const mlx::core::array& starts, const std::vector<int64_t>& limits, mlx::core::StreamOrDevice s);

}  // namespace sotto

// A view of an MLX array as contiguous rows of floats at a fixed stride.
#pragma once

#include <cstring>
#include <vector>

#include <mlx/mlx.h>

namespace sotto::cpu {

struct Rows {
  const float* data;
  int64_t stride;
};

/** Scratch memory that a thread keeps between kernels: fresh memory would cost a page fault per 4 KiB. */
inline float* room_for(std::vector<float>& room, int64_t n) {
  if (static_cast<int64_t>(room.size()) < n) room.resize(n);
  return room.data();
}

/** All rows of x [..., k]: in place if their stride is constant, otherwise copied into `room`. */
inline Rows rows_of(const mlx::core::array& x, std::vector<float>& room) {
  const float* data = x.data<float>();
  const int last = x.ndim() - 1;
  const int64_t k = x.shape(last);
  const bool whole = k == 1 || x.strides(last) == 1;
  // The innermost axis of rows sets the stride; the outer axes must continue it.
  int64_t stride = k, rows = 1;
  bool even = whole;
  for (int axis = last - 1; axis >= 0; --axis) {
    if (x.shape(axis) == 1) continue;
    if (rows == 1) stride = x.strides(axis);
    else even = even && x.strides(axis) == rows * stride;
    rows *= x.shape(axis);
  }
  if (even) return {data, stride};
  float* to = room_for(room, x.size());
  std::vector<int64_t> index(last, 0);
  for (int64_t row = 0; row < rows; ++row) {
    const float* from = data;
    for (int axis = 0; axis < last; ++axis) from += index[axis] * x.strides(axis);
    for (int64_t i = 0; i < k; ++i) to[row * k + i] = from[i * x.strides(last)];
    for (int axis = last - 1; axis >= 0 && ++index[axis] == x.shape(axis); --axis) index[axis] = 0;
  }
  return {to, k};
}

/** Allocates a row-contiguous output. */
inline void allocate(mlx::core::array& out) { out.set_data(mlx::core::allocator::malloc(out.nbytes())); }

}  // namespace sotto::cpu

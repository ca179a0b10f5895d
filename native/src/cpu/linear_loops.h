// A linear layer on raw memory, and its division among threads.
#pragma once

#include "kernels.h"
#include "panels.h"
#include "rows.h"

namespace sotto::cpu {

/** Layer norm of the input; none if eps is 0. */
struct Norm {
  float eps;
  const float* weight = nullptr;  // [k]
  const float* bias = nullptr;
};

/** epilogue(norm(x) wᵀ) for `rows` rows. */
void run_linear(Rows x, int64_t rows, const Norm& norm, const Panels& w, const Epilogue& epilogue);

/** Row `row` of a matrix in panels as floats: [k]. */
void read_row(const Panels& w, int64_t row, float* to);

/** A view of evaluated weights; `scales` and `biases` are null unless quantized. */
Panels view_of(const mlx::core::array& panels, int64_t n, const mlx::core::array* scales, const mlx::core::array* biases);

/** @throws std::invalid_argument unless the weights have n outputs (and k inputs, if k is not 0). @returns k */
int64_t check_weights(const mlx::core::array& panels, const mlx::core::array* scales, const mlx::core::array* biases, int64_t n,
                      int64_t k = 0);

}  // namespace sotto::cpu

// A linear layer on memory: how its work is shared out.
#pragma once

#include "kernels.h"
#include "panels.h"
#include "rows.h"

namespace sotto::cpu {

/** Layer norm of the input; none where eps is 0. */
struct Norm {
  float eps;
  const float* weight = nullptr;  // [k]
  const float* bias = nullptr;
};

/** finish(norm(x) wᵀ) for `rows` rows. */
void run_linear(Rows x, int64_t rows, const Norm& norm, const Panels& w, const Epilogue& epilogue);

/** The weights of evaluated arrays; `scales` and `biases` are null but for packed ones. */
Panels view_of(const mlx::core::array& panels, int64_t n, const mlx::core::array* scales, const mlx::core::array* biases);

/** Throws unless these are the weights of n outputs (and of k inputs, if k is not 0). @returns k */
int64_t check_weights(const mlx::core::array& panels, const mlx::core::array* scales, const mlx::core::array* biases, int64_t n,
                      int64_t k = 0);

}  // namespace sotto::cpu

// Weights as our products read them: panels of 16 rows of the matrix, and within a panel column after column. So one
// vector holds the weights of 16 outputs for one input, which is broadcast: no sums across a vector, no transposing.
#pragma once

#include <cstdint>
#include <vector>

#include <mlx/mlx.h>

namespace sotto::cpu {

constexpr int64_t kPanel = 16;

/** A weight matrix [n, k] in panels: [⌈n / 16⌉, k, 16], the last one filled up with zeros. */
struct Panels {
  enum class Kind { float32, float16, bfloat16, codes };
  Kind kind;
  const void* data;
  int64_t n, k;
  // For codes, one byte per weight: weight = scale * code + bias, one pair for `group` columns of a row.
  const float* scales = nullptr;  // [⌈n / 16⌉, k / group, 16]
  const float* biases = nullptr;
  int64_t group = 0;

  int64_t count() const { return (n + kPanel - 1) / kPanel; }
};

/**
 * What panels are made of and how: its floats as they are, widened to float32, or packed numbers of some bits each. A vector
 * is widened, and stays one.
 */
struct PackSource {
  mlx::core::array matrix;  // [..., n, k], packed [..., n, k bits / 32] uint32
  int bits = 0;
  bool to_float32 = false;
};

/** Panels of several matrices, in their order, and in which turn each is made. */
struct PackedBatches {
  std::vector<mlx::core::array> panels;  // [..., ⌈n / 16⌉, k, 16], packed weights as one byte each
  std::vector<int> batches;                // from 0 on
};

/**
 * Packs matrices together, in turns: those that lie close to each other (in a file that is mapped) and make some megabytes
 * are one piece of work for all threads, and one piece of memory. A matrix that joins others along their rows, and is not
 * evaluated yet, is never made: its parts are packed from where they lie.
 */
PackedBatches pack(const std::vector<PackSource>& matrices, mlx::core::StreamOrDevice where);

/** One matrix. */
mlx::core::array panels_of(const mlx::core::array& w, int bits, mlx::core::StreamOrDevice where);

}  // namespace sotto::cpu

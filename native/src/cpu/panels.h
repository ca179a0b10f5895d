// Layout of weights: panels of 16 matrix rows, stored column by column. One vector then holds the weights of 16 outputs
// for one input, which is broadcast: no horizontal sums and no transposition.
#pragma once

#include <cstdint>
#include <vector>

#include <mlx/mlx.h>

namespace sotto::cpu {

constexpr int64_t kPanel = 16;

/** A weight matrix [n, k] in panels: [⌈n / 16⌉, k, 16], the last panel zero-padded. */
struct Panels {
  enum class Kind { float32, float16, bfloat16, codes };
  Kind kind;
  const void* data;
  int64_t n, k;
  // Codes have one byte per weight: weight = scale * code + bias, with one pair per `group` columns of a row.
  const float* scales = nullptr;  // [⌈n / 16⌉, k / group, 16]
  const float* biases = nullptr;
  int64_t group = 0;

  int64_t count() const { return (n + kPanel - 1) / kPanel; }
};

/**
 * An array to pack: floats kept or converted to float32, or quantized weights of `bits` each. A vector is converted to
 * float32 and stays a vector.
 */
struct PackSource {
  mlx::core::array matrix;  // [..., n, k]; quantized [..., n, k bits / 32] uint32
  int bits = 0;
  bool to_float32 = false;
};

/** Panels in the order of the matrices, and the batch of each. */
struct PackedBatches {
  std::vector<mlx::core::array> panels;  // [..., ⌈n / 16⌉, k, 16]; one byte per quantized weight
  std::vector<int> batches;                // counted from 0
};

/**
 * Packs matrices in batches. A batch is one parallel loop and one allocation, for matrices close to each other in
 * memory (such as a mapped file) and about 24 MB. An unevaluated concatenation of rows is never made: its inputs are
 * packed directly.
 */
PackedBatches pack(const std::vector<PackSource>& matrices, mlx::core::StreamOrDevice where);

mlx::core::array panels_of(const mlx::core::array& w, int bits, mlx::core::StreamOrDevice where);

}  // namespace sotto::cpu

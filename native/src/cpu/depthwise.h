// Convolutions of each channel with its own kernel, in float32, and the gate before one of them.
#pragma once

#include <optional>
#include <utility>

#include <mlx/mlx.h>

namespace sotto::cpu {

/**
 * The middle of a conformer's convolution module: SiLU of the depthwise convolution of gated frames. x [B, T, 2 C]: the
 * second half of a frame gates the first. weights [K, C], K odd, padded with K / 2 zeros on both sides; bias [C] → [B, T, C].
 */
mlx::core::array gated_depthwise(const mlx::core::array& x, const mlx::core::array& weights, const mlx::core::array& bias,
                                 mlx::core::StreamOrDevice where);

/** The same between frames that arrive in parts, over a frame and those before it. */
struct CausalDepthwise {
  mlx::core::array weights;                     // [K, C]
  std::optional<mlx::core::array> bias;         // [C]
  mlx::core::array norm_weight, norm_bias;      // of the layer norm before SiLU, [C]
  float eps;
};

/**
 * SiLU of the layer norm of the depthwise convolution of gated frames: x [1, T, 2 C], after the gated frames `past` [1, K - 1, C] →
 * [1, T, C], and the last K - 1 gated frames.
 */
std::pair<mlx::core::array, mlx::core::array> causal_depthwise(const mlx::core::array& x, const mlx::core::array& past,
                                                               const CausalDepthwise&, mlx::core::StreamOrDevice where);

/** Zeros around an image. */
struct Padding {
  int top = 1, bottom = 1, left = 1, right = 1;
  bool operator==(const Padding&) const = default;
};

/**
 * 3 x 3 convolution of stride 2: x [B, H, W, C], or [B, H, W, 1] whose channel goes to all C; weights [9, C], bias [C] → [B, ⌊(H + top
 * + bottom - 1) / 2⌋, ⌊(W + left + right - 1) / 2⌋, C]. `relu` applies to the result.
 */
mlx::core::array strided_depthwise(const mlx::core::array& x, const mlx::core::array& weights, const mlx::core::array& bias,
                                   bool relu, const Padding& padding, mlx::core::StreamOrDevice where);

}  // namespace sotto::cpu

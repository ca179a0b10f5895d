// Convolutions of each channel with its own kernel, in float32, and the gate before one of them.
#pragma once

#include <mlx/mlx.h>

namespace sotto::cpu {

/**
 * The middle of a conformer's convolution module: SiLU of the depthwise convolution of gated frames. x [B, T, 2 C]: the
 * second half of a frame gates the first. weights [K, C], K odd, padded with K / 2 zeros on both sides; bias [C] → [B, T, C].
 */
mlx::core::array gated_depthwise(const mlx::core::array& x, const mlx::core::array& weights, const mlx::core::array& bias,
                                 mlx::core::StreamOrDevice where);

/**
 * 3 x 3 convolution of stride 2 and padding 1: x [B, H, W, C], or [B, H, W, 1] whose channel goes to all C; weights [9, C],
 * bias [C] → [B, ⌈H / 2⌉, ⌈W / 2⌉, C]. `relu` applies to the result.
 */
mlx::core::array strided_depthwise(const mlx::core::array& x, const mlx::core::array& weights, const mlx::core::array& bias,
                                   bool relu, mlx::core::StreamOrDevice where);

}  // namespace sotto::cpu

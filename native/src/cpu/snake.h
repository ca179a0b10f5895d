// Periodic activations and depthwise convolutions of codecs and vocoders, in float32, channels last.
#pragma once

#include <mlx/mlx.h>

namespace sotto::cpu {

/** x + sin²(alpha x) / (beta + 1e-9): x [B, T, C], alpha and beta [C] → [B, T, C]. */
mlx::core::array snake(const mlx::core::array& x, const mlx::core::array& alpha, const mlx::core::array& beta,
                       mlx::core::StreamOrDevice where);

/**
 * The same at twice the sample rate: x is doubled by the low-pass filter taps [12], whose ends repeat the first and last frame, and
 * halved again by it.
 */
mlx::core::array anti_aliased_snake(const mlx::core::array& x, const mlx::core::array& alpha, const mlx::core::array& beta,
                                    const mlx::core::array& taps, mlx::core::StreamOrDevice where);

/** x [B, T, C], weights [K, C], K odd and at most 65, bias [C], zeros on both sides → [B, T, C]. */
mlx::core::array dilated_depthwise(const mlx::core::array& x, const mlx::core::array& weights, const mlx::core::array& bias,
                                   int dilation, mlx::core::StreamOrDevice where);

}  // namespace sotto::cpu

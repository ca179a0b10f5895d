// Our own kernels for MLX's CPU device, where its own are several times slower than the processor allows
// (float32 on Linux; measured in native/README.md). On the GPU, and for other types, MLX's own ops are used.
#pragma once

#include <mlx/mlx.h>

namespace sotto::cpu {

/**
 * softmax(scale * q kᵀ) v without copies of transposed operands.
 * q [B, H, Nq, D], k and v [B, Hkv, Nk, D], result [B, H, Nq, D] laid out in memory as [B, Nq, H, D], so that
 * joining the heads afterwards is free. `causal` hides key j from query i where j > i + Nk - Nq.
 */
mlx::core::array attention(
    const mlx::core::array& q,
    const mlx::core::array& k,
    const mlx::core::array& v,
    float scale,
    bool causal,
    mlx::core::StreamOrDevice where);

/** Whether `attention` can take these: float32, on the CPU, matching shapes. */
bool attention_applies(
    const mlx::core::array& q,
    const mlx::core::array& k,
    const mlx::core::array& v,
    mlx::core::StreamOrDevice where);

/** x/2 (1 + erf(x/√2)) elementwise, float32, any shape. */
mlx::core::array gelu(const mlx::core::array& x, mlx::core::StreamOrDevice where);

bool gelu_applies(const mlx::core::array& x, mlx::core::StreamOrDevice where);

}  // namespace sotto::cpu

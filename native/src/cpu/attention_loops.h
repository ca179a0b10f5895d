// Decoder attention on raw memory (cached_attention.cc); attention.h describes the layouts.
#pragma once

#include "attention.h"
#include "rows.h"

namespace sotto::cpu {

/** q: batch x queries rows of H D floats → out, same shape. All rows share a cache of batch 1. */
void cross_attend(Rows q, int64_t batch, int64_t queries, mlx::core::array& keys, mlx::core::array& values, float* out);

/** qkv: batch x added rows of 3 H D floats → out, batch x added rows of H D. Writes keys and values from `offset`. */
void attend_cached(Rows qkv, int64_t batch, int64_t added, int64_t offset, mlx::core::array& keys, mlx::core::array& values,
                   float* out, Rotation rotation = {});

/**
 * @throws std::invalid_argument unless keys and values match each other and queries of `width`. A float16 cache may
 * have batch 1.
 */
void check_cache(const mlx::core::array& keys, const mlx::core::array& values, int64_t batch, int64_t width,
                    mlx::core::Dtype dtype);

}  // namespace sotto::cpu

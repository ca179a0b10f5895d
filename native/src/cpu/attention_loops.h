// The attention of a decoder's step on memory (cached_attention.cc); its layouts stand in attention.h.
#pragma once

#include "rows.h"

namespace sotto::cpu {

/** q: batch x queries rows of H D floats → out, the same. A memory of batch 1 is everybody's. */
void cross_attend(Rows q, int64_t batch, int64_t queries, mlx::core::array& keys, mlx::core::array& values, float* out);

/** qkv: batch x added rows of 3 H D floats → out, batch x added rows of H D. Fills keys and values from `offset` on. */
void attend_cached(Rows qkv, int64_t batch, int64_t added, int64_t offset, mlx::core::array& keys, mlx::core::array& values,
                   float* out);

/** Throws unless keys and values belong together and to queries `width` wide. Memories (float16) may be of batch 1. */
void check_cache(const mlx::core::array& keys, const mlx::core::array& values, int64_t batch, int64_t width,
                    mlx::core::Dtype dtype);

}  // namespace sotto::cpu

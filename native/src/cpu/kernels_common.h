// Shared by the kernels of all instruction sets. Include it before an instruction set is selected.
#pragma once

#include <cstdint>
#include <cstring>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "kernels.h"

// Arrays of vectors live in registers only if the loops over them are unrolled.
#define SOTTO_UNROLL _Pragma("GCC unroll 64")
#define SOTTO_INLINE static inline __attribute__((always_inline))

namespace sotto::cpu {

SOTTO_INLINE float to_float(BFloat16 x) {
  const uint32_t bits = static_cast<uint32_t>(x.bits) << 16;
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

SOTTO_INLINE float to_float(Half x) {
  const uint32_t sign = static_cast<uint32_t>(x.bits & 0x8000) << 16, rest = x.bits & 0x7fff;
  uint32_t bits;
  if (rest >= 0x7c00) bits = 0x7f800000 | (rest & 0x3ff) << 13;
  else bits = rest << 13;
  float value;
  std::memcpy(&value, &bits, sizeof value);
  if (rest < 0x7c00) value *= 0x1p112f;  // moves the exponent's bias, which also normalizes subnormals
  std::memcpy(&bits, &value, sizeof bits);
  bits |= sign;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

/** Rounds to the nearest, halves to even. */
SOTTO_INLINE Half to_half(float x) {
  uint32_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  const uint16_t sign = static_cast<uint16_t>(bits >> 16 & 0x8000);
  bits &= 0x7fffffff;
  if (bits > 0x7f800000) return {static_cast<uint16_t>(sign | 0x7e00)};   // NaN
  if (bits >= 0x477ff000) return {static_cast<uint16_t>(sign | 0x7c00)};  // rounds to infinity
  if (bits < 0x38800000) {  // subnormal: the addition rounds
    float value;
    std::memcpy(&value, &bits, sizeof value);
    value += 0.5f;  // the last bit is 2^-24, as in a subnormal half
    std::memcpy(&bits, &value, sizeof bits);
    return {static_cast<uint16_t>(sign | (bits - 0x3f000000))};
  }
  bits += 0xfff + (bits >> 13 & 1);
  return {static_cast<uint16_t>(sign | (bits - 0x38000000) >> 13)};
}

namespace baseline { extern const Kernels kTable; }
namespace avx2 { extern const Kernels kTable; }
namespace avx512 { extern const Kernels kTable; }

}  // namespace sotto::cpu

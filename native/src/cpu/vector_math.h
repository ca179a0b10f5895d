// Sixteen float32 lanes in the compiler's own vector type: one AVX-512 register, two AVX or four SSE ones.
// MLX's Linux wheel is built for the x86-64 baseline, so its exp and erf run one element at a time;
// here each kernel is cloned per instruction set (SOTTO_CLONES) and the processor picks at load time.
#pragma once

#include <cstdint>
#include <cstring>

#if defined(__x86_64__) && defined(__linux__) && defined(__GNUC__) && !defined(__clang__)
#define SOTTO_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define SOTTO_CLONES
#endif
#define SOTTO_INLINE static inline __attribute__((always_inline))

namespace sotto::cpu {

constexpr int kLanes = 16;
typedef float Lanes __attribute__((vector_size(kLanes * sizeof(float))));
typedef int32_t LanesInt __attribute__((vector_size(kLanes * sizeof(int32_t))));

SOTTO_INLINE Lanes load(const float* from) {
  Lanes x;
  std::memcpy(&x, from, sizeof x);
  return x;
}

SOTTO_INLINE void store(float* to, Lanes x) { std::memcpy(to, &x, sizeof x); }

SOTTO_INLINE Lanes splat(float value) { return value - Lanes{}; }

SOTTO_INLINE Lanes max(Lanes a, Lanes b) { return a > b ? a : b; }
SOTTO_INLINE Lanes min(Lanes a, Lanes b) { return a < b ? a : b; }

/** e^x to 2 ulp for x <= 0 and up to 88; below -87 it is 0, as a softmax wants (the Cephes reduction and polynomial). */
SOTTO_INLINE Lanes exp(Lanes x) {
  const Lanes kept = max(min(x, splat(88.0f)), splat(-87.0f));
  const Lanes magic = splat(12582912.0f);  // 1.5 * 2^23: adding it rounds to the nearest integer
  const Lanes n = (kept * 1.44269504088896341f + magic) - magic;
  const Lanes r = kept - n * 0.693359375f - n * -2.12194440e-4f;
  Lanes p = splat(1.9875691500e-4f);
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * r * r + r + 1.0f;
  const LanesInt exponent = (__builtin_convertvector(n, LanesInt) + 127) << 23;
  Lanes power;
  std::memcpy(&power, &exponent, sizeof power);
  return x < -87.0f ? Lanes{} : p * power;
}

/** erf(x) to 3e-7: a rational minimax fit on |x| < 4, beyond which float32 erf is 1. */
SOTTO_INLINE Lanes erf(Lanes x) {
  const Lanes c = max(min(x, splat(4.0f)), splat(-4.0f));
  const Lanes s = c * c;
  Lanes a = splat(-2.72614225801306e-10f);
  a = a * s + 2.77068142495902e-08f;
  a = a * s + -2.10102402082508e-06f;
  a = a * s + -5.69250639462346e-05f;
  a = a * s + -7.34990630326855e-04f;
  a = a * s + -2.95459980854025e-03f;
  a = a * s + -1.60960333262415e-02f;
  Lanes b = splat(-1.45660718464996e-05f);
  b = b * s + -2.13374055278905e-04f;
  b = b * s + -1.68282697438203e-03f;
  b = b * s + -7.37332916720468e-03f;
  b = b * s + -1.42647390514189e-02f;
  return c * a / b;
}

SOTTO_INLINE float sum(Lanes x) {
  float total = 0;
  for (int i = 0; i < kLanes; ++i) total += x[i];
  return total;
}

SOTTO_INLINE float max_of(Lanes x) {
  float most = x[0];
  for (int i = 1; i < kLanes; ++i) most = x[i] > most ? x[i] : most;
  return most;
}

}  // namespace sotto::cpu

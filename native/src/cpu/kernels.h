// The inner loops of the CPU kernels, selected once for the processor's instruction set.
#pragma once

#include <cstdint>

#include "panels.h"

namespace sotto::cpu {

struct Half { uint16_t bits; };   // IEEE binary16
struct BFloat16 { uint16_t bits; };

/** x σ(x) is SiLU; ELU is e^x - 1 below 0. */
enum class Activation { none, gelu, silu, relu, elu };

/** Applied to a sum of products before it is stored in out[row, column], column < n. */
struct Epilogue {
  float* out;
  int64_t out_stride;
  int64_t n;
  const float* bias = nullptr;      // [n]
  Activation activation = Activation::none;  // after the bias
  float scale = 1;                  // after the activation
  const float* residual = nullptr;  // added last
  int64_t residual_stride = 0;
};

/** The largest of n values: its index, its value, and log Σ e^x of all. */
struct ArgmaxResult {
  int64_t index;
  float value;
  float log_sum;
};

/** Conversion of matrix rows into a panel. */
enum class Packing { two_bytes, four_bytes, half_to_float, bfloat16_to_float, bits_to_bytes };

/** kernels.inc documents each function. */
struct Kernels {
  void (*product)(const float* a, int64_t stride, int64_t rows, const float* b, int64_t panel_stride, int64_t panels, int64_t k,
                  const Epilogue&);
  void (*expand)(const Panels&, int64_t panel, float* to);
  void (*small_product)(const float* a, int64_t stride, int64_t rows, const float* group_sums, const Panels&, int64_t first, int64_t last,
              const Epilogue&);
  void (*sum_groups)(const float* x, int64_t k, int64_t group, float* to);
  void (*layer_norm)(const float* x, int64_t k, const float* weight, const float* bias, float eps, float* to);
  float (*softmax)(float* x, int64_t filled, int64_t n);
  void (*gelu)(const float* from, float* to, int64_t n);
  void (*elu)(const float* from, float* to, int64_t n);
  void (*scale)(float* x, int64_t n, float factor);
  void (*add_scaled)(const float* from, float* to, int64_t n, float factor);
  void (*glu)(const float* x, int64_t n, float* to);
  void (*lstm_cell)(const float* gates, int64_t n, float* cell, float* out);
  void (*depthwise)(const float* const* rows, const float* const* weights, int64_t taps, const float* bias, int64_t n, Activation, float* to);
  void (*spread_channel)(const float* values, const float* const* weights, int64_t taps, const float* bias, int64_t n, Activation, float* to);
  void (*scores_float)(const float* q, int64_t d, const float* keys, int64_t panels, float* scores);
  void (*scores_half)(const float* q, int64_t d, const Half* keys, int64_t panels, float* scores);
  void (*weighted_sum_float)(const float* weights, int64_t n, const float* values, int64_t d, float factor, float* to);
  void (*weighted_sum_half)(const float* weights, int64_t n, const Half* values, int64_t d, float factor, float* to);
  void (*to_halves)(const float* from, int64_t n, Half* to);
  ArgmaxResult (*argmax)(const float* x, int64_t n);
  float (*top_k)(const float* x, int64_t n, int64_t k, int32_t* index, float* logprobs);
  void (*interleave)(const void* const* rows, Packing, int bits, int64_t k, void* panel);
  void (*snake)(const float* x, const float* alpha, const float* factor, int64_t n, float* to);
};

/** The best set for this processor; `SOTTO_CPU_ISA=avx512|avx2|baseline` selects a lower one, for comparison. */
const Kernels& kernels();

/** Its name: avx512, avx2 or baseline; none if `SOTTO_CPU_ISA=none` leaves every op to MLX. */
const char* kernels_name();

/** Whether to use them instead of MLX's ops. */
bool kernels_enabled();

}  // namespace sotto::cpu

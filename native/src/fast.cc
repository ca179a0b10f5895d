// mx.fast: fused transformer kernels and the append of a cache step.
#include "areas.h"
#include "index_bounds.h"
#include "cache_append.h"
#include "call.h"
#include "mlx/fast.h"
#include "mlx/ops.h"

#ifdef SOTTO_CPU_KERNELS
#include "cpu/attention.h"
#include "cpu/elementwise.h"
#endif

namespace sotto {

namespace {

using MaybeArray = std::optional<array>;

/** `mask` is an array (boolean, or added to the scores) or 'causal'. */
array attention(array q, array k, array v, double scale, napi_value mask, MaybeArray sinks, Default<false> force_fused, Stream s,
                Call* call) {
  std::string mode;
  MaybeArray given;
  if (mask != nullptr) {
    napi_valuetype type;
    check(call->env, napi_typeof(call->env, mask, &type));
    if (type == napi_string) {
      mode = string_from(*call, 4, mask);
      if (mode != "causal") mistyped(*call, 4, "an MxArray or 'causal'", mask);
    } else {
      given = array_from(*call, 4, mask);
    }
  }
#ifdef SOTTO_CPU_KERNELS
  if (!given && !sinks && cpu::attention_applies(q, k, v, s)) {
    return cpu::attention(q, k, v, static_cast<float>(scale), mode == "causal", s);
  }
#endif
  return mx::fast::scaled_dot_product_attention(q, k, v, static_cast<float>(scale), mode, given, sinks, force_fused, s);
}

/** x Φ(x). MLX has no fused op for it. */
array gelu(array x, Stream s) {
#ifdef SOTTO_CPU_KERNELS
  if (cpu::gelu_applies(x, s)) return cpu::gelu(x, s);
#endif
  auto number = [&](double value) { return array(value, x.dtype()); };
  array normal = mx::add(mx::erf(mx::multiply(x, number(M_SQRT1_2), s), s), number(1), s);
  return mx::multiply(mx::multiply(x, number(0.5), s), normal, s);
}

/** `offset` is a number or an array (one per sequence of the batch). */
array rope(array a, int dims, Default<false> traditional, std::optional<double> base, std::optional<double> scale, Operand offset,
           MaybeArray freqs, Stream s) {
  std::optional<float> wavelength;
  if (base) wavelength = static_cast<float>(*base);
  float factor = static_cast<float>(scale.value_or(1));
  if (auto* list = offset.as_array()) return mx::fast::rope(a, dims, traditional, wavelength, factor, *list, freqs, s);
  return mx::fast::rope(a, dims, traditional, wavelength, factor, int32_of(offset, "offset"), freqs, s);
}

constexpr Op kOps[] = {
    op("rmsNorm", "x, weight, eps",
       [](array x, MaybeArray weight, double eps, Stream s) { return mx::fast::rms_norm(x, weight, static_cast<float>(eps), s); }),
    op("layerNorm", "x, weight, bias, eps",
       [](array x, MaybeArray weight, MaybeArray bias, double eps, Stream s) {
         return mx::fast::layer_norm(x, weight, bias, static_cast<float>(eps), s);
       }),
    op<gelu>("gelu", "x"),
    op<rope>("rope", "a, dims, *, traditional, base, scale, offset, freqs"),
    op<attention>("scaledDotProductAttention", "q, k, v, *, scale, mask, sinks, forceFused"),
    op("crossEntropy", "logits, targets",
       [](array logits, array targets, Stream s) { 
         const bool has_classes = logits.ndim() > 0;
         return mx::fast::cross_entropy(
             logits, has_classes ? bound_indices(targets, {.length = logits.shape(-1), .negatives = false}, s) : targets, s);
       }),
    op("gatedDeltaUpdate", "q, k, v, gamma, beta, initialState, mask",
       [](array q, array k, array v, array gamma, array beta, MaybeArray state, MaybeArray mask, Stream s) {
         return mx::fast::gated_delta_update(q, k, v, gamma, beta, state, mask, s);
       }),
    op("appendInPlace", "qkv, buffer, position",
       [](array qkv, array buffer, int position, Stream s) { return append_in_place(qkv, buffer, position, s); }),
};

}  // namespace

void init_fast(Addon& addon, napi_value exports) {
  bind(addon, make_namespace(addon, exports, "fast"), kOps);
}

}  // namespace sotto

// mx.cpu: Sotto's kernels for MLX's CPU device (cpu/). The LSTM is in every build, the others where the CPU runs
// models; `available` reports that.
#include "areas.h"
#include "call.h"
#include "cpu/kernels.h"
#include "cpu/lstm.h"
#include "cpu/panels.h"

#ifdef SOTTO_CPU_KERNELS
#include "cpu/attention.h"
#include "cpu/causal_attention.h"
#include "cpu/decoder_block.h"
#include "cpu/depthwise.h"
#include "cpu/elementwise.h"
#include "cpu/linear.h"
#include "cpu/relative_attention.h"
#include "cpu/snake.h"
#include "cpu/transducer.h"
#else
#include <stdexcept>
#endif

namespace sotto {

namespace {

using MaybeArray = std::optional<array>;
using Pair = std::pair<array, array>;

std::string instruction_set() { return cpu::kernels_name(); }
bool lstm_available() { return cpu::kernels_enabled(); }

array panels(array w, Default<0> bits, Stream s) { return cpu::panels_of(w, bits, s); }

Pair lstm(array gates, array wh, array state, Stream s) { return cpu::lstm(gates, wh, state, s); }

#ifdef SOTTO_CPU_KERNELS

/** Value of `bits` that converts to float32. */
constexpr int kToFloat32 = 32;

bool available() { return cpu::kernels_enabled(); }

cpu::LinearArgs weights(array panels, int outputs, MaybeArray scales, MaybeArray biases) {
  return {std::move(panels), outputs, std::move(scales), std::move(biases), {}, {}, {}, 0, cpu::Activation::none, 1, {}};
}

napi_value pack(std::vector<array> matrices, std::vector<int> bits, Stream s, Call* call) {
  if (bits.size() != matrices.size()) throw wrong_value("bits and matrices must have the same length");
  std::vector<cpu::PackSource> all;
  all.reserve(matrices.size());
  for (size_t i = 0; i < matrices.size(); i++) {
    all.push_back({std::move(matrices[i]), bits[i] == kToFloat32 ? 0 : bits[i], bits[i] == kToFloat32});
  }
  auto [panels, batches] = cpu::pack(all, s);
  napi_value both = nullptr;
  napi_value list = nullptr;
  check(call->env, napi_create_object(call->env, &both));
  check(call->env, napi_create_array_with_length(call->env, panels.size(), &list));
  for (uint32_t i = 0; i < panels.size(); i++) {
    // Weights live as long as their model; reported, they would make V8 collect again and again in vain.
    check(call->env, napi_set_element(call->env, list, i, call->addon.wrap(std::move(panels[i]), false)));
  }
  check(call->env, napi_set_named_property(call->env, both, "panels", list));
  check(call->env, napi_set_named_property(call->env, both, "batches", to_js(*call, batches)));
  return both;
}

array linear(array x, array panels, int outputs, MaybeArray scales, MaybeArray biases, MaybeArray bias, MaybeArray norm_weight,
             MaybeArray norm_bias, std::optional<double> eps, Default<false> gelu, Default<false> silu, Default<false> elu,
             std::optional<double> scale, MaybeArray residual, Stream s) {
  if (bool(gelu) + bool(silu) + bool(elu) > 1) throw wrong_value("a layer has one activation");
  auto args = weights(std::move(panels), outputs, std::move(scales), std::move(biases));
  args.bias = std::move(bias);
  args.norm_weight = std::move(norm_weight);
  args.norm_bias = std::move(norm_bias);
  args.norm_eps = eps.value_or(0);
  if (gelu) args.activation = cpu::Activation::gelu;
  if (silu) args.activation = cpu::Activation::silu;
  if (elu) args.activation = cpu::Activation::elu;
  args.scale = static_cast<float>(scale.value_or(1));
  args.residual = std::move(residual);
  return cpu::linear(x, args, s);
}

array elu(array x, Stream s) { return cpu::elu(x, s); }

array rows(array panels, int outputs, array ids, MaybeArray scales, MaybeArray biases, Stream s) {
  return cpu::matrix_rows(weights(std::move(panels), outputs, std::move(scales), std::move(biases)), ids, s);
}

Pair cross_attention_cache(array kv, int heads, Stream s) {
  return cpu::cross_attention_cache(kv, heads, s);
}

array cross_attend(array q, array keys, array values, Stream s) { return cpu::cross_attend(q, keys, values, s); }

array attend_cached(array qkv, array keys, array values, int offset, Default<0> rotary_dims, std::optional<double> rotary_base,
                    Stream s) {
  return cpu::attend_cached(qkv, keys, values, offset, {rotary_dims, rotary_base.value_or(1)}, s);
}

Pair reorder_cache(array keys, array values, std::vector<int> rows, int filled, Stream s) {
  return cpu::reorder_cache(keys, values, rows, filled, s);
}

array decoder_weights(std::vector<MaybeArray> weights, Stream s) { return cpu::decoder_weights(std::move(weights), s); }

array decoder_block(array x, array keys, array values, array cross_keys, array cross_values, array weights, int offset, double eps,
                    Stream s) {
  return cpu::decoder_block(x, keys, values, cross_keys, cross_values, weights, offset, static_cast<float>(eps), s);
}

array relative_attention(array qkv, array distances, array u, array v, std::optional<int> back, Stream s) {
  return cpu::relative_attention(qkv, distances, u, v, back, s);
}

array gated_depthwise(array x, array weights, array bias, Stream s) { return cpu::gated_depthwise(x, weights, bias, s); }

array strided_depthwise(array x, array weights, array bias, Default<false> relu, std::optional<std::vector<int>> padding, Stream s) {
  cpu::Padding sides;
  if (padding) {
    if (padding->size() != 4) throw wrong_value("padding has four sides");
    sides = {padding->at(0), padding->at(1), padding->at(2), padding->at(3)};
  }
  return cpu::strided_depthwise(x, weights, bias, relu, sides, s);
}

Pair causal_attention(array qkv, array distances, array u, array v, int chunk_frames, MaybeArray past, Stream s) {
  return cpu::causal_attention(qkv, distances, u, v, chunk_frames, past, s);
}

array snake(array x, array alpha, array beta, Stream s) { return cpu::snake(x, alpha, beta, s); }

array anti_aliased_snake(array x, array alpha, array beta, array taps, Stream s) {
  return cpu::anti_aliased_snake(x, alpha, beta, taps, s);
}

array dilated_depthwise(array x, array weights, array bias, Default<1> dilation, Stream s) {
  return cpu::dilated_depthwise(x, weights, bias, dilation, s);
}

Pair causal_depthwise(array x, array past, array weights, array norm_weight, array norm_bias, double eps, MaybeArray bias, Stream s) {
  return cpu::causal_depthwise(x, past, {weights, std::move(bias), norm_weight, norm_bias, static_cast<float>(eps)}, s);
}

std::vector<array> decode_transducer(array frames, array walk, array state, std::vector<MaybeArray> weights, int tokens,
                                     std::vector<int> durations, int max_symbols, int limit, Default<false> tanh, Stream s) {
  return cpu::decode_transducer(frames, walk, state, std::move(weights), {tokens, std::move(durations), max_symbols, limit, tanh}, s);
}

Pair argmax(array logits, Stream s) {
  if (!cpu::argmax_applies(logits, s)) throw std::invalid_argument("[argmax] takes float32 [R, V] on the CPU");
  return cpu::argmax(logits, s);
}

std::vector<array> top_k(array logits, int k, Stream s) {
  if (!cpu::argmax_applies(logits, s)) throw std::invalid_argument("[topK] takes float32 [R, V] on the CPU");
  if (k < 1 || k > logits.shape(1)) throw std::invalid_argument("[topK] k must be at least 1 and at most V");
  return cpu::top_k(logits, k, s);
}

#else

[[noreturn]] void absent() { throw std::runtime_error("the CPU kernels are part of the Linux build only"); }

bool available() { return false; }
napi_value pack(std::vector<array>, std::vector<int>, Stream, Call*) { absent(); }
array linear(array, array, int, MaybeArray, MaybeArray, MaybeArray, MaybeArray, MaybeArray, std::optional<double>, Default<false>,
             Default<false>, Default<false>, std::optional<double>, MaybeArray, Stream) {
  absent();
}
array elu(array, Stream) { absent(); }
array rows(array, int, array, MaybeArray, MaybeArray, Stream) { absent(); }
Pair cross_attention_cache(array, int, Stream) { absent(); }
array cross_attend(array, array, array, Stream) { absent(); }
array attend_cached(array, array, array, int, Default<0>, std::optional<double>, Stream) { absent(); }
Pair reorder_cache(array, array, std::vector<int>, int, Stream) { absent(); }
array decoder_weights(std::vector<MaybeArray>, Stream) { absent(); }
array decoder_block(array, array, array, array, array, array, int, double, Stream) { absent(); }
array relative_attention(array, array, array, array, std::optional<int>, Stream) { absent(); }
array gated_depthwise(array, array, array, Stream) { absent(); }
array strided_depthwise(array, array, array, Default<false>, std::optional<std::vector<int>>, Stream) { absent(); }
array snake(array, array, array, Stream) { absent(); }
array anti_aliased_snake(array, array, array, array, Stream) { absent(); }
array dilated_depthwise(array, array, array, Default<1>, Stream) { absent(); }
Pair causal_attention(array, array, array, array, int, MaybeArray, Stream) { absent(); }
Pair causal_depthwise(array, array, array, array, array, double, MaybeArray, Stream) { absent(); }
std::vector<array> decode_transducer(array, array, array, std::vector<MaybeArray>, int, std::vector<int>, int, int, Default<false>, Stream) {
  absent();
}
Pair argmax(array, Stream) { absent(); }
std::vector<array> top_k(array, int, Stream) { absent(); }

#endif

constexpr Op kOps[] = {
    op<available>("available", ""),
    op<instruction_set>("instructionSet", ""),
    op<panels>("panels", "w, bits"),
    op<pack>("pack", "matrices, bits"),
    op<linear>("linear", "x, panels, outputs, *, scales, biases, bias, normWeight, normBias, eps, gelu, silu, elu, scale, residual"),
    op<elu>("elu", "x"),
    op<rows>("rows", "panels, outputs, ids, *, scales, biases"),
    op<cross_attention_cache>("crossAttentionCache", "kv, heads"),
    op<cross_attend>("crossAttend", "q, keys, values"),
    op<reorder_cache>("reorderCache", "keys, values, rows, filled"),
    op<attend_cached>("attendCached", "qkv, keys, values, offset, *, rotaryDims, rotaryBase"),
    op<decoder_weights>("decoderWeights", "weights"),
    op<decoder_block>("decoderBlock", "x, keys, values, crossKeys, crossValues, weights, offset, eps"),
    op<relative_attention>("relativeAttention", "qkv, distances, u, v, *, back"),
    op<gated_depthwise>("gatedDepthwise", "x, weights, bias"),
    op<strided_depthwise>("stridedDepthwise", "x, weights, bias, *, relu, padding"),
    op<snake>("snake", "x, alpha, beta"),
    op<anti_aliased_snake>("antiAliasedSnake", "x, alpha, beta, taps"),
    op<dilated_depthwise>("dilatedDepthwise", "x, weights, bias, *, dilation"),
    op<causal_attention>("causalAttention", "qkv, distances, u, v, chunkFrames, *, past"),
    op<causal_depthwise>("causalDepthwise", "x, past, weights, normWeight, normBias, eps, *, bias"),
    op<decode_transducer>("decodeTransducer", "frames, walk, state, weights, tokens, durations, maxSymbols, limit, *, tanh"),
    op<argmax>("argmax", "logits"),
    op<top_k>("topK", "logits, k"),
    op<lstm_available>("lstmAvailable", ""),
    op<lstm>("lstm", "gates, wh, state"),
};

}  // namespace

void init_cpu(Addon& addon, napi_value exports) {
  bind(addon, make_namespace(addon, exports, "cpu"), kOps);
}

}  // namespace sotto

#include "depthwise.h"

#include <algorithm>
#include <vector>

#include "kernels.h"
#include "pool.h"
#include "primitive.h"
#include "rows.h"

namespace sotto::cpu {

namespace mx = mlx::core;

namespace {

/** The longest kernel over time; published models have 5, 9 and 31. */
constexpr int64_t kMaxTaps = 65;
/** Frames per part: each part gates its frames and those of the kernel's edges. */
constexpr int64_t kFramesPerPart = 64;

class GatedDepthwise : public CpuPrimitive {
 public:
  using CpuPrimitive::CpuPrimitive;

  void eval_cpu(const std::vector<mx::array>& inputs, std::vector<mx::array>& outputs) override {
    allocate(outputs[0]);
    queue(inputs, outputs, [in = weak(inputs), out = weak(outputs[0])]() mutable {
      const int64_t B = out.shape(0), T = out.shape(1), C = out.shape(2), K = in[1].shape(0);
      const float *x = in[0].data<float>(), *weights = in[1].data<float>(), *bias = in[2].data<float>();
      float* to = out.data<float>();
      const int64_t parts = (T + kFramesPerPart - 1) / kFramesPerPart;
      parallel_parts(B * parts, [&](int64_t part) {
        const int64_t b = part / parts, first = part % parts * kFramesPerPart, end = std::min(first + kFramesPerPart, T);
        run(x + b * T * 2 * C, weights, bias, T, C, K, first, end, to + b * T * C);
      });
    });
  }

  const char* name() const override { return "SottoGatedDepthwise"; }
  bool is_equivalent(const mx::Primitive&) const override { return true; }

 private:
  static void run(const float* x, const float* weights, const float* bias, int64_t T, int64_t C, int64_t K, int64_t first, int64_t end,
                  float* to) {
    static thread_local std::vector<float> room;
    const int64_t low = std::max<int64_t>(0, first - K / 2), high = std::min(T, end + K / 2);
    float* gated = room_for(room, (high - low) * C);
    for (int64_t t = low; t < high; ++t) kernels().glu(x + t * 2 * C, C, gated + (t - low) * C);
    const float *rows[kMaxTaps], *taps[kMaxTaps];
    for (int64_t t = first; t < end; ++t) {
      int64_t count = 0;
      for (int64_t k = 0; k < K; ++k) {
        const int64_t at = t + k - K / 2;
        if (at < 0 || at >= T) continue;
        rows[count] = gated + (at - low) * C;
        taps[count++] = weights + k * C;
      }
      kernels().depthwise(rows, taps, count, bias, C, Activation::silu, to + t * C);
    }
  }
};

/** Inputs: x, past, weights, weight and bias of the norm, and the bias of the convolution if it has one. */
class CausalDepthwiseOp : public CpuPrimitive {
 public:
  CausalDepthwiseOp(mx::Stream stream, float eps) : CpuPrimitive(stream), eps_(eps) {}

  void eval_cpu(const std::vector<mx::array>& inputs, std::vector<mx::array>& outputs) override {
    for (auto& out : outputs) allocate(out);
    queue(inputs, outputs, [in = weak(inputs), out = weak(outputs[0]), next = weak(outputs[1]), eps = eps_]() mutable {
      run(in, eps, out, next);
    });
  }

  const char* name() const override { return "SottoCausalDepthwise"; }
  bool is_equivalent(const mx::Primitive& other) const override { return static_cast<const CausalDepthwiseOp&>(other).eps_ == eps_; }

 private:
  static void run(const std::vector<mx::array>& in, float eps, mx::array& out, mx::array& next) {
    static thread_local std::vector<float> room;
    const int64_t T = out.shape(1), C = out.shape(2), K = in[2].shape(0), before = K - 1;
    const float *x = in[0].data<float>(), *weights = in[2].data<float>(), *norm = in[3].data<float>(), *norm_bias = in[4].data<float>();
    const float* bias = in.size() > 5 ? in[5].data<float>() : nullptr;
    float* gated = room_for(room, (before + T) * C);
    std::copy(in[1].data<float>(), in[1].data<float>() + before * C, gated);
    parallel_for(T, 1, [&](int64_t begin, int64_t end) {
      for (int64_t t = begin; t < end; ++t) kernels().glu(x + t * 2 * C, C, gated + (before + t) * C);
    });
    std::copy(gated + T * C, gated + (T + before) * C, next.data<float>());
    float* to = out.data<float>();
    parallel_for(T, 1, [&](int64_t begin, int64_t end) {
      const float *rows[kMaxTaps], *taps[kMaxTaps];
      for (int64_t t = begin; t < end; ++t) {
        for (int64_t k = 0; k < K; ++k) {
          rows[k] = gated + (t + k) * C;
          taps[k] = weights + k * C;
        }
        float* y = to + t * C;
        kernels().depthwise(rows, taps, K, bias, C, Activation::none, y);
        kernels().layer_norm(y, C, nullptr, nullptr, eps, y);
        // The factors of the norm are a kernel of one tap.
        rows[0] = y;
        kernels().depthwise(rows, &norm, 1, norm_bias, C, Activation::silu, y);
      }
    });
  }

  float eps_;
};

class StridedDepthwise : public CpuPrimitive {
 public:
  StridedDepthwise(mx::Stream stream, bool relu, const Padding& padding) : CpuPrimitive(stream), relu_(relu), padding_(padding) {}

  void eval_cpu(const std::vector<mx::array>& inputs, std::vector<mx::array>& outputs) override {
    allocate(outputs[0]);
    queue(inputs, outputs, [in = weak(inputs), out = weak(outputs[0]), relu = relu_, padding = padding_]() mutable {
      const Activation activation = relu ? Activation::relu : Activation::none;
      const int64_t rows = out.shape(1);
      parallel_for(out.shape(0) * rows, 1, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) row(in, i / rows, i % rows, activation, padding, out);
      });
    });
  }

  const char* name() const override { return "SottoStridedDepthwise"; }
  bool is_equivalent(const mx::Primitive& other) const override {
    const auto& op = static_cast<const StridedDepthwise&>(other);
    return op.relu_ == relu_ && op.padding_ == padding_;
  }

 private:
  static void row(std::vector<mx::array>& in, int64_t b, int64_t h, Activation activation, const Padding& padding, mx::array& out) {
    const int64_t H = in[0].shape(1), W = in[0].shape(2), channels = in[0].shape(3), C = out.shape(3), columns = out.shape(2);
    const float *x = in[0].data<float>() + b * H * W * channels, *weights = in[1].data<float>(), *bias = in[2].data<float>();
    float* to = out.data<float>() + (b * out.shape(1) + h) * columns * C;
    for (int64_t w = 0; w < columns; ++w) {
      const float *rows[9], *taps[9];
      float values[9];
      int64_t count = 0;
      for (int64_t k = 0; k < 9; ++k) {
        const int64_t i = 2 * h + k / 3 - padding.top, j = 2 * w + k % 3 - padding.left;
        if (i < 0 || i >= H || j < 0 || j >= W) continue;
        const float* from = x + (i * W + j) * channels;
        rows[count] = from;
        values[count] = *from;
        taps[count++] = weights + k * C;
      }
      if (channels == C) kernels().depthwise(rows, taps, count, bias, C, activation, to + w * C);
      else kernels().spread_channel(values, taps, count, bias, C, activation, to + w * C);
    }
  }

  bool relu_;
  Padding padding_;
};

bool are_floats(const mx::array& x, const mx::array& weights, const mx::array& bias) {
  return x.dtype() == mx::float32 && weights.dtype() == mx::float32 && bias.dtype() == mx::float32;
}

}  // namespace

mx::array gated_depthwise(const mx::array& x, const mx::array& weights, const mx::array& bias, mx::StreamOrDevice where) {
  const auto fits = [&] {
    if (x.ndim() != 3 || x.size() == 0 || weights.ndim() != 2 || bias.ndim() != 1) return false;
    const auto C = weights.shape(1), K = weights.shape(0);
    return K % 2 == 1 && K <= kMaxTaps && x.shape(2) == 2 * C && bias.shape(0) == C;
  };
  if (!fits() || !are_floats(x, weights, bias))
    throw std::invalid_argument("[gated_depthwise] takes float32 x [B, T, 2 C], weights [K, C] with K odd and at most 65, bias [C]");
  const mx::Stream stream = mx::to_stream(where);
  auto whole = [&](const mx::array& a) { return mx::contiguous(a, false, stream); };
  return mx::array({x.shape(0), x.shape(1), weights.shape(1)}, mx::float32, std::make_shared<GatedDepthwise>(stream),
                   {whole(x), whole(weights), whole(bias)});
}

std::pair<mx::array, mx::array> causal_depthwise(const mx::array& x, const mx::array& past, const CausalDepthwise& layer,
                                                 mx::StreamOrDevice where) {
  const auto& weights = layer.weights;
  const auto is_float = [](const mx::array& a) { return a.dtype() == mx::float32; };
  const auto fits = [&] {
    if (x.ndim() != 3 || x.shape(0) != 1 || x.size() == 0 || weights.ndim() != 2 || weights.size() == 0) return false;
    const auto C = weights.shape(1), K = weights.shape(0);
    const auto is_vector = [&](const mx::array& a) { return is_float(a) && a.ndim() == 1 && a.shape(0) == C; };
    return K <= kMaxTaps && x.shape(2) == 2 * C && past.shape() == mx::Shape{1, K - 1, C} && is_vector(layer.norm_weight) &&
           is_vector(layer.norm_bias) && (!layer.bias || is_vector(*layer.bias));
  };
  if (!fits() || !is_float(x) || !is_float(past) || !is_float(weights) || !(layer.eps > 0))
    throw std::invalid_argument(
        "[causal_depthwise] takes float32 x [1, T, 2 C], past [1, K - 1, C], weights [K, C] with K at most 65, norm weight, norm bias and bias [C]");
  const mx::Stream stream = mx::to_stream(where);
  std::vector<mx::array> inputs;
  for (const auto& a : {x, past, weights, layer.norm_weight, layer.norm_bias}) inputs.push_back(mx::contiguous(a, false, stream));
  if (layer.bias) inputs.push_back(mx::contiguous(*layer.bias, false, stream));
  auto both = mx::array::make_arrays({{1, x.shape(1), weights.shape(1)}, past.shape()}, {mx::float32, mx::float32},
                                     std::make_shared<CausalDepthwiseOp>(stream, layer.eps), inputs);
  return {both[0], both[1]};
}

mx::array strided_depthwise(const mx::array& x, const mx::array& weights, const mx::array& bias, bool relu, const Padding& padding,
                            mx::StreamOrDevice where) {
  const auto fits = [&] {
    if (x.ndim() != 4 || x.size() == 0 || weights.ndim() != 2 || weights.shape(0) != 9 || weights.size() == 0) return false;
    const auto C = weights.shape(1);
    for (int side : {padding.top, padding.bottom, padding.left, padding.right}) {
      if (side < 0 || side > 2) return false;
    }
    if (x.shape(1) + padding.top + padding.bottom < 3 || x.shape(2) + padding.left + padding.right < 3) return false;
    return (x.shape(3) == C || x.shape(3) == 1) && bias.ndim() == 1 && bias.shape(0) == C;
  };
  if (!fits() || !are_floats(x, weights, bias))
    throw std::invalid_argument("[strided_depthwise] takes float32 x [B, H, W, C or 1] of 3 x 3 or more with at most 2 zeros a side, weights [9, C], bias [C]");
  const mx::Stream stream = mx::to_stream(where);
  auto whole = [&](const mx::array& a) { return mx::contiguous(a, false, stream); };
  const auto rows = (x.shape(1) + padding.top + padding.bottom - 1) / 2, columns = (x.shape(2) + padding.left + padding.right - 1) / 2;
  return mx::array({x.shape(0), rows, columns, weights.shape(1)}, mx::float32,
                   std::make_shared<StridedDepthwise>(stream, relu, padding), {whole(x), whole(weights), whole(bias)});
}

}  // namespace sotto::cpu

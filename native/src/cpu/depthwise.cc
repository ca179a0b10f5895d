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

class StridedDepthwise : public CpuPrimitive {
 public:
  StridedDepthwise(mx::Stream stream, bool relu) : CpuPrimitive(stream), relu_(relu) {}

  void eval_cpu(const std::vector<mx::array>& inputs, std::vector<mx::array>& outputs) override {
    allocate(outputs[0]);
    queue(inputs, outputs, [in = weak(inputs), out = weak(outputs[0]), relu = relu_]() mutable {
      const Activation activation = relu ? Activation::relu : Activation::none;
      const int64_t rows = out.shape(1);
      parallel_for(out.shape(0) * rows, 1, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) row(in, i / rows, i % rows, activation, out);
      });
    });
  }

  const char* name() const override { return "SottoStridedDepthwise"; }
  bool is_equivalent(const mx::Primitive& other) const override { return static_cast<const StridedDepthwise&>(other).relu_ == relu_; }

 private:
  static void row(std::vector<mx::array>& in, int64_t b, int64_t h, Activation activation, mx::array& out) {
    const int64_t H = in[0].shape(1), W = in[0].shape(2), channels = in[0].shape(3), C = out.shape(3), columns = out.shape(2);
    const float *x = in[0].data<float>() + b * H * W * channels, *weights = in[1].data<float>(), *bias = in[2].data<float>();
    float* to = out.data<float>() + (b * out.shape(1) + h) * columns * C;
    for (int64_t w = 0; w < columns; ++w) {
      const float *rows[9], *taps[9];
      float values[9];
      int64_t count = 0;
      for (int64_t k = 0; k < 9; ++k) {
        const int64_t i = 2 * h + k / 3 - 1, j = 2 * w + k % 3 - 1;
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

mx::array strided_depthwise(const mx::array& x, const mx::array& weights, const mx::array& bias, bool relu, mx::StreamOrDevice where) {
  const auto fits = [&] {
    if (x.ndim() != 4 || x.size() == 0 || weights.ndim() != 2 || weights.shape(0) != 9 || weights.size() == 0) return false;
    const auto C = weights.shape(1);
    return (x.shape(3) == C || x.shape(3) == 1) && bias.ndim() == 1 && bias.shape(0) == C;
  };
  if (!fits() || !are_floats(x, weights, bias))
    throw std::invalid_argument("[strided_depthwise] takes float32 x [B, H, W, C or 1], weights [9, C], bias [C]");
  const mx::Stream stream = mx::to_stream(where);
  auto whole = [&](const mx::array& a) { return mx::contiguous(a, false, stream); };
  return mx::array({x.shape(0), (x.shape(1) + 1) / 2, (x.shape(2) + 1) / 2, weights.shape(1)}, mx::float32,
                   std::make_shared<StridedDepthwise>(stream, relu), {whole(x), whole(weights), whole(bias)});
}

}  // namespace sotto::cpu

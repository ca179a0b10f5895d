#include "snake.h"

#include <algorithm>
#include <numeric>
#include <vector>

#include "kernels.h"
#include "pool.h"
#include "primitive.h"
#include "rows.h"

namespace sotto::cpu {

namespace mx = mlx::core;

namespace {

constexpr float kMinDivisor = 1e-9f;
constexpr int64_t kMaxTaps = 65;
constexpr int64_t kFilterTaps = 12;
/** Channels of a filter that are computed together, so that its frames stay in the cache. */
constexpr int64_t kMaxChannels = 128;
constexpr int64_t kFloatsPerPart = 32768;

/** Frames side by side that fill whole vectors, for few channels. */
int64_t frames_together(int64_t channels) {
  const int64_t whole = 16 / std::gcd<int64_t>(channels, 16);
  return std::max<int64_t>(1, kMaxChannels / (whole * channels)) * whole;
}

/** Values of the channels, repeated for frames that are computed together. */
void repeat(const float* from, int64_t n, int64_t times, float* to) {
  for (int64_t i = 0; i < times; ++i) std::copy(from, from + n, to + i * n);
}

void inverse(const float* beta, int64_t n, int64_t times, float* to) {
  for (int64_t i = 0; i < n; ++i) to[i] = 1 / (beta[i] + kMinDivisor);
  for (int64_t i = 1; i < times; ++i) std::copy(to, to + n, to + i * n);
}

class Snake : public CpuPrimitive {
 public:
  using CpuPrimitive::CpuPrimitive;

  void eval_cpu(const std::vector<mx::array>& inputs, std::vector<mx::array>& outputs) override {
    allocate(outputs[0]);
    queue(inputs, outputs, [in = weak(inputs), out = weak(outputs[0])]() mutable {
      const int64_t C = out.shape(2), frames = out.size() / C, together = frames_together(C), n = together * C;
      std::vector<float> values(2 * n);
      float *alpha = values.data(), *factor = alpha + n;
      repeat(in[1].data<float>(), C, together, alpha);
      inverse(in[2].data<float>(), C, together, factor);
      const float* x = in[0].data<float>();
      float* to = out.data<float>();
      const int64_t groups = (frames + together - 1) / together;
      parallel_for(groups, std::max<int64_t>(1, kFloatsPerPart / 2 / n), [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
          const int64_t at = i * n;
          kernels().snake(x + at, alpha, factor, std::min(n, frames * C - at), to + at);
        }
      });
    });
  }

  const char* name() const override { return "SottoSnake"; }
  bool is_equivalent(const mx::Primitive&) const override { return true; }
};

class AntiAliasedSnake : public CpuPrimitive {
 public:
  using CpuPrimitive::CpuPrimitive;

  void eval_cpu(const std::vector<mx::array>& inputs, std::vector<mx::array>& outputs) override {
    allocate(outputs[0]);
    queue(inputs, outputs, [in = weak(inputs), out = weak(outputs[0])]() mutable {
      const int64_t B = out.shape(0), T = out.shape(1), C = out.shape(2);
      const int64_t width = std::min(C, kMaxChannels), chunks = (C + width - 1) / width;
      const int64_t frames = std::max<int64_t>(64, kFloatsPerPart / width), parts = (T + frames - 1) / frames;
      parallel_parts(B * parts * chunks, [&](int64_t i) {
        const int64_t chunk = i % chunks, part = i / chunks % parts, b = i / chunks / parts;
        const int64_t from = chunk * width, first = part * frames;
        const Part own{in[0].data<float>() + b * T * C + from, out.data<float>() + b * T * C + from, T, C,
                       std::min(width, C - from), first, std::min(T, first + frames)};
        own.run(in[1].data<float>() + from, in[2].data<float>() + from, in[3].data<float>());
      });
    });
  }

  const char* name() const override { return "SottoAntiAliasedSnake"; }
  bool is_equivalent(const mx::Primitive&) const override { return true; }

 private:
  /** Frames first … end of some channels. */
  struct Part {
    const float* x;
    float* to;
    int64_t T, stride, channels, first, end;

    void run(const float* alpha, const float* beta, const float* taps) const {
      static thread_local std::vector<float> room;
      const int64_t n = channels, count = end - first, wide = count + 6, together = frames_together(n), span = together * n;
      float* padded = room_for(room, (wide + 6) * n + (2 * wide + count) * n + (2 + 2 * kFilterTaps) * span);
      float *even = padded + (wide + 6) * n, *odd = even + wide * n, *result = odd + wide * n, *alphas = result + count * n;
      float *factors = alphas + span, *halving = factors + span, *doubling = halving + kFilterTaps * span;
      repeat(alpha, n, together, alphas);
      inverse(beta, n, together, factors);
      for (int64_t k = 0; k < kFilterTaps; ++k) {
        std::fill_n(halving + k * span, span, taps[k]);
        std::fill_n(doubling + k * span, span, 2 * taps[k]);
      }
      // Frames first - 6 … end + 6, of which those outside repeat the nearest.
      for (int64_t t = 0; t < wide + 6; ++t) {
        const float* from = x + std::clamp<int64_t>(first - 6 + t, 0, T - 1) * stride;
        std::copy(from, from + n, padded + t * n);
      }
      // Frames first - 3 … end + 3 at both phases of the doubled rate.
      for (int64_t t = 0; t < wide; t += together) {
        const int64_t size = std::min(together, wide - t) * n;
        const float *rows[kFilterTaps], *weights[kFilterTaps];
        for (int64_t phase = 0; phase < 2; ++phase) {
          for (int64_t k = 0; k < 6; ++k) {
            rows[k] = padded + (t + k + phase) * n;
            weights[k] = doubling + (11 - phase - 2 * k) * span;
          }
          float* half = (phase == 0 ? even : odd) + t * n;
          kernels().depthwise(rows, weights, 6, nullptr, size, Activation::none, half);
          kernels().snake(half, alphas, factors, size, half);
        }
      }
      repeat_ends(even, odd, wide);
      for (int64_t t = 0; t < count; t += together) {
        const int64_t size = std::min(together, count - t) * n;
        const float *rows[kFilterTaps], *weights[kFilterTaps];
        for (int64_t k = 0; k < kFilterTaps; ++k) {
          rows[k] = (k % 2 == 0 ? odd + (t + k / 2) * n : even + (t + k / 2 + 1) * n);
          weights[k] = halving + k * span;
        }
        kernels().depthwise(rows, weights, kFilterTaps, nullptr, size, Activation::none, result + t * n);
      }
      for (int64_t t = 0; t < count; ++t) std::copy(result + t * n, result + (t + 1) * n, to + (first + t) * stride);
    }

    /** Samples of the doubled rate before its first and behind its last repeat them. */
    void repeat_ends(float* even, float* odd, int64_t wide) const {
      const int64_t n = channels, start = first - 3;
      for (int64_t t = 0; t < wide; ++t) {
        const float* from = start + t < 0 ? even - start * n : start + t >= T ? odd + (T - 1 - start) * n : nullptr;
        if (from == nullptr) continue;
        std::copy(from, from + n, even + t * n);
        std::copy(from, from + n, odd + t * n);
      }
    }
  };
};

class DilatedDepthwise : public CpuPrimitive {
 public:
  DilatedDepthwise(mx::Stream stream, int dilation) : CpuPrimitive(stream), dilation_(dilation) {}

  void eval_cpu(const std::vector<mx::array>& inputs, std::vector<mx::array>& outputs) override {
    allocate(outputs[0]);
    queue(inputs, outputs, [in = weak(inputs), out = weak(outputs[0]), dilation = int64_t{dilation_}]() mutable {
      const int64_t B = out.shape(0), T = out.shape(1), C = out.shape(2), K = in[1].shape(0), reach = K / 2 * dilation;
      const int64_t together = frames_together(C), n = together * C;
      std::vector<float> values((K + 1) * n);
      float *weights = values.data(), *bias = weights + K * n;
      for (int64_t k = 0; k < K; ++k) repeat(in[1].data<float>() + k * C, C, together, weights + k * n);
      repeat(in[2].data<float>(), C, together, bias);
      const int64_t groups = (T + together - 1) / together;
      parallel_for(B * groups, std::max<int64_t>(1, kFloatsPerPart / 2 / n), [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
          const int64_t b = i / groups, first = i % groups * together, last = std::min(T, first + together);
          const float* x = in[0].data<float>() + b * T * C;
          float* to = out.data<float>() + b * T * C;
          const bool is_inside = first >= reach && last + reach <= T;
          const int64_t size = is_inside ? last - first : 1;
          for (int64_t t = first; t < last; t += size) {
            const float *rows[kMaxTaps], *taps[kMaxTaps];
            int64_t count = 0;
            for (int64_t k = 0; k < K; ++k) {
              const int64_t at = t + k * dilation - reach;
              if (at < 0 || at >= T) continue;
              rows[count] = x + at * C;
              taps[count++] = weights + k * n;
            }
            kernels().depthwise(rows, taps, count, bias, size * C, Activation::none, to + t * C);
          }
        }
      });
    });
  }

  const char* name() const override { return "SottoDilatedDepthwise"; }
  bool is_equivalent(const mx::Primitive& other) const override {
    return static_cast<const DilatedDepthwise&>(other).dilation_ == dilation_;
  }

 private:
  int dilation_;
};

bool is_float(const mx::array& a) { return a.dtype() == mx::float32; }
bool is_signal(const mx::array& x) { return is_float(x) && x.ndim() == 3 && x.size() > 0; }
bool is_vector(const mx::array& a, const mx::array& x) { return is_float(a) && a.ndim() == 1 && a.shape(0) == x.shape(2); }

mx::array signal_op(const mx::array& x, std::shared_ptr<mx::Primitive> op, std::vector<mx::array> others, mx::Stream stream) {
  std::vector<mx::array> inputs{mx::contiguous(x, false, stream)};
  for (const auto& a : others) inputs.push_back(mx::contiguous(a, false, stream));
  return mx::array(x.shape(), mx::float32, std::move(op), std::move(inputs));
}

}  // namespace

mx::array snake(const mx::array& x, const mx::array& alpha, const mx::array& beta, mx::StreamOrDevice where) {
  if (!is_signal(x) || !is_vector(alpha, x) || !is_vector(beta, x))
    throw std::invalid_argument("[snake] takes float32 x [B, T, C], alpha and beta [C]");
  const mx::Stream stream = mx::to_stream(where);
  return signal_op(x, std::make_shared<Snake>(stream), {alpha, beta}, stream);
}

mx::array anti_aliased_snake(const mx::array& x, const mx::array& alpha, const mx::array& beta, const mx::array& taps,
                             mx::StreamOrDevice where) {
  if (!is_signal(x) || !is_vector(alpha, x) || !is_vector(beta, x) || !is_float(taps) || taps.shape() != mx::Shape{kFilterTaps})
    throw std::invalid_argument("[anti_aliased_snake] takes float32 x [B, T, C], alpha and beta [C], taps [12]");
  const mx::Stream stream = mx::to_stream(where);
  return signal_op(x, std::make_shared<AntiAliasedSnake>(stream), {alpha, beta, taps}, stream);
}

mx::array dilated_depthwise(const mx::array& x, const mx::array& weights, const mx::array& bias, int dilation,
                            mx::StreamOrDevice where) {
  const auto fits = [&] {
    if (!is_signal(x) || !is_vector(bias, x) || !is_float(weights) || weights.ndim() != 2) return false;
    const auto K = weights.shape(0);
    return weights.shape(1) == x.shape(2) && K % 2 == 1 && K <= kMaxTaps && dilation >= 1 && dilation <= 1024;
  };
  if (!fits())
    throw std::invalid_argument(
        "[dilated_depthwise] takes float32 x [B, T, C], weights [K, C] with K odd and at most 65, bias [C], a dilation of 1 to 1024");
  const mx::Stream stream = mx::to_stream(where);
  return signal_op(x, std::make_shared<DilatedDepthwise>(stream, dilation), {weights, bias}, stream);
}

}  // namespace sotto::cpu

#include "relative_attention.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "head_panels.h"
#include "kernels.h"
#include "pool.h"
#include "primitive.h"
#include "rows.h"

namespace sotto::cpu {

namespace mx = mlx::core;

namespace {

/** Queries per block: their scores of content and distance stay in the second-level cache. */
constexpr int64_t kBlockRows = 48;

/**
 * Sizes of a call: T frames, d numbers per head, H heads. A query sees `back` keys before its own and `ahead` after it, whose
 * distances are rows 0 … back + ahead.
 */
struct Sizes {
  int64_t T, d, H, back, ahead;
  int64_t distances() const { return back + ahead + 1; }
  int64_t key_size() const { return whole_panels(T) * d; }
  int64_t value_size() const { return T * whole_panels(d); }
  int64_t distance_size() const { return whole_panels(distances()) * d; }
};

/** (q + bias) / √d for `rows` queries: [rows, d]. */
void biased(Head q, int64_t rows, const float* bias, int64_t d, float scale, float* to) {
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t i = 0; i < d; ++i) to[r * d + i] = (q.data[r * q.stride + i] + bias[i]) * scale;
  }
}

constexpr float kNever = -std::numeric_limits<float>::infinity();

/** The queries from `first` on, over the keys of their head that they see. All keys, values and distances are in panels. */
void attend_block(Head q, int64_t rows, int64_t first, const float* u, const float* v, const float* keys, const float* values,
                  const float* distances, const Sizes& n, Head out) {
  static thread_local std::vector<float> room;
  const int64_t last = first + rows - 1;
  // The rows see a window of keys and one of distances. Both begin at a whole panel.
  const int64_t from = std::max<int64_t>(0, first - n.back) / kPanel * kPanel, to = std::min(n.T, last + n.ahead + 1), filled = to - from;
  const int64_t low = std::max<int64_t>(0, n.back - last), high = std::min(n.distances(), n.back + to - first), base = low / kPanel * kPanel;
  const int64_t width = whole_panels(filled), seen = whole_panels(high) - base;
  float* scores = room_for(room, kBlockRows * (width + seen + n.d));
  float* distant = scores + kBlockRows * width;
  float* queries = distant + kBlockRows * seen;
  const float scale = 1.0f / std::sqrt(static_cast<float>(n.d));
  biased(q, rows, u, n.d, scale, queries);
  kernels().product(queries, n.d, rows, keys + from * n.d, n.d * kPanel, width / kPanel, n.d, {scores, width, width});
  biased(q, rows, v, n.d, scale, queries);
  kernels().product(queries, n.d, rows, distances + base * n.d, n.d * kPanel, seen / kPanel, n.d, {distant, seen, seen});
  float inverse[kBlockRows];
  for (int64_t r = 0; r < rows; ++r) {
    const int64_t i = first + r, begin = std::max<int64_t>(0, i - n.back), end = std::min(n.T, i + n.ahead + 1);
    float* row = scores + r * width;
    kernels().add_scaled(distant + r * seen + (begin - i + n.back - base), row + begin - from, end - begin, 1);
    std::fill(row, row + begin - from, kNever);
    std::fill(row + end - from, row + filled, kNever);
    inverse[r] = kernels().softmax(row, filled, filled);
  }
  kernels().product(scores, width, rows, values + from * kPanel, n.T * kPanel, whole_panels(n.d) / kPanel, filled,
                    {out.data, out.stride, n.d});
  for (int64_t r = 0; r < rows; ++r) kernels().scale(out.data + r * out.stride, n.d, inverse[r]);
}

class RelativeAttention : public CpuPrimitive {
 public:
  RelativeAttention(mx::Stream stream, int64_t back) : CpuPrimitive(stream), back_(back) {}

  void eval_cpu(const std::vector<mx::array>& inputs, std::vector<mx::array>& outputs) override {
    allocate(outputs[0]);
    queue(inputs, outputs, [in = weak(inputs), out = weak(outputs[0]), back = back_]() mutable {
      const int64_t B = out.shape(0), D = out.shape(2);
      const Sizes n{out.shape(1), D / in[2].shape(0), in[2].shape(0), back, in[1].shape(0) - 1 - back};
      run(in[0].data<float>(), in[1].data<float>(), in[2].data<float>(), in[3].data<float>(), B, n, out.data<float>());
    });
  }

  const char* name() const override { return "SottoRelativeAttention"; }
  bool is_equivalent(const mx::Primitive& other) const override { return static_cast<const RelativeAttention&>(other).back_ == back_; }

 private:
  static void run(float* qkv, float* distances, const float* u, const float* v, int64_t B, const Sizes& n, float* out) {
    static thread_local std::vector<float> room;
    const int64_t D = n.H * n.d, own = n.key_size() + n.value_size();
    float* packed = room_for(room, B * n.H * own + n.H * n.distance_size());
    float* distant = packed + B * n.H * own;
    parallel_for(B * n.H + n.H, 1 + (1 << 14) / (n.T * n.d), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const int64_t b = i / n.H, h = i % n.H;
        if (b == B) {
          panels_of_rows({distances + h * n.d, D}, n.distances(), n.d, distant + h * n.distance_size());
          continue;
        }
        float* head = qkv + b * n.T * 3 * D + h * n.d;
        panels_of_rows({head + D, 3 * D}, n.T, n.d, packed + i * own);
        panels_of_columns({head + 2 * D, 3 * D}, n.T, n.d, packed + i * own + n.key_size());
      }
    });
    const int64_t blocks = (n.T + kBlockRows - 1) / kBlockRows;
    // Blocks of a head are consecutive, so that a thread keeps its keys and values in cache.
    parallel_for(B * n.H * blocks, 1 + (1 << 20) / (std::min(n.T, kBlockRows) * std::min(n.T, n.distances()) * n.d), [&](int64_t begin, int64_t end) {
      for (int64_t task = begin; task < end; ++task) {
        const int64_t first = task % blocks * kBlockRows, i = task / blocks, b = i / n.H, h = i % n.H;
        const float* keys = packed + i * own;
        attend_block({qkv + (b * n.T + first) * 3 * D + h * n.d, 3 * D}, std::min(kBlockRows, n.T - first), first, u + h * n.d,
                     v + h * n.d, keys, keys + n.key_size(), distant + h * n.distance_size(), n,
                     {out + (b * n.T + first) * D + h * n.d, D});
      }
    });
  }

  int64_t back_;
};

}  // namespace

mx::array relative_attention(const mx::array& qkv, const mx::array& distances, const mx::array& u, const mx::array& v,
                             std::optional<int> back, mx::StreamOrDevice where) {
  const auto fits = [&] {
    if (qkv.ndim() != 3 || qkv.size() == 0 || u.ndim() != 2 || u.size() == 0 || v.shape() != u.shape()) return false;
    const int64_t D = static_cast<int64_t>(u.shape(0)) * u.shape(1);
    const int64_t T = qkv.shape(1), rows = distances.ndim() == 2 ? distances.shape(0) : 0, before = back.value_or(static_cast<int>(T) - 1);
    const bool sees = back ? before >= 0 && before < T && rows > before && rows - 1 - before < T : rows == 2 * T - 1;
    return qkv.shape(2) == 3 * D && sees && distances.shape(1) == D;
  };
  const auto is_float = [](const mx::array& x) { return x.dtype() == mx::float32; };
  if (!fits() || !is_float(qkv) || !is_float(distances) || !is_float(u) || !is_float(v))
    throw std::invalid_argument("[relative_attention] takes float32 qkv [B, T, 3 H D], distances [2 T - 1 or fewer, H D], u and v [H, D]");
  const mx::Stream stream = mx::to_stream(where);
  auto whole = [&](const mx::array& x) { return mx::contiguous(x, false, stream); };
  return mx::array({qkv.shape(0), qkv.shape(1), static_cast<mx::ShapeElem>(u.size())}, mx::float32,
                   std::make_shared<RelativeAttention>(stream, back.value_or(qkv.shape(1) - 1)), {whole(qkv), whole(distances), whole(u), whole(v)});
}

}  // namespace sotto::cpu

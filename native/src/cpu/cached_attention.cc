// Attention of a decode step: few queries over keys and values in the layout of attention.h.
#include <cmath>
#include <vector>

#include "attention.h"
#include "attention_loops.h"
#include "kernels.h"
#include "pool.h"
#include "primitive.h"
#include "rows.h"

namespace sotto::cpu {

namespace mx = mlx::core;

namespace {

void require(bool fits, const char* what) {
  if (!fits) throw std::invalid_argument(what);
}

/** Multiply-adds below which the heads run on one thread. */
constexpr int64_t kMinParallelWork = 1 << 15;

template <class Body>
void over_heads(int64_t heads, int64_t work, const Body& body) {
  if (work >= kMinParallelWork) return parallel_parts(heads, body);
  for (int64_t i = 0; i < heads; ++i) body(i);
}

/** The query scaled by 1 / √d, followed by room for the scores of n keys. */
float* scaled(const float* q, int64_t d, int64_t n) {
  static thread_local std::vector<float> room;
  float* to = room_for(room, d + n + kPanel);
  const float scale = 1.0f / std::sqrt(static_cast<float>(d));
  for (int64_t i = 0; i < d; ++i) to[i] = q[i] * scale;
  return to;
}

int64_t panels_for(int64_t n) { return (n + kPanel - 1) / kPanel; }

class CrossAttentionCache : public CpuPrimitive {
 public:
  CrossAttentionCache(mx::Stream stream, int heads) : CpuPrimitive(stream), heads_(heads) {}

  void eval_cpu(const std::vector<mx::array>& inputs, std::vector<mx::array>& outputs) override {
    for (auto& out : outputs) allocate(out);
    queue(inputs, outputs, [kv = weak(inputs[0]), keys = weak(outputs[0]), values = weak(outputs[1]), H = int64_t{heads_}]() mutable {
      static thread_local std::vector<float> room;
      const int64_t T = values.shape(2), d = values.shape(3), panels = keys.shape(2);
      const Rows rows = rows_of(kv, room);
      parallel_parts(keys.shape(0) * H, [&](int64_t i) {
        const float* key = rows.data + i / H * T * rows.stride + i % H * d;
        auto* to_key = keys.data<Half>() + i * panels * d * kPanel;
        auto* to_value = values.data<Half>() + i * T * d;
        std::vector<Half> row(d);
        for (int64_t t = 0; t < panels * kPanel; ++t) {
          auto* to = to_key + t / kPanel * d * kPanel + t % kPanel;
          if (t >= T) {
            for (int64_t j = 0; j < d; ++j) to[j * kPanel] = {0};
            continue;
          }
          kernels().to_halves(key + t * rows.stride, d, row.data());
          for (int64_t j = 0; j < d; ++j) to[j * kPanel] = row[j];
          kernels().to_halves(key + t * rows.stride + H * d, d, to_value + t * d);
        }
      });
    });
  }

  const char* name() const override { return "SottoCrossAttentionCache"; }
  bool is_equivalent(const mx::Primitive& other) const override { return static_cast<const CrossAttentionCache&>(other).heads_ == heads_; }

 private:
  int heads_;
};

class CrossAttend : public CpuPrimitive {
 public:
  using CpuPrimitive::CpuPrimitive;

  void eval_cpu(const std::vector<mx::array>& inputs, std::vector<mx::array>& outputs) override {
    allocate(outputs[0]);
    queue(inputs, outputs, [q = weak(inputs[0]), keys = weak(inputs[1]), values = weak(inputs[2]), o = weak(outputs[0])]() mutable {
      static thread_local std::vector<float> room;
      cross_attend(rows_of(q, room), q.shape(0), q.shape(1), keys, values, o.data<float>());
    });
  }

  const char* name() const override { return "SottoCrossAttend"; }
  bool is_equivalent(const mx::Primitive&) const override { return true; }
};

class AttendCached : public CpuPrimitive {
 public:
  AttendCached(mx::Stream stream, int offset) : CpuPrimitive(stream), offset_(offset) {}

  void eval_cpu(const std::vector<mx::array>& inputs, std::vector<mx::array>& outputs) override {
    allocate(outputs[0]);
    queue(inputs, outputs, [qkv = weak(inputs[0]), keys = weak(inputs[1]), values = weak(inputs[2]), o = weak(outputs[0]),
                            offset = int64_t{offset_}]() mutable {
      static thread_local std::vector<float> room;
      attend_cached(rows_of(qkv, room), qkv.shape(0), qkv.shape(1), offset, keys, values, o.data<float>());
    });
  }

  const char* name() const override { return "SottoAttendCached"; }
  /** Never equivalent, because it writes. */
  bool is_equivalent(const mx::Primitive&) const override { return false; }

 private:
  int offset_;
};

}  // namespace

void cross_attend(Rows q, int64_t batch, int64_t queries, mx::array& keys, mx::array& values, float* out) {
  const int64_t H = values.shape(1), T = values.shape(2), d = values.shape(3), panels = keys.shape(2);
  if (values.shape(0) == 1) {
    queries *= batch;
    batch = 1;
  }
  over_heads(batch * H, batch * H * queries * T * d, [&](int64_t i) {
    const int64_t b = i / H, h = i % H;
    for (int64_t row = b * queries; row < (b + 1) * queries; ++row) {
      float* query = scaled(q.data + row * q.stride + h * d, d, T);
      float* scores = query + d;
      kernels().scores_half(query, d, keys.data<Half>() + i * panels * d * kPanel, panels, scores);
      const float inverse = kernels().softmax(scores, T, T);
      kernels().weighted_sum_half(scores, T, values.data<Half>() + i * T * d, d, inverse, out + (row * H + h) * d);
    }
  });
}

void attend_cached(Rows qkv, int64_t batch, int64_t added, int64_t offset, mx::array& keys, mx::array& values, float* out) {
  const int64_t H = values.shape(1), capacity = values.shape(2), d = values.shape(3), panels = keys.shape(2);
  over_heads(batch * H, batch * H * added * (offset + added) * d, [&](int64_t i) {
    const int64_t b = i / H, h = i % H;
    float* key_panels = keys.data<float>() + i * panels * d * kPanel;
    float* value_rows = values.data<float>() + i * capacity * d;
    for (int64_t t = 0; t < added; ++t) {
      const float* q = qkv.data + (b * added + t) * qkv.stride + h * d;
      const int64_t at = offset + t, n = at + 1;
      float* key = key_panels + at / kPanel * d * kPanel + at % kPanel;
      for (int64_t j = 0; j < d; ++j) key[j * kPanel] = q[H * d + j];
      std::copy(q + 2 * H * d, q + 2 * H * d + d, value_rows + at * d);
      float* query = scaled(q, d, n);
      float* scores = query + d;
      kernels().scores_float(query, d, key_panels, panels_for(n), scores);
      const float inverse = kernels().softmax(scores, n, n);
      kernels().weighted_sum_float(scores, n, value_rows, d, inverse, out + ((b * added + t) * H + h) * d);
    }
  });
}

void check_cache(const mx::array& keys, const mx::array& values, int64_t batch, int64_t width, mx::Dtype dtype) {
  require(keys.ndim() == 5 && values.ndim() == 4 && keys.dtype() == dtype && values.dtype() == dtype,
       "[attend] keys are [B, H, ⌈T / 16⌉, D, 16] and values [B, H, T, D], of the right dtype");
  const bool shared = dtype == mx::float16 && values.shape(0) == 1;
  require(keys.shape(0) == values.shape(0) && (shared || values.shape(0) == batch) && keys.shape(1) == values.shape(1) && keys.shape(3) == values.shape(3) &&
           keys.shape(4) == kPanel && keys.shape(2) == panels_for(values.shape(2)),
       "[attend] keys and values do not match");
  require(values.shape(3) % kPanel == 0 && int64_t{values.shape(1)} * values.shape(3) == width,
       "[attend] the head widths must be multiples of 16 that add up to the queries' width");
  require(values.shape(2) > 0, "[attend] the cache is empty");
}

std::pair<mx::array, mx::array> cross_attention_cache(const mx::array& kv, int heads, mx::StreamOrDevice where) {
  const mx::Stream stream = mx::to_stream(where);
  require(kv.ndim() == 3 && kv.dtype() == mx::float32 && heads > 0 && kv.shape(2) % 2 == 0 && kv.shape(2) / 2 % heads == 0 && kv.shape(1) > 0,
       "[crossAttentionCache] takes keys and values [B, T, 2 H D] in float32");
  const auto d = kv.shape(2) / 2 / heads;
  require(d % kPanel == 0, "[crossAttentionCache] a head's width must be a multiple of 16");
  auto result = mx::array::make_arrays(
      {{kv.shape(0), heads, static_cast<mx::ShapeElem>(panels_for(kv.shape(1))), d, static_cast<mx::ShapeElem>(kPanel)},
       {kv.shape(0), heads, kv.shape(1), d}},
      {mx::float16, mx::float16}, std::make_shared<CrossAttentionCache>(stream, heads), {kv});
  return {result[0], result[1]};
}

mx::array cross_attend(const mx::array& q, const mx::array& keys, const mx::array& values, mx::StreamOrDevice where) {
  require(q.ndim() == 3 && q.dtype() == mx::float32, "[attend] queries are float32 [B, T, H D]");
  check_cache(keys, values, q.shape(0), q.shape(2), mx::float16);
  return mx::array(q.shape(), mx::float32, std::make_shared<CrossAttend>(mx::to_stream(where)), {q, keys, values});
}

mx::array attend_cached(const mx::array& qkv, const mx::array& keys, const mx::array& values, int offset, mx::StreamOrDevice where) {
  require(qkv.ndim() == 3 && qkv.dtype() == mx::float32 && qkv.shape(2) % 3 == 0, "[attend] qkv is float32 [B, T, 3 H D]");
  check_cache(keys, values, qkv.shape(0), qkv.shape(2) / 3, mx::float32);
  require(offset >= 0 && offset <= values.shape(2) - qkv.shape(1), "[attend] the positions do not fit the cache");
  return mx::array({qkv.shape(0), qkv.shape(1), qkv.shape(2) / 3}, mx::float32,
                   std::make_shared<AttendCached>(mx::to_stream(where), offset), {qkv, keys, values});
}

}  // namespace sotto::cpu

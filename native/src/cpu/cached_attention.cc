// Attention of a decode step: few queries over keys and values in the layout of attention.h.
#include <algorithm>
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

int64_t panels_for(int64_t n) { return (n + kPanel - 1) / kPanel; }
int64_t padded(int64_t d) { return panels_for(d) * kPanel; }

/** Rooms of one thread for a query of width d over n keys. */
struct QueryRoom {
  float* query;
  float* scores;
  float* sum;
};

/** The query scaled by 1 / √d, and room for its scores and for a padded result. */
QueryRoom scaled(const float* q, int64_t d, int64_t n) {
  static thread_local std::vector<float> room;
  float* query = room_for(room, 2 * padded(d) + n + kPanel);
  const float scale = 1.0f / std::sqrt(static_cast<float>(d));
  for (int64_t i = 0; i < d; ++i) query[i] = q[i] * scale;
  return {query, query + 2 * padded(d), query + padded(d)};
}

/** Where a result of width d is summed: in place, unless its rows are padded. */
float* sum_at(const QueryRoom& room, float* out, int64_t d) { return padded(d) == d ? out : room.sum; }

void take_sum(const float* sum, float* out, int64_t d) {
  if (sum != out) std::copy(sum, sum + d, out);
}

/** Cosines and sines of `added` positions from `offset`: [added, dims / 2, 2]. */
std::vector<float> turns_of(const Rotation& rotation, int64_t offset, int64_t added) {
  std::vector<float> turns(added * rotation.dims);
  float* to = turns.data();
  for (int64_t t = 0; t < added; ++t) {
    for (int i = 0; i < rotation.dims; i += 2) {
      const double angle = static_cast<double>(offset + t) * std::pow(rotation.base, -static_cast<double>(i) / rotation.dims);
      *to++ = static_cast<float>(std::cos(angle));
      *to++ = static_cast<float>(std::sin(angle));
    }
  }
  return turns;
}

/** Turns the first `dims` numbers in adjacent pairs. */
void rotate(float* x, const float* turns, int dims) {
  for (int i = 0; i < dims; i += 2) {
    const float a = x[i], b = x[i + 1], cosine = turns[i], sine = turns[i + 1];
    x[i] = a * cosine - b * sine;
    x[i + 1] = a * sine + b * cosine;
  }
}

class CrossAttentionCache : public CpuPrimitive {
 public:
  CrossAttentionCache(mx::Stream stream, int heads) : CpuPrimitive(stream), heads_(heads) {}

  void eval_cpu(const std::vector<mx::array>& inputs, std::vector<mx::array>& outputs) override {
    for (auto& out : outputs) allocate(out);
    queue(inputs, outputs, [kv = weak(inputs[0]), keys = weak(outputs[0]), values = weak(outputs[1]), H = int64_t{heads_}]() mutable {
      static thread_local std::vector<float> room;
      const int64_t T = values.shape(2), d = keys.shape(3), row_length = values.shape(3), panels = keys.shape(2);
      const Rows rows = rows_of(kv, room);
      parallel_parts(keys.shape(0) * H, [&](int64_t i) {
        const float* key = rows.data + i / H * T * rows.stride + i % H * d;
        auto* to_key = keys.data<Half>() + i * panels * d * kPanel;
        auto* to_value = values.data<Half>() + i * T * row_length;
        std::vector<Half> row(d);
        for (int64_t t = 0; t < panels * kPanel; ++t) {
          auto* to = to_key + t / kPanel * d * kPanel + t % kPanel;
          if (t >= T) {
            for (int64_t j = 0; j < d; ++j) to[j * kPanel] = {0};
            continue;
          }
          kernels().to_halves(key + t * rows.stride, d, row.data());
          for (int64_t j = 0; j < d; ++j) to[j * kPanel] = row[j];
          kernels().to_halves(key + t * rows.stride + H * d, d, to_value + t * row_length);
          for (int64_t j = d; j < row_length; ++j) to_value[t * row_length + j] = {0};
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
  AttendCached(mx::Stream stream, int offset, Rotation rotation) : CpuPrimitive(stream), offset_(offset), rotation_(rotation) {}

  void eval_cpu(const std::vector<mx::array>& inputs, std::vector<mx::array>& outputs) override {
    allocate(outputs[0]);
    queue(inputs, outputs, [qkv = weak(inputs[0]), keys = weak(inputs[1]), values = weak(inputs[2]), o = weak(outputs[0]),
                            offset = int64_t{offset_}, rotation = rotation_]() mutable {
      static thread_local std::vector<float> room;
      attend_cached(rows_of(qkv, room), qkv.shape(0), qkv.shape(1), offset, keys, values, o.data<float>(), rotation);
    });
  }

  const char* name() const override { return "SottoAttendCached"; }
  /** Never equivalent, because it writes. */
  bool is_equivalent(const mx::Primitive&) const override { return false; }

 private:
  int offset_;
  Rotation rotation_;
};

class ReorderCache : public CpuPrimitive {
 public:
  ReorderCache(mx::Stream stream, int filled) : CpuPrimitive(stream), filled_(filled) {}

  void eval_cpu(const std::vector<mx::array>& inputs, std::vector<mx::array>& outputs) override {
    for (auto& out : outputs) allocate(out);
    queue(inputs, outputs, [rows = weak(inputs[0]), keys = weak(inputs[1]), values = weak(inputs[2]), new_keys = weak(outputs[0]),
                            new_values = weak(outputs[1]), filled = int64_t{filled_}]() mutable {
      const int64_t heads = values.shape(1);
      // The panel that the next position is written to is copied too.
      const int64_t panels = std::min(int64_t{keys.shape(2)}, filled / kPanel + 1);
      const int64_t panel_floats = int64_t{keys.shape(3)} * kPanel, row_length = values.shape(3);
      parallel_parts(rows.size() * heads, [&](int64_t i) {
        const int64_t from = int64_t{rows.data<int32_t>()[i / heads]} * heads + i % heads;
        const int64_t key_floats = keys.shape(2) * panel_floats, value_floats = values.shape(2) * row_length;
        std::copy_n(keys.data<float>() + from * key_floats, panels * panel_floats, new_keys.data<float>() + i * key_floats);
        std::copy_n(values.data<float>() + from * value_floats, filled * row_length, new_values.data<float>() + i * value_floats);
      });
    });
  }

  const char* name() const override { return "SottoReorderCache"; }
  bool is_equivalent(const mx::Primitive&) const override { return false; }

 private:
  int filled_;
};

}  // namespace

void cross_attend(Rows q, int64_t batch, int64_t queries, mx::array& keys, mx::array& values, float* out) {
  const int64_t H = values.shape(1), T = values.shape(2), d = keys.shape(3), row_length = values.shape(3), panels = keys.shape(2);
  if (values.shape(0) == 1) {
    queries *= batch;
    batch = 1;
  }
  over_heads(batch * H, batch * H * queries * T * d, [&](int64_t i) {
    const int64_t b = i / H, h = i % H;
    for (int64_t row = b * queries; row < (b + 1) * queries; ++row) {
      const QueryRoom room = scaled(q.data + row * q.stride + h * d, d, T);
      float* to = out + (row * H + h) * d;
      float* sum = sum_at(room, to, d);
      kernels().scores_half(room.query, d, keys.data<Half>() + i * panels * d * kPanel, panels, room.scores);
      const float inverse = kernels().softmax(room.scores, T, T);
      kernels().weighted_sum_half(room.scores, T, values.data<Half>() + i * T * row_length, row_length, inverse, sum);
      take_sum(sum, to, d);
    }
  });
}

void attend_cached(Rows qkv, int64_t batch, int64_t added, int64_t offset, mx::array& keys, mx::array& values, float* out,
                   Rotation rotation) {
  const int64_t H = values.shape(1), capacity = values.shape(2), d = keys.shape(3), row_length = values.shape(3);
  const int64_t panels = keys.shape(2);
  const std::vector<float> turns = turns_of(rotation, offset, added);
  over_heads(batch * H, batch * H * added * (offset + added) * d, [&](int64_t i) {
    const int64_t b = i / H, h = i % H;
    float* key_panels = keys.data<float>() + i * panels * d * kPanel;
    float* value_rows = values.data<float>() + i * capacity * row_length;
    for (int64_t t = 0; t < added; ++t) {
      const float* q = qkv.data + (b * added + t) * qkv.stride + h * d;
      const int64_t at = offset + t, n = at + 1;
      const QueryRoom room = scaled(q, d, n);
      float* turned = room.sum;  // free until the values are summed
      std::copy(q + H * d, q + H * d + d, turned);
      rotate(turned, turns.data() + t * rotation.dims, rotation.dims);
      rotate(room.query, turns.data() + t * rotation.dims, rotation.dims);
      float* key = key_panels + at / kPanel * d * kPanel + at % kPanel;
      for (int64_t j = 0; j < d; ++j) key[j * kPanel] = turned[j];
      std::copy(q + 2 * H * d, q + 2 * H * d + d, value_rows + at * row_length);
      float* to = out + ((b * added + t) * H + h) * d;
      float* sum = sum_at(room, to, d);
      kernels().scores_float(room.query, d, key_panels, panels_for(n), room.scores);
      const float inverse = kernels().softmax(room.scores, n, n);
      kernels().weighted_sum_float(room.scores, n, value_rows, row_length, inverse, sum);
      take_sum(sum, to, d);
    }
  });
}

void check_cache(const mx::array& keys, const mx::array& values, int64_t batch, int64_t width, mx::Dtype dtype) {
  require(keys.ndim() == 5 && values.ndim() == 4 && keys.dtype() == dtype && values.dtype() == dtype,
       "[attend] keys are [B, H, ⌈T / 16⌉, D, 16] and values [B, H, T, ⌈D / 16⌉ 16], of the right dtype");
  const bool shared = dtype == mx::float16 && values.shape(0) == 1;
  require(keys.shape(0) == values.shape(0) && (shared || values.shape(0) == batch) && keys.shape(1) == values.shape(1) && padded(keys.shape(3)) == values.shape(3) &&
           keys.shape(4) == kPanel && keys.shape(2) == panels_for(values.shape(2)),
       "[attend] keys and values do not match");
  require(int64_t{keys.shape(1)} * keys.shape(3) == width, "[attend] the head widths must add up to the queries' width");
  require(values.shape(2) > 0, "[attend] the cache is empty");
}

std::pair<mx::array, mx::array> cross_attention_cache(const mx::array& kv, int heads, mx::StreamOrDevice where) {
  const mx::Stream stream = mx::to_stream(where);
  require(kv.ndim() == 3 && kv.dtype() == mx::float32 && heads > 0 && kv.shape(2) % 2 == 0 && kv.shape(2) / 2 % heads == 0 && kv.shape(1) > 0,
       "[crossAttentionCache] takes keys and values [B, T, 2 H D] in float32");
  const auto d = kv.shape(2) / 2 / heads;
  auto result = mx::array::make_arrays(
      {{kv.shape(0), heads, static_cast<mx::ShapeElem>(panels_for(kv.shape(1))), d, static_cast<mx::ShapeElem>(kPanel)},
       {kv.shape(0), heads, kv.shape(1), static_cast<mx::ShapeElem>(padded(d))}},
      {mx::float16, mx::float16}, std::make_shared<CrossAttentionCache>(stream, heads), {kv});
  return {result[0], result[1]};
}

mx::array cross_attend(const mx::array& q, const mx::array& keys, const mx::array& values, mx::StreamOrDevice where) {
  require(q.ndim() == 3 && q.dtype() == mx::float32, "[attend] queries are float32 [B, T, H D]");
  check_cache(keys, values, q.shape(0), q.shape(2), mx::float16);
  return mx::array(q.shape(), mx::float32, std::make_shared<CrossAttend>(mx::to_stream(where)), {q, keys, values});
}

mx::array attend_cached(const mx::array& qkv, const mx::array& keys, const mx::array& values, int offset, Rotation rotation,
                        mx::StreamOrDevice where) {
  require(qkv.ndim() == 3 && qkv.dtype() == mx::float32 && qkv.shape(2) % 3 == 0, "[attend] qkv is float32 [B, T, 3 H D]");
  check_cache(keys, values, qkv.shape(0), qkv.shape(2) / 3, mx::float32);
  require(offset >= 0 && offset <= values.shape(2) - qkv.shape(1), "[attend] the positions do not fit the cache");
  require(rotation.dims >= 0 && rotation.dims % 2 == 0 && rotation.dims <= keys.shape(3), "[attend] a head has no such dims to rotate");
  require(rotation.dims == 0 || rotation.base > 0, "[attend] the base of a rotation must be above 0");
  return mx::array({qkv.shape(0), qkv.shape(1), qkv.shape(2) / 3}, mx::float32,
                   std::make_shared<AttendCached>(mx::to_stream(where), offset, rotation), {qkv, keys, values});
}

std::pair<mx::array, mx::array> reorder_cache(const mx::array& keys, const mx::array& values, const std::vector<int>& rows, int filled,
                                              mx::StreamOrDevice where) {
  check_cache(keys, values, values.shape(0), values.shape(1) * keys.shape(3), mx::float32);
  require(filled >= 0 && filled <= values.shape(2), "[reorderCache] the cache has fewer positions");
  require(!rows.empty(), "[reorderCache] no rows");
  for (const int row : rows) require(row >= 0 && row < values.shape(0), "[reorderCache] the cache has no such row");
  const mx::Stream stream = mx::to_stream(where);
  auto shapes = std::vector<mx::Shape>{keys.shape(), values.shape()};
  for (auto& shape : shapes) shape[0] = static_cast<mx::ShapeElem>(rows.size());
  auto result = mx::array::make_arrays(std::move(shapes), {mx::float32, mx::float32}, std::make_shared<ReorderCache>(stream, filled),
                                       {mx::array(rows.data(), {static_cast<mx::ShapeElem>(rows.size())}, mx::int32),
                                        mx::contiguous(keys, false, stream), mx::contiguous(values, false, stream)});
  return {result[0], result[1]};
}

}  // namespace sotto::cpu

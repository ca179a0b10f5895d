#include "linear_loops.h"

#include <algorithm>
#include <stdexcept>

#include "kernels_common.h"
#include "pool.h"

namespace sotto::cpu {

namespace mx = mlx::core;

namespace {

/** Up to this many rows, weights are converted on the fly; for more rows they are expanded once. */
constexpr int64_t kFewRows = 48;
/** Panels per part of a large product: their expanded weights fit the second-level cache. */
constexpr int64_t kBlockPanels = 4;
/** Minimum weights per part of a small product. */
constexpr int64_t kWeightsPerPart = 1 << 16;

Epilogue from(const Epilogue& f, int64_t row, int64_t column) {
  Epilogue part = f;
  part.out += row * f.out_stride + column;
  part.n -= column;
  if (f.bias) part.bias += column;
  if (f.residual) part.residual += row * f.residual_stride + column;
  return part;
}

void small_product(const Rows& x, int64_t rows, const Panels& w, const Epilogue& epilogue) {
  static thread_local std::vector<float> sums;
  if (w.group > 0) {
    const int64_t groups = w.k / w.group;
    room_for(sums, rows * groups);
    for (int64_t row = 0; row < rows; ++row) kernels().sum_groups(x.data + row * x.stride, w.k, w.group, sums.data() + row * groups);
  }
  const float* group_sums = sums.data();
  const int64_t blocks = (w.count() + kBlockPanels - 1) / kBlockPanels;
  const int64_t parts = std::clamp<int64_t>(w.n * w.k / kWeightsPerPart, 1, std::min(blocks, 16 * threads()));
  parallel_parts(parts, [&](int64_t part) {
    const int64_t begin = blocks * part / parts * kBlockPanels;
    const int64_t end = std::min(blocks * (part + 1) / parts * kBlockPanels, w.count());
    kernels().small_product(x.data, x.stride, rows, group_sums, w, begin, end, epilogue);
  });
}

void large_product(const Rows& x, int64_t rows, const Panels& w, const Epilogue& epilogue) {
  const int64_t blocks = (w.count() + kBlockPanels - 1) / kBlockPanels;
  const int64_t row_blocks = std::clamp<int64_t>(4 * threads() / blocks, 1, std::max<int64_t>(rows / 96, 1));
  parallel_parts(blocks * row_blocks, [&](int64_t part) {
    static thread_local std::vector<float> room;
    const int64_t panel = part % blocks * kBlockPanels, count = std::min(kBlockPanels, w.count() - panel);
    const int64_t row = rows * (part / blocks) / row_blocks, end = rows * (part / blocks + 1) / row_blocks;
    const float* weights;
    if (w.kind == Panels::Kind::float32) {
      weights = static_cast<const float*>(w.data) + panel * w.k * kPanel;
    } else {
      float* to = room_for(room, count * w.k * kPanel);
      for (int64_t i = 0; i < count; ++i) kernels().expand(w, panel + i, to + i * w.k * kPanel);
      weights = to;
    }
    kernels().product(x.data + row * x.stride, x.stride, end - row, weights, w.k * kPanel, count, w.k,
                      from(epilogue, row, panel * kPanel));
  });
}

float item(const Panels& w, int64_t row, int64_t column) {
  const int64_t at = (row / kPanel * w.k + column) * kPanel + row % kPanel;
  switch (w.kind) {
    case Panels::Kind::float16: return to_float(static_cast<const Half*>(w.data)[at]);
    case Panels::Kind::bfloat16: return to_float(static_cast<const BFloat16*>(w.data)[at]);
    case Panels::Kind::codes: {
      const int64_t group = (row / kPanel * (w.k / w.group) + column / w.group) * kPanel + row % kPanel;
      return static_cast<float>(static_cast<const uint8_t*>(w.data)[at]) * w.scales[group] + w.biases[group];
    }
    default: return static_cast<const float*>(w.data)[at];
  }
}

}  // namespace

void read_row(const Panels& w, int64_t row, float* to) {
  for (int64_t j = 0; j < w.k; ++j) to[j] = item(w, row, j);
}

Panels view_of(const mx::array& data, int64_t n, const mx::array* scales, const mx::array* biases) {
  Panels w{Panels::Kind::float32, data.data<void>(), n, data.shape(-2)};
  if (data.dtype() == mx::float16) w.kind = Panels::Kind::float16;
  if (data.dtype() == mx::bfloat16) w.kind = Panels::Kind::bfloat16;
  if (scales != nullptr) {
    w.kind = Panels::Kind::codes;
    w.scales = scales->data<float>();
    w.biases = biases->data<float>();
    w.group = w.k / scales->shape(-2);
  }
  return w;
}

int64_t check_weights(const mx::array& panels, const mx::array* scales, const mx::array* biases, int64_t n, int64_t k) {
  const auto require = [](bool fits, const char* what) {
    if (!fits) throw std::invalid_argument(what);
  };
  require(panels.ndim() == 3 && panels.shape(2) == kPanel, "[linear] panels are [⌈n / 16⌉, k, 16]");
  require(n > 0 && (n + kPanel - 1) / kPanel == panels.shape(0), "[linear] the panels have a different number of outputs");
  require(k == 0 || k == panels.shape(1), "[linear] the panels have a different number of inputs");
  require((scales != nullptr) == (panels.dtype() == mx::uint8) && (biases != nullptr) == (scales != nullptr),
       "[linear] quantized weights, and only those, have scales and biases");
  if (scales != nullptr) {
    require(scales->shape() == biases->shape() && scales->dtype() == mx::float32 && biases->dtype() == mx::float32 &&
             scales->ndim() == 3 && scales->shape(0) == panels.shape(0) && scales->shape(2) == kPanel && scales->shape(1) > 0 &&
             panels.shape(1) % scales->shape(1) == 0 && (panels.shape(1) / scales->shape(1)) % kPanel == 0,
         "[linear] scales and biases are float32 panels, one entry for a group of 16, 32, 64 or 128 columns");
  }
  return panels.shape(1);
}

void run_linear(Rows x, int64_t rows, const Norm& norm, const Panels& w, const Epilogue& epilogue) {
  static thread_local std::vector<float> room;
  if (norm.eps > 0) {
    float* normed = room_for(room, rows * w.k);
    parallel_for(rows, 64, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row)
        kernels().layer_norm(x.data + row * x.stride, w.k, norm.weight, norm.bias, norm.eps, normed + row * w.k);
    });
    x = {normed, w.k};
  }
  if (rows <= kFewRows) small_product(x, rows, w, epilogue);
  else large_product(x, rows, w, epilogue);
}

}  // namespace sotto::cpu

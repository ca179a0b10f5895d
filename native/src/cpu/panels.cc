#include "panels.h"

#include <cstring>

#include "pool.h"
#include "primitive.h"

namespace sotto::cpu {

namespace mx = mlx::core;

namespace {

/** Up to 16 rows [16][k], the missing ones zeros, into one panel [k][16]. */
template <class T>
void interleave(const T* rows, int64_t k, T* panel) {
  for (int64_t i = 0; i < k; ++i) {
    for (int64_t r = 0; r < kPanel; ++r) panel[i * kPanel + r] = rows[r * k + i];
  }
}

/** `count` numbers of `bits` bits each, packed without gaps, the lowest bits first. */
void unpack(const uint8_t* from, int64_t count, int bits, uint8_t* to) {
  const uint32_t mask = (1u << bits) - 1;
  int64_t i = 0;
  // Eight numbers fill `bits` bytes exactly.
  for (; i + 8 <= count; i += 8, from += bits) {
    uint64_t window = 0;
    std::memcpy(&window, from, bits);
    for (int j = 0; j < 8; ++j) to[i + j] = static_cast<uint8_t>(window >> (j * bits) & mask);
  }
}

class ToPanels : public CpuPrimitive {
 public:
  ToPanels(mx::Stream stream, int bits) : CpuPrimitive(stream), bits_(bits) {}

  void eval_cpu(const std::vector<mx::array>& inputs, std::vector<mx::array>& outputs) override {
    auto& out = outputs[0];
    out.set_data(mx::allocator::malloc(out.nbytes()));
    queue(inputs, outputs, [w = weak(inputs[0]), o = weak(out), bits = bits_]() mutable {
      if (o.size() == 0) return;
      switch (o.itemsize()) {
        case 1: return fill<uint8_t>(w, o, bits);
        case 2: return fill<uint16_t>(w, o, bits);
        default: return fill<uint32_t>(w, o, bits);
      }
    });
  }

  const char* name() const override { return "SottoPanels"; }
  bool is_equivalent(const mx::Primitive& other) const override { return static_cast<const ToPanels&>(other).bits_ == bits_; }

 private:
  template <class T>
  static void fill(mx::array& w, mx::array& out, int bits) {
    const int64_t n = w.shape(-2), k = out.shape(-2), panels = out.shape(-3), matrices = out.size() / (panels * k * kPanel);
    const int64_t row_bytes = w.shape(-1) * static_cast<int64_t>(w.itemsize());
    const auto* from = w.data<uint8_t>();
    auto* to = out.data<T>();
    parallel_for(matrices * panels, 1 + (1 << 16) / (k * kPanel), [&](int64_t begin, int64_t end) {
      std::vector<T> rows(kPanel * k);
      for (int64_t panel = begin; panel < end; ++panel) {
        const int64_t first = panel % panels * kPanel;
        for (int64_t r = 0; r < kPanel; ++r) {
          T* row = rows.data() + r * k;
          const auto* source = from + (panel / panels * n + first + r) * row_bytes;
          if (first + r >= n) std::memset(row, 0, k * sizeof(T));
          else if (bits == 0 || bits == 8) std::memcpy(row, source, k * sizeof(T));
          else unpack(source, k, bits, reinterpret_cast<uint8_t*>(row));
        }
        interleave(rows.data(), k, to + panel * k * kPanel);
      }
    });
  }

  int bits_;
};

}  // namespace

mx::array panels_of(const mx::array& w, int bits, mx::StreamOrDevice where) {
  const mx::Stream stream = mx::to_stream(where);
  if (w.ndim() < 2) throw std::invalid_argument("[panels] takes matrices [..., n, k]");
  if (bits != 0 && (bits < 2 || bits > 8 || bits == 7 || w.dtype() != mx::uint32)) {
    throw std::invalid_argument("[panels] packed weights are uint32, of 2 to 6 or 8 bits each");
  }
  if (bits == 0 && w.dtype() != mx::float32 && w.dtype() != mx::float16 && w.dtype() != mx::bfloat16) {
    throw std::invalid_argument("[panels] takes float32, float16 or bfloat16, or packed weights with their bits");
  }
  auto shape = w.shape();
  const auto n = shape[shape.size() - 2];
  const auto k = bits == 0 ? shape.back() : static_cast<mx::ShapeElem>(static_cast<int64_t>(shape.back()) * 32 / bits);
  shape[shape.size() - 2] = static_cast<mx::ShapeElem>((n + kPanel - 1) / kPanel);
  shape.back() = k;
  shape.push_back(static_cast<mx::ShapeElem>(kPanel));
  return mx::array(std::move(shape), bits == 0 ? w.dtype() : mx::uint8, std::make_shared<ToPanels>(stream, bits),
                   {mx::contiguous(w, false, stream)});
}

}  // namespace sotto::cpu

#include <algorithm>
#include <stdexcept>

#include "kernels.h"
#include "parallel.h"
#include "vector_math.h"

#include <mlx/backend/common/unary.h>
#include <mlx/backend/cpu/encoder.h>
#include <mlx/primitives.h>

namespace sotto::cpu {

namespace mx = mlx::core;

namespace {

SOTTO_INLINE Lanes gelu_lanes(Lanes x) { return x * 0.5f * (erf(x * 0.70710678118654752f) + 1.0f); }

SOTTO_CLONES void gelu_span(const float* from, float* to, int64_t n) {
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) store(to + i, gelu_lanes(load(from + i)));
  if (i == n) return;
  float tail[kLanes] = {};
  std::copy(from + i, from + n, tail);
  store(tail, gelu_lanes(load(tail)));
  std::copy(tail, tail + (n - i), to + i);
}

class Gelu : public mx::Primitive {
 public:
  explicit Gelu(mx::Stream stream) : mx::Primitive(stream) {}

  void eval_cpu(const std::vector<mx::array>& inputs, std::vector<mx::array>& outputs) override {
    // `gelu` made the input contiguous, so its buffer is walked as one line, whatever the order of the axes.
    mx::set_unary_output_data(inputs[0], outputs[0]);
    auto& encoder = mx::cpu::get_command_encoder(stream());
    encoder.set_input_array(inputs[0]);
    encoder.set_output_array(outputs[0]);
    encoder.dispatch([in = mx::array::unsafe_weak_copy(inputs[0]), out = mx::array::unsafe_weak_copy(outputs[0])]() mutable {
      const float* from = in.data<float>();
      float* to = out.data<float>();
      parallel_for(in.data_size(), 65536, [&](int64_t begin, int64_t end) { gelu_span(from + begin, to + begin, end - begin); });
    });
  }

  void eval_gpu(const std::vector<mx::array>&, std::vector<mx::array>&) override {
    throw std::runtime_error("this GELU kernel runs on the CPU only");
  }

  const char* name() const override { return "SottoGelu"; }
  bool is_equivalent(const mx::Primitive&) const override { return true; }
  std::vector<mx::Shape> output_shapes(const std::vector<mx::array>& inputs) override { return {inputs[0].shape()}; }
};

}  // namespace

bool gelu_applies(const mx::array& x, mx::StreamOrDevice where) {
  return mx::to_stream(where).device == mx::Device::cpu && x.dtype() == mx::float32;
}

mx::array gelu(const mx::array& x, mx::StreamOrDevice where) {
  const mx::Stream stream = mx::to_stream(where);
  return mx::array(x.shape(), mx::float32, std::make_shared<Gelu>(stream), {mx::contiguous(x, true, stream)});
}

}  // namespace sotto::cpu

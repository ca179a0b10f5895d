#include "lstm.h"

#include <cmath>

#include "kernels.h"
#include "linear_loops.h"
#include "primitive.h"
#include "rows.h"

namespace sotto::cpu {

namespace mx = mlx::core;

namespace {

float sigmoid(float x) { return 1.0f / (1.0f + std::exp(-x)); }

class Lstm : public CpuPrimitive {
 public:
  using CpuPrimitive::CpuPrimitive;

  void eval_cpu(const std::vector<mx::array>& inputs, std::vector<mx::array>& outputs) override {
    for (auto& out : outputs) allocate(out);
    queue(inputs, outputs, [in = weak(inputs), results = weak(outputs)]() mutable {
      static thread_local std::vector<float> gates_room, state_room, sums_room;
      const int64_t steps = results[0].shape(0), units = results[0].shape(1);
      const Rows gates = rows_of(in[0], gates_room), state = rows_of(in[2], state_room);
      const Panels weights = view_of(in[1], 4 * units, nullptr, nullptr);
      float* sums = room_for(sums_room, 4 * units);
      float* cell = results[1].data<float>() + units;
      std::copy(state.data + state.stride, state.data + state.stride + units, cell);
      const float* previous = state.data;
      for (int64_t step = 0; step < steps; ++step) {
        Epilogue epilogue{sums, 4 * units, 4 * units};
        epilogue.residual = gates.data + step * gates.stride;
        kernels().small_product(previous, units, 1, nullptr, weights, 0, weights.count(), epilogue);
        float* out = results[0].data<float>() + step * units;
        for (int64_t u = 0; u < units; ++u) {
          cell[u] = sigmoid(sums[units + u]) * cell[u] + sigmoid(sums[u]) * std::tanh(sums[2 * units + u]);
          out[u] = sigmoid(sums[3 * units + u]) * std::tanh(cell[u]);
        }
        previous = out;
      }
      std::copy(previous, previous + units, results[1].data<float>());
    });
  }

  const char* name() const override { return "SottoLstm"; }
  bool is_equivalent(const mx::Primitive&) const override { return true; }
};

}  // namespace

std::pair<mx::array, mx::array> lstm(const mx::array& gates, const mx::array& wh, const mx::array& state, mx::StreamOrDevice where) {
  const auto fits = [&] {
    if (gates.ndim() != 2 || gates.size() == 0 || state.ndim() != 2 || state.shape(0) != 2 || wh.ndim() != 3) return false;
    const auto units = state.shape(1);
    return units > 0 && units % kPanel == 0 && gates.shape(1) == 4 * units && wh.shape(0) * kPanel == 4 * units &&
           wh.shape(1) == units && wh.shape(2) == kPanel;
  };
  if (!fits() || gates.dtype() != mx::float32 || state.dtype() != mx::float32 || wh.dtype() != mx::float32)
    throw std::invalid_argument(
        "[lstm] takes float32 gates [T, 4 U], weights in panels [4 U / 16, U, 16] and a state [2, U], U a multiple of 16");
  auto results = mx::array::make_arrays({{gates.shape(0), state.shape(1)}, {2, state.shape(1)}}, {mx::float32, mx::float32},
                                     std::make_shared<Lstm>(mx::to_stream(where)), {gates, mx::contiguous(wh, false, where), state});
  return {results[0], results[1]};
}

}  // namespace sotto::cpu

#include "cache_append.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <string>

#include "cpu/primitive.h"

#ifdef __APPLE__
#include <Metal/Metal.hpp>
#include <mlx/backend/metal/device.h>
#endif

namespace sotto {

namespace mx = mlx::core;

namespace {

#ifdef __APPLE__

/** Parameters of the kernel below. */
struct Sizes {
  int batch, heads, dims, room, position;
  int part, row, token, item;  // strides of qkv in elements: between keys and values, rows, tokens, items
};

/**
 * One thread per element of the new keys and values. `Item` is an integer of the element's size, since only bits are
 * copied.
 */
constexpr const char* kKernel = R"(
struct Sizes {
  int batch, heads, dims, room, position;
  int part, row, token, item;
};

kernel void append(device Item* buffer [[buffer(0)]],
                   const device Item* qkv [[buffer(1)]],
                   constant Sizes& sizes [[buffer(2)]],
                   uint3 at [[thread_position_in_grid]]) {
  const int i = int(at.x), t = int(at.y), plane = int(at.z);
  const int head = plane % sizes.heads, row = plane / sizes.heads % sizes.batch, part = plane / sizes.heads / sizes.batch;
  const int from = (1 + part) * sizes.part + row * sizes.row + t * sizes.token + (head * sizes.dims + i) * sizes.item;
  buffer[(plane * sizes.room + sizes.position + t) * sizes.dims + i] = qkv[from];
}
)";

std::string kernel_for(size_t item) {
  return std::string("#include <metal_stdlib>\nusing namespace metal;\ntypedef ") + (item == 2 ? "ushort" : "uint") + " Item;\n" +
         kKernel;
}

#endif

/** Elements from the first to the last one, inclusive. */
size_t span_of(const mx::Shape& shape, const mx::Strides& strides) {
  int64_t last = 0;
  for (size_t axis = 0; axis < shape.size(); ++axis) last += (shape[axis] - 1) * std::abs(strides[axis]);
  return static_cast<size_t>(last + 1);
}

class CacheAppend : public cpu::CpuPrimitive {
 public:
  CacheAppend(mx::Stream stream, int position) : CpuPrimitive(stream), position_(position) {}

  void eval_cpu(const std::vector<mx::array>& inputs, std::vector<mx::array>& outputs) override {
    share(inputs, outputs);
    queue(inputs, outputs, [qkv = cpu::weak(inputs[0]), buffer = cpu::weak(outputs[3]), position = position_]() mutable {
      const int64_t item = mx::size_of(buffer.dtype());
      const int64_t batch = buffer.shape(0) / 2, heads = buffer.shape(1), room = buffer.shape(2), dims = buffer.shape(3);
      const auto& strides = qkv.strides();
      const char* from = qkv.data<char>();
      char* to = buffer.data<char>();
      for (int64_t plane = 0; plane < 2 * batch * heads; ++plane) {
        const int64_t part = plane / heads / batch, row = plane / heads % batch, head = plane % heads;
        for (int64_t t = 0; t < qkv.shape(1); ++t) {
          const int64_t first = ((1 + part) * heads + head) * dims;
          const char* vector = from + (row * strides[0] + t * strides[1] + first * strides[2]) * item;
          char* place = to + (plane * room + position + t) * dims * item;
          for (int64_t i = 0; i < dims; ++i) std::memcpy(place + i * item, vector + i * strides[2] * item, item);
        }
      }
    });
  }

#ifdef __APPLE__
  void eval_gpu(const std::vector<mx::array>& inputs, std::vector<mx::array>& outputs) override {
    share(inputs, outputs);
    const auto& qkv = inputs[0];
    auto& buffer = outputs[3];
    const int heads = buffer.shape(1), dims = buffer.shape(3);
    const auto stride = [&](int axis) { return static_cast<int>(qkv.strides()[axis]); };
    const Sizes sizes{buffer.shape(0) / 2, heads,     dims,      buffer.shape(2), position_,
                      heads * dims * stride(2), stride(0), stride(1), stride(2)};
    const size_t item = mx::size_of(buffer.dtype());

    auto& device = mx::metal::device(stream().device);
    auto* library = device.get_library("sotto_append_" + std::to_string(item), [item] { return kernel_for(item); });
    auto& encoder = mx::metal::get_command_encoder(stream());
    encoder.set_compute_pipeline_state(device.get_kernel("append", library));
    // Declared as an output, so that MLX orders this after earlier reads of the buffer and before later accesses.
    encoder.set_output_array(buffer, 0);
    encoder.set_input_array(qkv, 1);
    encoder.set_bytes(sizes, 2);
    const auto number = [](int count) { return static_cast<NS::UInteger>(count); };
    const MTL::Size threads(number(dims), number(qkv.shape(1)), number(buffer.shape(0)) * number(heads));
    encoder.dispatch_threads(threads, MTL::Size(std::min<NS::UInteger>(number(dims), 64), 1, 1));
  }
#endif

  const char* name() const override { return "SottoCacheAppend"; }
  /** Never equivalent, because it writes. */
  bool is_equivalent(const mx::Primitive&) const override { return false; }

 private:
  /** The queries as a view of qkv, the other outputs as views of the buffer. */
  static void share(const std::vector<mx::array>& inputs, std::vector<mx::array>& outputs) {
    const auto &qkv = inputs[0], &buffer = inputs[1];
    // A view's elements may be anywhere, so it cannot serve as a buffer.
    if (!buffer.flags().row_contiguous) throw std::invalid_argument("[appendInPlace] the buffer is not contiguous");
    const int64_t heads = buffer.shape(1), room = buffer.shape(2), dims = buffer.shape(3);
    const auto& from = qkv.strides();
    const bool is_token = qkv.shape(0) == 1 && qkv.shape(1) == 1 && from[2] == 1;
    view(outputs[0], qkv, {from[0], dims * from[2], is_token ? dims : from[1], from[2]}, is_token, 0);
    const mx::Strides strides{heads * room * dims, room * dims, dims, 1};
    const bool is_full = outputs[1].shape(2) == room;
    view(outputs[1], buffer, strides, is_full, 0);
    view(outputs[2], buffer, strides, is_full, buffer.shape(0) / 2 * strides[0]);
    outputs[3].copy_shared_buffer(buffer);
  }

  /** @param contiguous whether its elements are contiguous */
  static void view(mx::array& result, const mx::array& of, const mx::Strides& strides, bool contiguous, int64_t offset) {
    const size_t size = contiguous ? result.size() : span_of(result.shape(), strides);
    result.copy_shared_buffer(of, strides, {contiguous, contiguous, contiguous && result.size() <= 1}, size, offset);
  }

  int position_;
};

void require(bool fits, const char* what) {
  if (!fits) throw std::invalid_argument(std::string("[appendInPlace] ") + what);
}

}  // namespace

std::vector<mx::array> append_in_place(mx::array qkv, mx::array buffer, int position, mx::StreamOrDevice where) {
  require(qkv.ndim() == 3 && buffer.ndim() == 4, "takes [B, T, 3 × H × D] and [2 × B, H, C, D]");
  const int64_t batch = qkv.shape(0), added = qkv.shape(1), heads = buffer.shape(1), room = buffer.shape(2), dims = buffer.shape(3);
  require(batch > 0 && added > 0 && heads > 0 && dims > 0, "there is nothing to append");
  require(qkv.dtype() == buffer.dtype(), "qkv and buffer must have the same dtype");
  require(mx::size_of(buffer.dtype()) == 2 || mx::size_of(buffer.dtype()) == 4, "the dtype must have 16 or 32 bits");
  require(buffer.shape(0) == 2 * batch, "the buffer's rows do not match qkv");
  require(qkv.shape(2) == 3 * heads * dims, "heads × dims does not match the width of qkv");
  require(position >= 0 && added <= room && position <= room - added, "the positions exceed the buffer");
  constexpr auto max_int = static_cast<size_t>(std::numeric_limits<int>::max());
  require(buffer.size() <= max_int && qkv.size() <= max_int, "more than 2³¹ elements");
  const auto size = [](int64_t count) { return static_cast<mx::ShapeElem>(count); };
  const mx::Shape queries{size(batch), size(heads), size(added), size(dims)};
  const mx::Shape filled{size(batch), size(heads), size(position + added), size(dims)};
  const auto dtype = buffer.dtype();
  auto primitive = std::make_shared<CacheAppend>(mx::to_stream(where), position);
  return mx::array::make_arrays({queries, filled, filled, buffer.shape()}, {dtype, dtype, dtype, dtype}, primitive,
                                {std::move(qkv), buffer});
}

}  // namespace sotto

#include "panels.h"

#include <algorithm>
#include <cstring>
#include <numeric>
#include <string_view>

#include "kernels_common.h"
#include "pool.h"
#include "primitive.h"

namespace sotto::cpu {

namespace mx = mlx::core;

namespace {

/** Panel bytes per batch: some milliseconds of work, after which a load can be cancelled or report progress. */
constexpr size_t kBatchBytes = 24 << 20;
/** Panel bytes per part. */
constexpr int64_t kPartBytes = 1 << 18;
constexpr size_t kAlignment = 64;

/** How to pack one matrix of a batch. */
struct Plan {
  Packing packing;
  int bits;
  int parts;  // number of the primitive's inputs it takes
  bool is_vector;
  bool operator==(const Plan&) const = default;
};

/** Consecutive rows of the matrix, or elements of the vector. */
struct Part {
  const uint8_t* data;
  int64_t rows;
};

/** Vectors are small, so this is scalar. */
void widen(Packing packing, const Part& part, float* to) {
  const auto* halves = reinterpret_cast<const Half*>(part.data);
  const auto* bfloat16s = reinterpret_cast<const BFloat16*>(part.data);
  switch (packing) {
    case Packing::half_to_float:
      for (int64_t i = 0; i < part.rows; ++i) to[i] = to_float(halves[i]);
      break;
    case Packing::bfloat16_to_float:
      for (int64_t i = 0; i < part.rows; ++i) to[i] = to_float(bfloat16s[i]);
      break;
    default: std::memcpy(to, part.data, part.rows * sizeof(float));
  }
}

struct Job {
  Plan plan;
  std::vector<Part> parts;
  int64_t n, k, panels, row_bytes;  // of one matrix; several of the same shape may be stacked
  int64_t count;                    // panels of all stacked matrices
  int64_t panel_bytes;
  uint8_t* to;

  const uint8_t* row(int64_t index) const {
    for (const auto& part : parts) {
      if (index < part.rows) return part.data + index * row_bytes;
      index -= part.rows;
    }
    return nullptr;
  }

  void run(int64_t begin, int64_t end) const {
    if (plan.is_vector) {
      auto* at = reinterpret_cast<float*>(to);
      for (const auto& part : parts) {
        widen(plan.packing, part, at);
        at += part.rows;
      }
      return;
    }
    std::vector<uint8_t> zeros;  // padding rows of the last panel
    for (int64_t panel = begin; panel < end; ++panel) {
      const int64_t first = panel % panels * kPanel;
      const void* rows[kPanel];
      for (int64_t r = 0; r < kPanel; ++r) {
        if (first + r >= n && zeros.empty()) zeros.resize(row_bytes);
        rows[r] = first + r < n ? row(panel / panels * n + first + r) : zeros.data();
      }
      kernels().interleave(rows, plan.packing, plan.bits, k, to + panel * panel_bytes);
    }
  }
};

/**
 * One allocation for all outputs, each aligned to a cache line. Allocating its pages takes longer than filling them.
 * Large pages (MADV_HUGEPAGE) are seven times faster, but seven times slower in a virtual machine that has returned
 * free memory to its host, as all do with large pieces; so the choice is left to the system.
 */
void allocate_contiguous(std::vector<mx::array>& outputs) {
  size_t total = kAlignment;
  for (const auto& out : outputs) total += (out.nbytes() + kAlignment - 1) / kAlignment * kAlignment;
  mx::array all(mx::allocator::malloc(total), {1}, mx::uint8);
  auto* start = all.data<uint8_t>();
  const auto address = reinterpret_cast<uintptr_t>(start);
  size_t at = (kAlignment - address % kAlignment) % kAlignment;
  for (auto& out : outputs) {
    mx::Strides strides(out.ndim());
    int64_t stride = 1;
    for (int axis = out.ndim(); axis-- > 0;) {
      strides[axis] = stride;
      stride *= out.shape(axis);
    }
    out.copy_shared_buffer(all, strides, {true, true, out.size() <= 1}, out.size(), static_cast<int64_t>(at / out.itemsize()));
    at += (out.nbytes() + kAlignment - 1) / kAlignment * kAlignment;
  }
}

class Pack : public CpuPrimitive {
 public:
  Pack(mx::Stream stream, std::vector<Plan> plans) : CpuPrimitive(stream), plans_(std::move(plans)) {}

  void eval_cpu(const std::vector<mx::array>& inputs, std::vector<mx::array>& outputs) override {
    allocate_contiguous(outputs);
    queue(inputs, outputs, [in = weak(inputs), out = weak(outputs), plans = plans_]() mutable {
      std::vector<Job> jobs;
      std::vector<int64_t> ends;  // cumulative end of each job, in parts of about equal size
      size_t next = 0;
      for (size_t i = 0; i < plans.size(); ++i) {
        auto& o = out[i];
        const bool is_vector = plans[i].is_vector;
        Job job{plans[i], {}, 0, is_vector ? 1 : o.shape(-2), is_vector ? 1 : o.shape(-3), 0, 0, 0, o.data<uint8_t>()};
        for (int part = 0; part < plans[i].parts; ++part) {
          auto& w = in[next++];
          job.n += is_vector ? w.shape(0) : w.shape(-2);
          job.row_bytes = (is_vector ? 1 : w.shape(-1)) * static_cast<int64_t>(w.itemsize());
          job.parts.push_back({w.data<uint8_t>(), job.row_bytes > 0 ? static_cast<int64_t>(w.nbytes()) / job.row_bytes : 0});
        }
        job.panel_bytes = is_vector ? static_cast<int64_t>(o.nbytes()) : job.k * kPanel * static_cast<int64_t>(o.itemsize());
        if (o.size() == 0) continue;
        job.count = static_cast<int64_t>(o.nbytes()) / job.panel_bytes;
        ends.push_back((ends.empty() ? 0 : ends.back()) + std::min(job.count, (job.count * job.panel_bytes + kPartBytes - 1) / kPartBytes));
        jobs.push_back(std::move(job));
      }
      parallel_parts(ends.empty() ? 0 : ends.back(), [&](int64_t part) {
        const size_t at = std::upper_bound(ends.begin(), ends.end(), part) - ends.begin();
        const int64_t begin = at == 0 ? 0 : ends[at - 1], parts = ends[at] - begin;
        const Job& job = jobs[at];
        job.run(job.count * (part - begin) / parts, job.count * (part - begin + 1) / parts);
      });
    });
  }

  const char* name() const override { return "SottoPack"; }
  bool is_equivalent(const mx::Primitive& other) const override { return static_cast<const Pack&>(other).plans_ == plans_; }

 private:
  std::vector<Plan> plans_;
};

bool is_pending(const mx::array& x) { return x.status() == mx::array::Status::unscheduled && x.has_primitive(); }

/** The inputs of a lazy concatenation of rows (or vectors); otherwise the matrix itself. */
std::vector<mx::array> concatenated_inputs(const mx::array& w) {
  if (!is_pending(w) || w.ndim() > 2 || std::string_view(w.primitive().name()) != "Concatenate") return {w};
  // Concatenated along the rows if these add up. (Querying the primitive needs its type information, which MLX does not
  // export.)
  int64_t rows = 0;
  for (const auto& part : w.inputs()) {
    if (part.ndim() != w.ndim() || (w.ndim() == 2 && part.shape(1) != w.shape(1))) return {w};
    rows += part.shape(0);
  }
  return rows == w.shape(0) ? w.inputs() : std::vector<mx::array>{w};
}

/** Address of the last input in memory. */
uintptr_t address_of(const mx::array& x) {
  if (x.is_available()) return reinterpret_cast<uintptr_t>(x.data<uint8_t>());
  uintptr_t address = 0;
  if (is_pending(x))
    for (const auto& input : x.inputs()) address = std::max(address, address_of(input));
  return address;
}

Packing packing_of(const PackSource& u) {
  const auto& w = u.matrix;
  if (w.ndim() < 2 && !(w.ndim() == 1 && u.to_float32)) throw std::invalid_argument("[panels] takes matrices [..., n, k]");
  if (u.bits != 0) {
    if (u.bits < 2 || u.bits > 8 || u.bits == 7 || w.dtype() != mx::uint32) {
      throw std::invalid_argument("[panels] quantized weights are uint32, of 2 to 6 or 8 bits each");
    }
    // The kernels read eight numbers at a time, and a row must hold nothing else.
    const int64_t row_bits = int64_t{w.shape(-1)} * 32;
    if ((u.bits != 8 && row_bits % (8 * u.bits) != 0) || row_bits / u.bits > INT32_MAX) {
      throw std::invalid_argument("[panels] a row of quantized weights holds a multiple of 8 numbers, and fewer than 2^31");
    }
    return Packing::bits_to_bytes;
  }
  if (w.dtype() == mx::float32) return Packing::four_bytes;
  if (w.dtype() == mx::float16) return u.to_float32 ? Packing::half_to_float : Packing::two_bytes;
  if (w.dtype() == mx::bfloat16) return u.to_float32 ? Packing::bfloat16_to_float : Packing::two_bytes;
  throw std::invalid_argument("[panels] takes float32, float16 or bfloat16, or quantized weights with their bits");
}

/** The matrices of one batch. */
struct Batch {
  std::vector<size_t> matrices;
  std::vector<Plan> plans;
  std::vector<mx::array> inputs;
  std::vector<mx::Shape> shapes;
  std::vector<mx::Dtype> dtypes;
  size_t bytes = 0;
};

void add(Batch& batch, size_t index, const PackSource& u, mx::Stream stream) {
  const Packing packing = packing_of(u);
  auto shape = u.matrix.shape();
  const bool is_vector = shape.size() == 1;
  if (!is_vector) {
    auto& n = shape[shape.size() - 2];
    n = static_cast<mx::ShapeElem>((n + kPanel - 1) / kPanel);
    if (u.bits != 0) shape.back() = static_cast<mx::ShapeElem>(static_cast<int64_t>(shape.back()) * 32 / u.bits);
    shape.push_back(static_cast<mx::ShapeElem>(kPanel));
  }
  const bool floats = packing == Packing::half_to_float || packing == Packing::bfloat16_to_float;
  const mx::Dtype dtype = u.bits != 0 ? mx::uint8 : floats ? mx::float32 : u.matrix.dtype();
  size_t bytes = mx::size_of(dtype);
  for (const auto side : shape) bytes *= side;
  const auto parts = concatenated_inputs(u.matrix);
  for (const auto& part : parts) {
    const bool is_row_by_row = part.is_available() && part.flags().row_contiguous;
    batch.inputs.push_back(is_row_by_row ? part : mx::contiguous(part, false, stream));
  }
  batch.matrices.push_back(index);
  batch.plans.push_back({packing, u.bits, static_cast<int>(parts.size()), is_vector});
  batch.shapes.push_back(std::move(shape));
  batch.dtypes.push_back(dtype);
  batch.bytes += bytes;
}

}  // namespace

PackedBatches pack(const std::vector<PackSource>& matrices, mx::StreamOrDevice where) {
  const mx::Stream stream = mx::to_stream(where);
  std::vector<size_t> order(matrices.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::vector<uintptr_t> addresses;
  addresses.reserve(matrices.size());
  for (const auto& u : matrices) addresses.push_back(address_of(u.matrix));
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return addresses[a] < addresses[b]; });

  std::vector<std::optional<mx::array>> panels(matrices.size());
  PackedBatches packed{{}, std::vector<int>(matrices.size())};
  Batch batch;
  int batches = 0;
  const auto flush = [&] {
    if (batch.matrices.empty()) return;
    auto outputs = mx::array::make_arrays(std::move(batch.shapes), batch.dtypes, std::make_shared<Pack>(stream, std::move(batch.plans)),
                                       batch.inputs);
    for (size_t i = 0; i < outputs.size(); ++i) {
      panels[batch.matrices[i]] = outputs[i];
      packed.batches[batch.matrices[i]] = batches;
    }
    batches++;
    batch = {};
  };
  for (const size_t index : order) {
    add(batch, index, matrices[index], stream);
    if (batch.bytes >= kBatchBytes) flush();
  }
  flush();
  packed.panels.reserve(panels.size());
  for (auto& array : panels) packed.panels.push_back(std::move(*array));
  return packed;
}

mx::array panels_of(const mx::array& w, int bits, mx::StreamOrDevice where) {
  return pack({{w, bits, false}}, where).panels.front();
}

}  // namespace sotto::cpu

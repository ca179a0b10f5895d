// mx.memory: statistics and limits of MLX's allocator, in bytes.
#include "mlx/memory.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "areas.h"
#include "call.h"

namespace sotto {

namespace {

size_t bytes(int64_t n) {
  if (n < 0) throw wrong_value("a limit must not be negative");
  return static_cast<size_t>(n);
}

constexpr Op kOps[] = {
    op("active", "", []() { return mx::get_active_memory(); }),
    op("peak", "", []() { return mx::get_peak_memory(); }),
    op("resetPeak", "", []() { mx::reset_peak_memory(); }),
    op("cache", "", []() { return mx::get_cache_memory(); }),
    op("limit", "", []() { return mx::get_memory_limit(); }),
    op("setMemoryLimit", "limit", [](int64_t limit) { return mx::set_memory_limit(bytes(limit)); }),
    op("setCacheLimit", "limit", [](int64_t limit) { return mx::set_cache_limit(bytes(limit)); }),
    op("setWiredLimit", "limit", [](int64_t limit) { return mx::set_wired_limit(bytes(limit)); }),
    op("clearCache", "", []() {
      mx::clear_cache();
#ifdef __GLIBC__
      malloc_trim(0);  // CPU buffers come from malloc, which keeps freed memory
#endif
    }),
    op("ofArrays", "arrays", [](VarArgs arrays) { return mx::get_array_buffer_size(arrays.arrays); }),
};

}  // namespace

void init_memory(Addon& addon, napi_value exports) {
  bind(addon, make_namespace(addon, exports, "memory"), kOps);
}

}  // namespace sotto

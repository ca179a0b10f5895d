// MLX's CPU allocator returns a null pointer for a request it cannot meet, which its ops then write to. Symbols of the
// addon are found before libmlx's, so this definition replaces it and throws the error that Metal's throws.
#include <dlfcn.h>
#include <unistd.h>

#include <algorithm>
#include <stdexcept>
#include <string>

#include "mlx/allocator.h"
#include "mlx/memory.h"
#include "mlx/version.h"

namespace {

using mlx::core::allocator::Allocator;
using mlx::core::allocator::Buffer;

/** Physical memory in bytes. */
size_t physical_memory() {
  static const size_t bytes = static_cast<size_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<size_t>(sysconf(_SC_PAGESIZE));
  return bytes;
}

class CheckedAllocator final : public Allocator {
 public:
  explicit CheckedAllocator(Allocator& inner) : inner_(inner) {}

  /** @throws std::runtime_error if memory is short, with the message of Metal's allocator */
  Buffer malloc(size_t size) override {
    // The system overcommits memory and kills the process that uses it.
    const size_t active = mlx::core::get_active_memory();
    if (size > mlx::core::get_memory_limit() || size > physical_memory() - std::min(active, physical_memory())) fail(size);
    Buffer buffer = inner_.malloc(size);
    if (buffer.ptr() == nullptr) fail(size);
    return buffer;
  }
  void free(Buffer buffer) override { inner_.free(buffer); }
  size_t size(Buffer buffer) const override { return inner_.size(buffer); }
  Buffer make_buffer(void* pointer, size_t size) override { return inner_.make_buffer(pointer, size); }
  void release(Buffer buffer) override { inner_.release(buffer); }

 private:
  [[noreturn]] static void fail(size_t size) {
    throw std::runtime_error("[malloc] Unable to allocate " + std::to_string(size) + " bytes.");
  }

  Allocator& inner_;
};

/** libmlx's own `allocator`, behind the definition below. */
Allocator& library_allocator() {
  Dl_info library;
  if (dladdr(reinterpret_cast<const void*>(&mlx::core::version), &library) == 0) throw std::runtime_error("libmlx is not loaded");
  void* handle = dlopen(library.dli_fname, RTLD_NOLOAD | RTLD_LAZY);
  void* symbol = handle ? dlsym(handle, "_ZN3mlx4core9allocator9allocatorEv") : nullptr;
  if (symbol == nullptr) throw std::runtime_error("libmlx has no allocator");
  return reinterpret_cast<Allocator& (*)()>(symbol)();
}

}  // namespace

namespace mlx::core::allocator {

MLX_API Allocator& allocator() {
  // Never destroyed: arrays may be freed while the process exits.
  static auto* const checked = new CheckedAllocator(library_allocator());
  return *checked;
}

}  // namespace mlx::core::allocator

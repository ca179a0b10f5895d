#include "mapping.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <thread>

#include <mlx/allocator.h>

namespace sotto {

namespace {

/** Read-ahead step; also the most that is read after the last array is freed. */
constexpr size_t kReadAheadStep = 8 << 20;
/** How far ahead the disk is asked to read. */
constexpr size_t kReadAheadDistance = 4 * kReadAheadStep;
/** Where buffers consist of whole pages, smaller arrays are copied: their pages would mostly hold other arrays. */
[[maybe_unused]] constexpr size_t kMinSharedBytes = 1 << 16;

/** Larger mappings are unmapped by a separate thread. */
constexpr size_t kMinAsyncUnmapBytes = 32 << 20;

size_t page() {
  static const size_t bytes = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  return bytes;
}

size_t whole_pages(size_t bytes) { return (bytes + page() - 1) / page() * page(); }

struct File {
  explicit File(const std::string& path) : fd(open(path.c_str(), O_RDONLY | O_CLOEXEC)) {}
  File(const File&) = delete;
  ~File() {
    if (fd >= 0) close(fd);
  }
  int fd;
};

/** A mapped file with a writable page before it. */
class Mapping {
 public:
  Mapping(const std::string& path, size_t bytes) : size_(bytes) {
    const File file(path);
    struct stat facts;
    if (file.fd < 0 || fstat(file.fd, &facts) != 0) fail(path);
    if (static_cast<size_t>(facts.st_size) < bytes) throw std::runtime_error("'" + path + "' is shorter than expected");
    void* room = mmap(nullptr, guard_bytes() + whole_pages(bytes), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON, -1, 0);
    if (room == MAP_FAILED) fail(path);
    base_ = static_cast<char*>(room);
    if (bytes > 0 && mmap(data(), bytes, PROT_READ, MAP_SHARED | MAP_FIXED, file.fd, 0) == MAP_FAILED) {
      const int error = errno;
      munmap(base_, guard_bytes() + whole_pages(bytes));
      errno = error;
      fail(path);
    }
#ifdef __APPLE__
    for (size_t at = 0; at < bytes; at += 1 << 30) {
      radvisory advice{static_cast<off_t>(at), static_cast<int>(std::min<size_t>(bytes - at, 1 << 30))};
      fcntl(file.fd, F_RDADVISE, &advice);
    }
#endif
  }
  Mapping(const Mapping&) = delete;
  ~Mapping() {
    const auto unmap = [room = base_, length = guard_bytes() + whole_pages(size_)] { munmap(room, length); };
    // Takes a millisecond per 40 MB: too long for a thread that serves others.
    if (size_ < kMinAsyncUnmapBytes) unmap();
    else std::thread(unmap).detach();
  }

  char* data() const { return base_ + guard_bytes(); }
  size_t size() const { return size_; }

  /** Asks the system to start reading a range. */
  void request_read(size_t begin, size_t end) const {
    if (begin < std::min(end, size_)) madvise(data() + begin, std::min(end, size_) - begin, MADV_WILLNEED);
  }

  /** Loads a range into memory and the page tables. */
  void populate(size_t at) const {
    const size_t length = std::min(kReadAheadStep, size_ - at);
#ifdef MADV_POPULATE_READ
    if (madvise(data() + at, length, MADV_POPULATE_READ) == 0) return;
#endif
    for (size_t i = at; i < at + length; i += page()) (void)*static_cast<volatile const char*>(data() + i);
  }

 private:
  [[noreturn]] static void fail(const std::string& path) {
    throw std::runtime_error("'" + path + "' cannot be mapped: " + std::strerror(errno));
  }
  static size_t guard_bytes() { return page(); }

  char* base_ = nullptr;
  size_t size_;
};

void read_ahead(const std::shared_ptr<const Mapping>& mapping) {
  // Detached. Holds the mapping for one step at a time and stops once no array holds it.
  std::thread([weak = std::weak_ptr<const Mapping>(mapping)] {
    for (size_t at = 0;; at += kReadAheadStep) {
      const auto held = weak.lock();
      if (!held || at >= held->size()) return;
      held->request_read(at == 0 ? 0 : at + kReadAheadDistance - kReadAheadStep, at + kReadAheadDistance);
      held->populate(at);
    }
  }).detach();
}

/** An allocator buffer over pages of the mapping, and its release. */
struct Wrapped {
  mx::allocator::Buffer buffer;
  mx::allocator::Deleter release;
  size_t start;  // start within the mapping
};

#ifdef __APPLE__

std::optional<Wrapped> wrap(const std::shared_ptr<const Mapping>& mapping, size_t offset, size_t bytes) {
  const size_t start = offset / page() * page();
  auto buffer = mx::allocator::make_buffer(mapping->data() + start, whole_pages(offset + bytes - start));
  if (buffer.ptr() == nullptr) return std::nullopt;
  return Wrapped{buffer, [mapping](mx::allocator::Buffer result) { mx::allocator::release(result); }, start};
}

#else

/** Whether buffers have the layout of MLX's allocator without a GPU: a length, then the bytes. */
bool has_plain_buffers() {
  static const bool plain = [] {
    auto probe = mx::allocator::malloc(64);
    auto buffer = probe.buffer();
    const auto* start = static_cast<const char*>(buffer.ptr());
    if (buffer.raw_ptr() != start + sizeof(size_t)) return false;
    size_t length = 0;
    std::memcpy(&length, start, sizeof length);
    return length >= 64 && length < 1 << 20;
  }();
  return plain;
}

std::optional<Wrapped> wrap(const std::shared_ptr<const Mapping>& mapping, size_t, size_t) {
  if (!has_plain_buffers()) return std::nullopt;
  // One buffer for the whole file; its length is at the end of the page before it.
  char* start = mapping->data() - sizeof(size_t);
  const size_t length = mapping->size();
  std::memcpy(start, &length, sizeof length);
  return Wrapped{mx::allocator::Buffer(start), [mapping](mx::allocator::Buffer) {}, 0};
}

#endif

constexpr const char* kBeyondEnd = "an array exceeds the end of the file";

/** @param max_count limit given by the file's size */
size_t elements(const mx::Shape& shape, size_t max_count) {
  size_t count = 1;
  for (const auto n : shape) {
    if (n < 0) throw std::invalid_argument("a shape must not have negative sizes");
    // The product of large sizes may overflow.
    if (n > 0 && count > max_count / static_cast<size_t>(n)) throw std::invalid_argument(kBeyondEnd);
    count *= static_cast<size_t>(n);
  }
  return count;
}

mx::array copied(const char* from, size_t bytes, const Region& region) {
  auto data = mx::allocator::malloc(bytes);
  auto buffer = data.buffer();
  if (bytes > 0) std::memcpy(buffer.raw_ptr(), from, bytes);
  return mx::array(std::move(data), region.shape, region.dtype);
}

/** `region` as a view of `all`, which holds the bytes from `start`. */
mx::array region_view(const mx::array& all, size_t start, const Region& region, size_t count) {
  mx::Strides strides(region.shape.size());
  int64_t stride = 1;
  bool one_axis = true;  // at most one axis has several elements, so row-major equals column-major
  for (size_t axis = region.shape.size(); axis-- > 0;) {
    strides[axis] = stride;
    stride *= region.shape[axis];
    one_axis = one_axis && (region.shape[axis] <= 1 || static_cast<size_t>(region.shape[axis]) == count);
  }
  mx::array part(region.shape, region.dtype, nullptr, {});
  part.copy_shared_buffer(all, strides, {true, true, one_axis}, count,
                          static_cast<int64_t>((region.offset - start) / mx::size_of(region.dtype)));
  part.set_status(mx::array::Status::available);
  return part;
}

}  // namespace

std::optional<std::vector<mx::array>> map_arrays(const std::string& path, size_t bytes, const std::vector<Region>& regions) {
  const auto mapping = std::make_shared<const Mapping>(path, bytes);
  std::vector<mx::array> arrays;
  arrays.reserve(regions.size());
  std::optional<mx::array> whole;
  for (const auto& region : regions) {
    const size_t count = elements(region.shape, bytes), size = count * mx::size_of(region.dtype);
    if (region.offset > bytes || size > bytes - region.offset) throw std::invalid_argument(kBeyondEnd);
    const char* from = mapping->data() + region.offset;
#ifdef __APPLE__
    const bool shares = size >= kMinSharedBytes;
#else
    const bool shares = count > 0;
#endif
    // Misaligned elements can't be read in place.
    if (!shares || region.offset % mx::size_of(region.dtype) != 0) {
      arrays.push_back(copied(from, size, region));
      continue;
    }
    size_t start = 0;
#ifndef __APPLE__
    if (!whole)
#endif
    {
      auto wrapped = wrap(mapping, region.offset, size);
      if (!wrapped) return std::nullopt;
      start = wrapped->start;
      whole.emplace(mx::allocator::Data(wrapped->buffer, std::move(wrapped->release)), mx::Shape{1}, mx::uint8);
    }
    arrays.push_back(region_view(*whole, start, region, count));
  }
  read_ahead(mapping);
  return arrays;
}

}  // namespace sotto

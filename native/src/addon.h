// State of one environment (the main thread, a worker): array handles, tidy scopes, bound ops. Nothing is static, so
// two environments in one process never share a handle.
#pragma once

#include <napi.h>

#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "function.h"
#include "mlx/array.h"
#include "waiter.h"

namespace sotto {

namespace mx = mlx::core;

struct Op;

/** An op bound in one environment: the data of its JavaScript function. */
struct BoundOp {
  class Addon* addon;
  const Op* op;
  bool method;                      // `this` is the first argument
  std::vector<std::string> params;  // positional parameters first
  size_t positional;
  size_t required;  // leading positional parameters that are mandatory
  bool takes_options;  // a trailing plain object holds the keywords
};

/** Membership in a tidy scope: a doubly linked ring, so that removal takes constant time. */
struct Link {
  Link* before = this;
  Link* after = this;
  void unlink() {
    before->after = after;
    after->before = before;
    before = after = this;
  }
  void put_before(Link& other) {
    before = other.before;
    after = &other;
    before->after = this;
    other.before = this;
  }
};

/** The content of a JavaScript MxArray. Empty once disposed; the slot lives until V8 collects the object. */
struct Handle : Link {
  std::optional<mx::array> value;
  int64_t reported = 0;  // bytes reported to V8
  uint32_t scope = 0;  // depth of its scope, 0 for none
  bool in_use = false;
};

/**
 * Handles live in aligned blocks of this environment. An object is an MxArray if and only if the pointer that Node-API
 * unwraps from it is a slot of these blocks in use. This type tag never reads foreign memory and is about ten times
 * cheaper than napi_check_object_type_tag (a property lookup and a BigInt per operand).
 */
class HandleTable {
 public:
  ~HandleTable();
  Handle* acquire(mx::array value);
  void release(Handle* handle);
  bool owns(const void* pointer) const;
  template <typename F>
  void each(F&& f) {
    for (auto block : blocks_) {
      for (auto& handle : reinterpret_cast<Block*>(block)->handles) {
        if (handle.in_use) f(handle);
      }
    }
  }

 private:
  static constexpr size_t kBlockBytes = 1 << 15;
  struct Block {
    Handle handles[kBlockBytes / sizeof(Handle)];
  };
  std::unordered_set<uintptr_t> blocks_;
  mutable uintptr_t last_ = 0;  // the block of the last successful lookup
  std::vector<Handle*> free_;
};

/** Waits for the queued work of the CPU streams (module.cc). */
void synchronize_cpu_streams();

class Addon {
 public:
  explicit Addon(napi_env env);
  ~Addon();
  Addon(const Addon&) = delete;

  static Addon& of(napi_env env);

  // Arrays.
  /** @param counted whether to report the bytes to V8 as memory that garbage collection can free */
  napi_value wrap(mx::array value, bool counted = true);
  /** The handle behind a JavaScript value; nullptr if it is not an MxArray of this environment. */
  Handle* handle(napi_value value) const;
  void dispose(Handle& handle);
  size_t live() const { return live_; }

  // Tidy scopes.
  size_t open_scope();
  void close_scopes(size_t down_to, const std::vector<Handle*>& survivors);
  void keep(Handle& handle);
  size_t depth() const { return scopes_.size(); }

  /** References released on MLX's threads; this thread deletes them later. */
  struct DeferredReleases {
    std::mutex mutex;
    std::vector<napi_ref> refs;
  };
  std::shared_ptr<DeferredReleases> deferred_releases() const { return deferred_releases_; }
  void release_deferred();

  /** Deletes the state after both the environment and its last handle are gone. */
  void on_environment_closed();

  /** Makes an op callable; the BoundOp lives as long as the environment. */
  BoundOp& bind(const Op& op, bool method);

  bool closed() const { return closed_; }

  /** Created by the first wait, destroyed with the environment. */
  Waiter& waiter();

  napi_env env;
  napi_ref array_class = nullptr;
  CompiledTable compiled;

  /** The class's constructor. Takes over the handle from `wrap` and rejects any other caller. */
  static napi_value construct(napi_env env, napi_callback_info info);

 private:
  static void collected(napi_env env, void* handle, void* addon);
  void report_memory(int64_t change);

  HandleTable table_;
  std::deque<Link> scopes_;
  Handle* pending_ = nullptr;  // the handle for the constructor that is running now
  size_t live_ = 0;
  size_t wrapped_ = 0;
  int64_t unreported_ = 0;
  bool closed_ = false;
  std::shared_ptr<DeferredReleases> deferred_releases_ = std::make_shared<DeferredReleases>();
  std::vector<std::unique_ptr<BoundOp>> bound_;
  std::unique_ptr<Waiter> waiter_;
};

}  // namespace sotto

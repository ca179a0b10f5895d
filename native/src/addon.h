// The state of one environment (the main thread, a worker): its array handles, its tidy scopes, its cached names.
// Nothing here is static: two environments in one process never share a handle.
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

/** An op as one environment sees it: what a bound JavaScript function carries. */
struct BoundOp {
  class Addon* addon;
  const Op* op;
  bool method;                      // `this` is the first argument
  std::vector<std::string> params;  // positional ones first
  size_t positional;
  size_t required;  // leading positional parameters that can't be left out
  bool takes_options;  // a trailing plain object holds keywords
};

/** Membership in a tidy scope: a doubly linked ring, so that leaving a scope costs the same however full it is. */
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

/** What a JavaScript MxArray holds. Empty once disposed; the slot itself lives until V8 collects the object. */
struct Handle : Link {
  std::optional<mx::array> value;
  int64_t reported = 0;  // bytes that V8 was told of
  uint32_t scope = 0;  // depth of the scope it belongs to, 0 for none
  bool in_use = false;  // the slot is in use
};

/**
 * Handles live in aligned blocks of this environment. An object is one of ours exactly when the pointer that
 * Node-API unwraps from it is a taken slot of our blocks: this is the type tag, checked without touching foreign
 * memory and about ten times cheaper than napi_check_object_type_tag (a property look-up and a BigInt per operand).
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
  mutable uintptr_t last_ = 0;  // the block that answered last
  std::vector<Handle*> free_;
};

/** Waits for what the CPU streams still compute (module.cc). */
void synchronize_cpu_streams();

class Addon {
 public:
  explicit Addon(napi_env env);
  ~Addon();
  Addon(const Addon&) = delete;

  static Addon& of(napi_env env);

  // Arrays.
  /** @param counted whether V8 is to think of its bytes as memory that collecting garbage may free */
  napi_value wrap(mx::array value, bool counted = true);
  /** The handle behind a JavaScript value, or nullptr when the value is not an MxArray of this environment. */
  Handle* handle(napi_value value) const;
  void dispose(Handle& handle);
  size_t live() const { return live_; }

  // Tidy scopes.
  size_t open_scope();
  void close_scopes(size_t down_to, const std::vector<Handle*>& survivors);
  void keep(Handle& handle);
  size_t depth() const { return scopes_.size(); }

  /** References that MLX threads have let go of, freed on this thread at the next chance. */
  struct DeferredReleases {
    std::mutex mutex;
    std::vector<napi_ref> refs;
  };
  std::shared_ptr<DeferredReleases> deferred_releases() const { return deferred_releases_; }
  void release_deferred();

  /** Destroys the state once the environment is gone and so is the last handle, whichever comes last. */
  void on_environment_closed();

  /** Makes an op callable; the record lives as long as the environment. */
  BoundOp& bind(const Op& op, bool method);

  bool closed() const { return closed_; }

  /** Made at the first wait, ended with the environment. */
  Waiter& waiter();

  napi_env env;
  napi_ref array_class = nullptr;
  CompiledTable compiled;

  /** The class's constructor: takes over the handle that `wrap` has just made, and refuses everybody else. */
  static napi_value construct(napi_env env, napi_callback_info info);

 private:
  static void collected(napi_env env, void* handle, void* addon);
  void report_memory(int64_t change);

  HandleTable table_;
  std::deque<Link> scopes_;
  Handle* pending_ = nullptr;  // the handle that the constructor running now takes over
  size_t live_ = 0;
  size_t wrapped_ = 0;
  int64_t unreported_ = 0;
  bool closed_ = false;
  std::shared_ptr<DeferredReleases> deferred_releases_ = std::make_shared<DeferredReleases>();
  std::vector<std::unique_ptr<BoundOp>> bound_;
  std::unique_ptr<Waiter> waiter_;
};

}  // namespace sotto

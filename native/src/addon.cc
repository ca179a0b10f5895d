#include "addon.h"

#include <algorithm>
#include <cstdlib>
#include <new>

#include "op.h"
#include "sizes.h"

namespace sotto {

namespace {

/** V8 aborts on sums beyond any machine's memory. An array of that size is never computed. */
constexpr int64_t kMaxReportedBytes = int64_t{1} << 36;

}  // namespace

HandleTable::~HandleTable() {
  for (auto block : blocks_) {
    std::destroy_at(reinterpret_cast<Block*>(block));
    std::free(reinterpret_cast<void*>(block));
  }
}

Handle* HandleTable::acquire(mx::array value) {
  if (free_.empty()) {
    void* memory = std::aligned_alloc(kBlockBytes, kBlockBytes);
    if (memory == nullptr) throw std::bad_alloc();
    auto* block = new (memory) Block;
    blocks_.insert(reinterpret_cast<uintptr_t>(block));
    for (auto& handle : block->handles) free_.push_back(&handle);
  }
  Handle* handle = free_.back();
  free_.pop_back();
  handle->value.emplace(std::move(value));
  handle->in_use = true;
  handle->scope = 0;
  return handle;
}

void HandleTable::release(Handle* handle) {
  handle->unlink();
  handle->value.reset();
  handle->in_use = false;
  free_.push_back(handle);
}

bool HandleTable::owns(const void* pointer) const {
  auto address = reinterpret_cast<uintptr_t>(pointer);
  uintptr_t block = address & ~(kBlockBytes - 1);
  if (block != last_) {
    if (!blocks_.contains(block)) return false;
    last_ = block;
  }
  size_t offset = address - block;
  return offset % sizeof(Handle) == 0 && offset / sizeof(Handle) < std::size(reinterpret_cast<Block*>(block)->handles) &&
      static_cast<const Handle*>(pointer)->in_use;
}

Addon::Addon(napi_env env) : env(env) {}

Addon::~Addon() {
  // Frees remaining values (handles of a closing environment) before the table, while MLX still exists.
  table_.each([](Handle& handle) { handle.value.reset(); });
}

Addon& Addon::of(napi_env env) {
  void* data = nullptr;
  check(env, napi_get_instance_data(env, &data));
  return *static_cast<Addon*>(data);
}

napi_value Addon::wrap(mx::array value, bool counted) {
  check_size(value);
  int64_t bytes = counted ? std::min(static_cast<int64_t>(value.nbytes()), kMaxReportedBytes) : 0;
  Handle* handle = table_.acquire(std::move(value));
  handle->reported = bytes;
  pending_ = handle;
  napi_value constructor = nullptr;
  napi_value object = nullptr;
  napi_status status = napi_get_reference_value(env, array_class, &constructor);
  if (status == napi_ok) status = napi_new_instance(env, constructor, 0, nullptr, &object);
  if (status != napi_ok) {
    if (pending_ != nullptr) table_.release(handle);
    pending_ = nullptr;
    check(env, status);
  }
  live_++;
  if (!scopes_.empty()) {
    handle->scope = static_cast<uint32_t>(scopes_.size());
    handle->put_before(scopes_.back());
  }
  report_memory(bytes);
  return object;
}

napi_value Addon::construct(napi_env env, napi_callback_info info) {
  napi_value self = nullptr;
  void* data = nullptr;
  napi_get_cb_info(env, info, nullptr, nullptr, &self, &data);
  auto& addon = *static_cast<Addon*>(data);
  Handle* handle = std::exchange(addon.pending_, nullptr);
  if (handle == nullptr) {
    napi_throw_type_error(env, "INVALID_ARGUMENT", "MxArray: arrays are made by mx.array() and the ops, not by `new`");
    return nullptr;
  }
  if (napi_wrap(env, self, handle, collected, &addon, nullptr) != napi_ok) {
    addon.table_.release(handle);
    napi_throw_error(env, "INTERNAL", "MxArray: the object could not be wrapped");
    return nullptr;
  }
  addon.wrapped_++;
  return self;
}

void Addon::collected(napi_env, void* data, void* hint) {
  auto& addon = *static_cast<Addon*>(hint);
  auto* handle = static_cast<Handle*>(data);
  if (handle->value) addon.dispose(*handle);
  addon.table_.release(handle);
  addon.wrapped_--;
  if (addon.closed_ && addon.wrapped_ == 0) delete &addon;
}

void Addon::on_environment_closed() {
  closed_ = true;
  compiled.clear();
  if (wrapped_ == 0) delete this;
}

Handle* Addon::handle(napi_value value) const {
  void* pointer = nullptr;
  if (napi_unwrap(env, value, &pointer) != napi_ok || !table_.owns(pointer)) return nullptr;
  return static_cast<Handle*>(pointer);
}

void Addon::dispose(Handle& handle) {
  if (!handle.value) return;
  int64_t bytes = std::exchange(handle.reported, 0);
  handle.unlink();
  handle.scope = 0;
  handle.value.reset();
  live_--;
  report_memory(-bytes);
}

// Reports in steps of a megabyte: each report may start a collection, and most arrays are small and short-lived.
void Addon::report_memory(int64_t change) {
  unreported_ += change;
  if (closed_ || (unreported_ < (1 << 20) && unreported_ > -(1 << 20))) return;
  int64_t now = 0;
  napi_adjust_external_memory(env, std::exchange(unreported_, 0), &now);
}

size_t Addon::open_scope() {
  scopes_.emplace_back();
  return scopes_.size() - 1;
}

void Addon::close_scopes(size_t down_to, const std::vector<Handle*>& survivors) {
  for (Handle* handle : survivors) {
    if (handle->scope <= down_to) continue;  // created outside, so not freed here
    handle->unlink();
    handle->scope = static_cast<uint32_t>(down_to);
    if (down_to > 0) handle->put_before(scopes_[down_to - 1]);
  }
  while (scopes_.size() > down_to) {
    Link& scope = scopes_.back();
    while (scope.after != &scope) dispose(*static_cast<Handle*>(scope.after));
    scopes_.pop_back();
  }
}

void Addon::keep(Handle& handle) {
  handle.unlink();
  handle.scope = 0;
}

BoundOp& Addon::bind(const Op& op, bool method) {
  auto bound = std::make_unique<BoundOp>(BoundOp{this, &op, method, {}, 0, 0, false});
  bool keywords = false;
  for (std::string_view rest = op.params; !rest.empty();) {
    size_t end = std::min(rest.find(", "), rest.size());
    std::string_view name = rest.substr(0, end);
    if (name == "*") {
      keywords = true;
    } else {
      bound->params.emplace_back(name);
      if (!keywords) bound->positional++;
    }
    rest.remove_prefix(std::min(end + 2, rest.size()));
  }
  bound->required = std::min(op.required, bound->positional);
  if (op.takes_stream) bound->params.emplace_back("stream");
  bound->takes_options = op.takes_stream || keywords;  // otherwise a trailing object is an ordinary argument
  return *bound_.emplace_back(std::move(bound));
}

Waiter& Addon::waiter() {
  if (!waiter_) {
    waiter_ = std::make_unique<Waiter>(env);
    // Cleanup hooks run in reverse order: this one before Node destroys the waiter's threadsafe function.
    napi_add_env_cleanup_hook(
        env,
        [](void* data) {
          synchronize_cpu_streams();
          static_cast<Addon*>(data)->waiter_.reset();
        },
        this);
  }
  return *waiter_;
}

void Addon::release_deferred() {
  std::vector<napi_ref> refs;
  {
    std::lock_guard lock(deferred_releases_->mutex);
    refs.swap(deferred_releases_->refs);
  }
  for (napi_ref ref : refs) napi_delete_reference(env, ref);
}

}  // namespace sotto

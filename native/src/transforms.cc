// Graph execution: evaluation, tidy scopes, compiled functions.
#include <unordered_set>

#include "mlx/primitives.h"
#include "mlx/transforms.h"

#include "areas.h"
#include "call.h"
#include "mlx/compile.h"

namespace sotto {

namespace {

Handle& handle_from(Call& call, size_t i, napi_value value) {
  Handle* handle = call.addon.handle(value);
  if (handle == nullptr) mistyped(call, i, "an MxArray", value);
  return *handle;
}

std::vector<Handle*> handles_from(Call& call, size_t i, napi_value list) {
  uint32_t count = 0;
  std::vector<Handle*> handles;
  check(call.env, napi_get_array_length(call.env, list, &count));
  for (uint32_t k = 0; k < count; k++) {
    napi_value item = nullptr;
    check(call.env, napi_get_element(call.env, list, k, &item));
    handles.push_back(&handle_from(call, i, item));
  }
  return handles;
}

/** Names of the ops that evaluating `arrays` would run, unordered; an op with several outputs counts once. */
napi_value pending_ops(Call& call, std::vector<array> left) {
  napi_value names = nullptr;
  uint32_t count = 0;
  check(call.env, napi_create_array(call.env, &names));
  std::unordered_set<std::uintptr_t> seen;
  while (!left.empty()) {
    const array a = std::move(left.back());
    left.pop_back();
    if (a.status() != array::Status::unscheduled || !a.has_primitive() || !seen.insert(a.id()).second) continue;
    for (const auto& sibling : a.siblings()) seen.insert(sibling.id());
    check(call.env, napi_set_element(call.env, names, count++, to_js(call, std::string(a.primitive().name()))));
    left.insert(left.end(), a.inputs().begin(), a.inputs().end());
  }
  return names;
}

constexpr Op kOps[] = {
    op("pendingOps", "arrays", [](VarArgs arrays, Call* call) { return pending_ops(*call, std::move(arrays.arrays)); }),
    op("eval", "arrays", [](VarArgs arrays, Call* call) {
      call->addon.release_deferred();
      mx::eval(std::move(arrays.arrays));
    }),
    op("asyncEval", "arrays", [](VarArgs arrays, Call* call) {
      call->addon.release_deferred();
      mx::async_eval(std::move(arrays.arrays));
    }),
    op("isAvailable", "a", [](array a) {
      // An array that is not queued is not available, and MLX would wait for its event.
      return a.status() != array::Status::unscheduled && a.is_available();
    }),
    op("whenAvailable", "arrays", [](VarArgs arrays, Call* call) { return call->addon.waiter().wait_for(arrays.arrays); }),

    op("scopeOpen", "", [](Call* call) { return call->addon.open_scope(); }),
    op("scopeClose", "depth, survivors", [](int depth, napi_value survivors, Call* call) {
      if (depth < 0) throw wrong_value("a scope's depth must not be negative");
      call->addon.close_scopes(static_cast<size_t>(depth), survivors ? handles_from(*call, 1, survivors) : std::vector<Handle*>{});
      call->addon.release_deferred();
    }),
    op("keep", "a", [](napi_value a, Call* call) {
      if (a == nullptr) missing(*call, 0);
      Handle& handle = handle_from(*call, 0, a);
      if (!handle.value) throw wrong_value("argument 'a' was disposed");
      call->addon.keep(handle);
      return a;
    }),
    op("dispose", "arrays", [](napi_value arrays, Call* call) {
      if (arrays == nullptr) missing(*call, 0);
      for (Handle* handle : handles_from(*call, 0, arrays)) call->addon.dispose(*handle);
    }),
    op("liveArrays", "", [](Call* call) { return call->addon.live(); }),
};

}  // namespace

void init_transforms(Addon& addon, napi_value exports) {
  bind(addon, exports, kOps);
}

}  // namespace sotto

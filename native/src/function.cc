// JavaScript functions that MLX traces: compilation, gradients, vectorization.
//
// JavaScript passes a function from a list of arrays to a list of arrays (native/function.ts flattens trees). It runs
// in its own tidy scope, which frees the arrays of the trace.
#include "mlx/compile.h"
#include "mlx/transforms.h"

#include "areas.h"
#include "call.h"
#include "function.h"

namespace sotto {

namespace {

using Arrays = std::vector<array>;
using Traced = std::function<Arrays(const Arrays&)>;

/** Closes the scopes of a trace, also on an exception. */
class TraceScope {
 public:
  explicit TraceScope(Addon& addon) : addon_(addon), depth_(addon.open_scope()) {
    napi_open_handle_scope(addon.env, &handles_);
  }
  ~TraceScope() {
    napi_close_handle_scope(addon_.env, handles_);
    addon_.close_scopes(depth_, {});
  }

 private:
  Addon& addon_;
  size_t depth_;
  napi_handle_scope handles_ = nullptr;
};

Arrays results_from(Addon& addon, napi_value list) {
  bool is = false;
  check(addon.env, napi_is_array(addon.env, list, &is));
  if (!is) throw wrong_type("the function must return arrays");
  uint32_t count = 0;
  check(addon.env, napi_get_array_length(addon.env, list, &count));
  Arrays results;
  for (uint32_t i = 0; i < count; i++) {
    napi_value item = nullptr;
    check(addon.env, napi_get_element(addon.env, list, i, &item));
    Handle* handle = addon.handle(item);
    if (handle == nullptr) throw wrong_type("the function must return arrays");
    if (!handle->value) throw wrong_value("the function returned a disposed array");
    results.push_back(*handle->value);
  }
  return results;
}

/** A JavaScript function as MLX's function type. */
class JsFunction {
 public:
  JsFunction(Addon& addon, napi_value function) : addon_(addon) {
    check(addon.env, napi_create_reference(addon.env, function, 1, &function_));
  }
  JsFunction(const JsFunction&) = delete;
  ~JsFunction() {
    if (!addon_.closed()) napi_delete_reference(addon_.env, function_);
  }

  Arrays operator()(const Arrays& inputs) {
    napi_env env = addon_.env;
    TraceScope scope(addon_);
    napi_value function = nullptr;
    napi_value self = nullptr;
    napi_value list = nullptr;
    napi_value result = nullptr;
    check(env, napi_get_reference_value(env, function_, &function));
    check(env, napi_get_undefined(env, &self));
    check(env, napi_create_array_with_length(env, inputs.size(), &list));
    for (uint32_t i = 0; i < inputs.size(); i++) check(env, napi_set_element(env, list, i, addon_.wrap(inputs[i])));
    check(env, napi_call_function(env, self, function, 1, &list, &result));
    return results_from(addon_, result);
  }

 private:
  Addon& addon_;
  napi_ref function_ = nullptr;
};

std::shared_ptr<JsFunction> function_from(Call& call, size_t i, napi_value value) {
  if (value == nullptr) missing(call, i);
  napi_valuetype type;
  check(call.env, napi_typeof(call.env, value, &type));
  if (type != napi_function) mistyped(call, i, "a function", value);
  return std::make_shared<JsFunction>(call.addon, value);
}

Traced traced(std::shared_ptr<JsFunction> function) {
  return [function = std::move(function)](const Arrays& inputs) { return (*function)(inputs); };
}

napi_value pair_to_js(Call& call, std::pair<Arrays, Arrays> both) {
  napi_value list = nullptr;
  check(call.env, napi_create_array_with_length(call.env, 2, &list));
  check(call.env, napi_set_element(call.env, list, 0, to_js(call, std::move(both.first))));
  check(call.env, napi_set_element(call.env, list, 1, to_js(call, std::move(both.second))));
  return list;
}

}  // namespace

struct Compiled {
  std::shared_ptr<JsFunction> function;
  bool shapeless;
  Traced run;
};

namespace {

constexpr Op kOps[] = {
    op("compileFunction", "fun, shapeless",
       [](napi_value fun, Default<false> shapeless, Call* call) {
         auto function = function_from(*call, 0, fun);
         auto run = mx::compile(traced(function), shapeless);
         return call->addon.compiled.add(std::make_shared<Compiled>(Compiled{std::move(function), shapeless, std::move(run)}));
       }),
    op("runCompiled", "id, arrays",
       [](int id, Arrays arrays, Call* call) {
         std::shared_ptr<Compiled> compiled = call->addon.compiled.find(id);
         if (!compiled) throw wrong_value("the compiled function was disposed");
         try {
           return compiled->run(arrays);
         } catch (...) {
           // A failed trace leaves an incomplete entry in MLX's cache, which the next call would use.
           compiled->run = mx::compile(traced(compiled->function), compiled->shapeless);
           throw;
         }
       }),
    op("disposeCompiled", "id", [](int id, Call* call) { call->addon.compiled.remove(id); }),
    op("disableCompile", "", []() { mx::disable_compile(); }),
    op("enableCompile", "", []() { mx::enable_compile(); }),

    op("valueAndGradOf", "fun, argnums, arrays",
       [](napi_value fun, std::vector<int> argnums, Arrays arrays, Call* call) {
         return pair_to_js(*call, mx::value_and_grad(traced(function_from(*call, 0, fun)), argnums)(arrays));
       }),
    op("vjpOf", "fun, primals, cotangents",
       [](napi_value fun, Arrays primals, Arrays cotangents, Call* call) {
         return pair_to_js(*call, mx::vjp(traced(function_from(*call, 0, fun)), primals, cotangents));
       }),
    op("jvpOf", "fun, primals, tangents",
       [](napi_value fun, Arrays primals, Arrays tangents, Call* call) {
         return pair_to_js(*call, mx::jvp(traced(function_from(*call, 0, fun)), primals, tangents));
       }),
    op("vmapOf", "fun, inAxes, outAxes, arrays",
       [](napi_value fun, std::vector<int> in_axes, std::vector<int> out_axes, Arrays arrays, Call* call) {
         auto function = function_from(*call, 0, fun);
         return mx::vmap(traced(std::move(function)), in_axes, out_axes)(arrays);
       }),
};

}  // namespace

int CompiledTable::add(std::shared_ptr<Compiled> compiled) {
  entries_.emplace(++last_, std::move(compiled));
  return last_;
}

std::shared_ptr<Compiled> CompiledTable::find(int id) const {
  auto found = entries_.find(id);
  return found == entries_.end() ? nullptr : found->second;
}

void CompiledTable::remove(int id) {
  entries_.erase(id);
}

void init_function(Addon& addon, napi_value exports) {
  bind(addon, exports, kOps);
}

}  // namespace sotto

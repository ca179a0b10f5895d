// Properties of dtypes.
#include "mlx/dtype.h"

#include "areas.h"
#include "call.h"
#include "mlx/utils.h"

namespace sotto {

namespace {

struct NamedCategory {
  const char* name;
  Dtype::Category category;
};
constexpr NamedCategory kCategories[] = {
    {"complexfloating", mx::complexfloating}, {"floating", mx::floating},
    {"inexact", mx::inexact},                 {"signedinteger", mx::signedinteger},
    {"unsignedinteger", mx::unsignedinteger}, {"integer", mx::integer},
    {"number", mx::number},                   {"generic", mx::generic},
};

bool issubdtype(Dtype dtype, std::string kind, Call* call) {
  for (auto& named : kCategories) {
    if (kind == named.name) return mx::issubdtype(dtype, named.category);
  }
  return mx::issubdtype(dtype, dtype_from(*call, 1, call->get(1)));
}

void set(Call& call, napi_value object, const char* name, napi_value value) {
  check(call.env, napi_set_named_property(call.env, object, name, value));
}

constexpr Op kOps[] = {
    op("promoteTypes", "a, b", [](Dtype a, Dtype b) { return mx::promote_types(a, b); }),
    op("resultType", "arrays", [](VarArgs arrays) { return mx::result_type(arrays.arrays); }),
    op<issubdtype>("issubdtype", "dtype, kind"),
    op("finfo", "dtype",
       [](Dtype dtype, Call* call) {
         mx::finfo info(dtype);
         napi_value object = nullptr;
         check(call->env, napi_create_object(call->env, &object));
         set(*call, object, "bits", to_js(*call, info.bits));
         set(*call, object, "min", to_js(*call, info.min));
         set(*call, object, "max", to_js(*call, info.max));
         set(*call, object, "eps", to_js(*call, info.eps));
         set(*call, object, "smallestNormal", to_js(*call, info.smallest_normal));
         return object;
       }),
    op("iinfo", "dtype",
       [](Dtype dtype, Call* call) {
         mx::iinfo info(dtype);
         napi_value object = nullptr;
         napi_value low = nullptr;
         napi_value high = nullptr;
         check(call->env, napi_create_object(call->env, &object));
         check(call->env, napi_create_bigint_int64(call->env, info.min, &low));
         check(call->env, napi_create_bigint_uint64(call->env, info.max, &high));
         set(*call, object, "min", low);
         set(*call, object, "max", high);
         return object;
       }),
};

}  // namespace

void init_dtype(Addon& addon, napi_value exports) {
  bind(addon, exports, kOps);
}

}  // namespace sotto

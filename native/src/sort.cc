// Sorting, partial sorting, searching.
#include "areas.h"
#include "call.h"
#include "mlx/ops.h"

namespace sotto {

namespace {

using All = array (*)(const array&, mx::StreamOrDevice);
using Along = array (*)(const array&, int, mx::StreamOrDevice);
using KthAll = array (*)(const array&, int, mx::StreamOrDevice);
using KthAlong = array (*)(const array&, int, int, mx::StreamOrDevice);

// As in Python: the last axis if `axis` is omitted, the flattened array if it is null.
bool flattened(const Call& call, size_t i) {
  if (i >= call.count) return false;
  napi_valuetype type = napi_undefined;
  check(call.env, napi_typeof(call.env, call.values[i], &type));
  return type == napi_null;
}

template <All Flat, Along Axis>
array sorted(array a, Default<-1> axis, Stream s, Call* call) {
  return flattened(*call, 1) ? Flat(a, s) : Axis(a, axis, s);
}

template <KthAll Flat, KthAlong Axis>
array kth(array a, int k, Default<-1> axis, Stream s, Call* call) {
  return flattened(*call, 2) ? Flat(a, k, s) : Axis(a, k, axis, s);
}

constexpr Op kOps[] = {
    op<sorted<mx::sort, mx::sort>>("sort", "a, axis"),
    op<sorted<mx::argsort, mx::argsort>>("argsort", "a, axis"),
    op<kth<mx::partition, mx::partition>>("partition", "a, kth, axis"),
    op<kth<mx::argpartition, mx::argpartition>>("argpartition", "a, kth, axis"),
    op<kth<mx::topk, mx::topk>>("topk", "a, k, axis"),
    op("searchsorted", "sortedSequence, values, side",
       [](array sequence, Operand values, std::optional<std::string> side, Stream s) {
         return mx::searchsorted(sequence, values.with_dtype_of(Operand{sequence}), side.value_or("left"), s);
       }),
    op("unique", "a, size, returnIndex, returnInverse, returnCounts, fillValue",
       [](array a, int size, Default<false> index, Default<false> inverse, Default<false> counts, std::optional<Operand> fill, Stream s,
          Call* call) {
         std::optional<array> value;
         if (fill) value = fill->with_dtype_of(Operand{a});
         auto result = mx::unique(a, size, index, inverse, counts, value, s);
         return result.size() == 1 ? to_js(*call, std::move(result.front())) : to_js(*call, std::move(result));
       }),
};

}  // namespace

void init_sort(Addon& addon, napi_value exports) {
  bind(addon, exports, kOps);
}

}  // namespace sotto

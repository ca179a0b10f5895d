// Reductions over axes and scans along one.
#include <algorithm>

#include "areas.h"
#include "call.h"
#include "mlx/ops.h"

namespace sotto {

namespace {

using Reduce = array (*)(const array&, const std::vector<int>&, bool, mx::StreamOrDevice);
using Spread = array (*)(const array&, const std::vector<int>&, bool, int, mx::StreamOrDevice);
using ArgAll = array (*)(const array&, bool, mx::StreamOrDevice);
using ArgAxis = array (*)(const array&, int, bool, mx::StreamOrDevice);

template <Reduce F>
array reduce(array a, Axes axis, Default<false> keepdims, Stream s) {
  return F(a, axis.of(a), keepdims, s);
}

template <Spread F>
array spread(array a, Axes axis, Default<false> keepdims, Default<0> ddof, Stream s) {
  return F(a, axis.of(a), keepdims, ddof, s);
}

template <ArgAll All, ArgAxis Along>
array arg(array a, std::optional<int> axis, Default<false> keepdims, Stream s) {
  return axis ? Along(a, *axis, keepdims, s) : All(a, keepdims, s);
}

using ScanAll = array (*)(const array&, bool, bool, mx::StreamOrDevice);
using ScanAxis = array (*)(const array&, int, bool, bool, mx::StreamOrDevice);

template <ScanAll All, ScanAxis Along>
array scan(array a, std::optional<int> axis, Default<false> reverse, Default<true> inclusive, Stream s) {
  return axis ? Along(a, *axis, reverse, inclusive, s) : All(a, reverse, inclusive, s);
}

constexpr const char* kReduce = "a, axis, keepdims";
constexpr const char* kScan = "a, axis, *, reverse, inclusive";

constexpr Op kOps[] = {
    op<reduce<mx::all>>("all", kReduce),
    op<reduce<mx::any>>("any", kReduce),
    op<reduce<mx::max>>("max", kReduce),
    op<reduce<mx::mean>>("mean", kReduce),
    op<reduce<mx::median>>("median", kReduce),
    op<reduce<mx::min>>("min", kReduce),
    op<reduce<mx::prod>>("prod", kReduce),
    op<reduce<mx::sum>>("sum", kReduce),
    op<reduce<mx::logsumexp>>("logsumexp", kReduce),
    op<spread<mx::std>>("std", "a, axis, keepdims, ddof"),
    op<spread<mx::var>>("var", "a, axis, keepdims, ddof"),
    op<arg<mx::argmax, mx::argmax>>("argmax", kReduce),
    op<arg<mx::argmin, mx::argmin>>("argmin", kReduce),
    op("minmax", kReduce,
       [](array a, Axes axis, Default<false> keepdims, Stream s) { return mx::minmax(a, axis.of(a), keepdims, s); }),
    op("countNonzero", "a, *, axis, keepdims",
       [](array a, Axes axis, Default<false> keepdims, Stream s) { return mx::count_nonzero(a, axis.of(a), keepdims, s); }),

    op<scan<mx::cummax, mx::cummax>>("cummax", kScan),
    op<scan<mx::cummin, mx::cummin>>("cummin", kScan),
    op<scan<mx::logcumsumexp, mx::logcumsumexp>>("logcumsumexp", kScan),
    op("cumsum", "a, axis, *, reverse, inclusive, dtype",
       [](array a, std::optional<int> axis, Default<false> reverse, Default<true> inclusive, std::optional<Dtype> dtype, Stream s) {
         return axis ? mx::cumsum(a, *axis, reverse, inclusive, dtype, s) : mx::cumsum(a, reverse, inclusive, dtype, s);
       }),
    op("cumprod", "a, axis, *, reverse, inclusive, dtype",
       [](array a, std::optional<int> axis, Default<false> reverse, Default<true> inclusive, std::optional<Dtype> dtype, Stream s) {
         return axis ? mx::cumprod(a, *axis, reverse, inclusive, dtype, s) : mx::cumprod(a, reverse, inclusive, dtype, s);
       }),
    op("softmax", "a, axis, *, precise",
       [](array a, Axes axis, Default<false> precise, Stream s) { return mx::softmax(a, axis.of(a), precise, s); }),
    op("diff", "a, n, axis", [](array a, Default<1> n, Default<-1> axis, Stream s) {
         // MLX's loop runs n times, but no elements remain after as many differences as there are elements.
         const bool has_axis = axis >= -static_cast<int>(a.ndim()) && axis < static_cast<int>(a.ndim());
         return mx::diff(a, has_axis ? std::min<int>(n, a.shape(axis)) : n, axis, s);
       }),
};

}  // namespace

void init_reduce(Addon& addon, napi_value exports) {
  bind(addon, exports, kOps);
}

}  // namespace sotto

// mx.linalg. MLX implements these on the CPU only, so without a stream they run there on every default device.
#include "mlx/linalg.h"

#include "areas.h"
#include "call.h"

namespace sotto {

namespace {

mx::StreamOrDevice on_cpu(const Stream& s) {
  return std::holds_alternative<std::monostate>(s.value) ? mx::StreamOrDevice(mx::Device::cpu) : s.value;
}

/** LAPACK's batches divide by the matrix size. @throws Failure for an array without elements */
array filled(array a) {
  if (a.size() == 0) throw wrong_value("an empty array has no matrices");
  return a;
}

/** `ord` is a number, Infinity, 'fro', 'nuc' or omitted. */
array norm(array a, napi_value ord, Axes axis, Default<false> keepdims, Stream s, Call* call) {
  if (ord == nullptr) return mx::linalg::norm(a, axis.list, keepdims, s);
  napi_valuetype type;
  check(call->env, napi_typeof(call->env, ord, &type));
  // The nuclear norm and the spectral ones need an SVD.
  if (type == napi_string) {
    auto name = string_from(*call, 1, ord);
    return mx::linalg::norm(a, name, axis.list, keepdims, name == "nuc" ? on_cpu(s) : s.value);
  }
  double order = number_from(*call, 1, ord);
  bool matrix = axis.list ? axis.list->size() == 2 : a.ndim() == 2;
  bool spectral = matrix && (order == 2 || order == -2);
  return mx::linalg::norm(a, order, axis.list, keepdims, spectral ? on_cpu(s) : s.value);
}

constexpr Op kOps[] = {
    op<norm>("norm", "a, ord, axis, keepdims"),
    op("qr", "a", [](array a, Stream s) { return mx::linalg::qr(filled(a), on_cpu(s)); }),
    op("svd", "a, computeUv",
       [](array a, Default<true> compute_uv, Stream s, Call* call) {
         auto result = mx::linalg::svd(filled(a), compute_uv, on_cpu(s));
         return result.size() == 1 ? to_js(*call, std::move(result.front())) : to_js(*call, std::move(result));
       }),
    op("inv", "a", [](array a, Stream s) { return mx::linalg::inv(filled(a), on_cpu(s)); }),
    op("triInv", "a, upper", [](array a, Default<false> upper, Stream s) { return mx::linalg::tri_inv(filled(a), upper, on_cpu(s)); }),
    op("cholesky", "a, upper", [](array a, Default<false> upper, Stream s) { return mx::linalg::cholesky(filled(a), upper, on_cpu(s)); }),
    op("choleskyInv", "a, upper", [](array a, Default<false> upper, Stream s) { return mx::linalg::cholesky_inv(filled(a), upper, on_cpu(s)); }),
    op("pinv", "a", [](array a, Stream s) { return mx::linalg::pinv(filled(a), on_cpu(s)); }),
    op("lu", "a", [](array a, Stream s) { return mx::linalg::lu(filled(a), on_cpu(s)); }),
    op("luFactor", "a", [](array a, Stream s) { return mx::linalg::lu_factor(filled(a), on_cpu(s)); }),
    op("solve", "a, b", [](array a, array b, Stream s) { return mx::linalg::solve(filled(a), filled(b), on_cpu(s)); }),
    op("solveTriangular", "a, b, *, upper",
       [](array a, array b, Default<false> upper, Stream s) { return mx::linalg::solve_triangular(filled(a), filled(b), upper, on_cpu(s)); }),
    op("cross", "a, b, axis", [](array a, array b, Default<-1> axis, Stream s) { return mx::linalg::cross(a, b, axis, s); }),
    op("eig", "a", [](array a, Stream s) { return mx::linalg::eig(filled(a), on_cpu(s)); }),
    op("eigvals", "a", [](array a, Stream s) { return mx::linalg::eigvals(filled(a), on_cpu(s)); }),
    op("eigh", "a, uplo",
       [](array a, std::optional<std::string> uplo, Stream s) { return mx::linalg::eigh(filled(a), uplo.value_or("L"), on_cpu(s)); }),
    op("eigvalsh", "a, uplo",
       [](array a, std::optional<std::string> uplo, Stream s) { return mx::linalg::eigvalsh(filled(a), uplo.value_or("L"), on_cpu(s)); }),
    op("det", "a", [](array a, Stream s) { return mx::linalg::det(a, on_cpu(s)); }),
    op("slogdet", "a", [](array a, Stream s) { return mx::linalg::slogdet(filled(a), on_cpu(s)); }),
};

}  // namespace

void init_linalg(Addon& addon, napi_value exports) {
  bind(addon, make_namespace(addon, exports, "linalg"), kOps);
}

}  // namespace sotto

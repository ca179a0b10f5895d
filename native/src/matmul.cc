// Products of vectors, matrices and tensors.
#include "areas.h"
#include "index_bounds.h"
#include "call.h"
#include "mlx/einsum.h"
#include "mlx/ops.h"

namespace sotto {

namespace {

/** A number of trailing axes, or [axesOfA, axesOfB]. */
array tensordot(array a, array b, napi_value axes, Stream s, Call* call) {
  if (axes == nullptr) return mx::tensordot(a, b, 2, s);
  bool list = false;
  check(call->env, napi_is_array(call->env, axes, &list));
  if (!list) return mx::tensordot(a, b, int_from(*call, 2, axes), s);
  napi_value first = nullptr;
  napi_value second = nullptr;
  check(call->env, napi_get_element(call->env, axes, 0, &first));
  check(call->env, napi_get_element(call->env, axes, 1, &second));
  return mx::tensordot(a, b, ints_from(*call, 2, first), ints_from(*call, 2, second), s);
}

/** Indices of matrices in a batch. */
std::optional<array> matrices_of(const array& batch, const std::optional<array>& positions, Stream s) {
  if (!positions || batch.ndim() < 2) return positions;
  int64_t count = 1;
  for (size_t i = 0; i + 2 < batch.ndim(); i++) count *= batch.shape(i);
  return bound_indices(*positions, {.length = count, .negatives = false}, s);
}

constexpr Op kOps[] = {
    op("matmul", "a, b", [](array a, array b, Stream s) { return mx::matmul(a, b, s); }),
    op("addmm", "c, a, b, alpha, beta",
       [](array c, array a, array b, std::optional<double> alpha, std::optional<double> beta, Stream s) {
         return mx::addmm(c, a, b, static_cast<float>(alpha.value_or(1)), static_cast<float>(beta.value_or(1)), s);
       }),
    op("inner", "a, b", [](array a, array b, Stream s) { return mx::inner(a, b, s); }),
    op("outer", "a, b", [](array a, array b, Stream s) { return mx::outer(a, b, s); }),
    op("kron", "a, b", [](array a, array b, Stream s) { return mx::kron(a, b, s); }),
    op("vecdot", "a, b, *, axis", [](array a, array b, Default<-1> axis, Stream s) { return mx::vecdot(a, b, axis, s); }),
    op<tensordot>("tensordot", "a, b, axes"),
    op("einsum", "subscripts, operands",
       [](std::string subscripts, VarArgs operands, Stream s) { return mx::einsum(subscripts, operands.arrays, s); }),
    op("einsumPath", "subscripts, operands",
       [](std::string subscripts, VarArgs operands, Call* call) {
         auto [path, text] = mx::einsum_path(subscripts, operands.arrays);
         napi_value steps = nullptr;
         napi_value both = nullptr;
         check(call->env, napi_create_array_with_length(call->env, path.size(), &steps));
         for (uint32_t i = 0; i < path.size(); i++) check(call->env, napi_set_element(call->env, steps, i, to_js(*call, path[i])));
         check(call->env, napi_create_array_with_length(call->env, 2, &both));
         check(call->env, napi_set_element(call->env, both, 0, steps));
         check(call->env, napi_set_element(call->env, both, 1, to_js(*call, text)));
         return both;
       }),
    op("gatherMm", "a, b, lhsIndices, rhsIndices, *, sortedIndices",
       [](array a, array b, std::optional<array> lhs, std::optional<array> rhs, Default<false> sorted, Stream s) {
         return mx::gather_mm(a, b, matrices_of(a, lhs, s), matrices_of(b, rhs, s), sorted, s);
       }),
    op("blockMaskedMm", "a, b, blockSize, maskOut, maskLhs, maskRhs",
       [](array a, array b, Default<64> block, std::optional<array> out, std::optional<array> lhs, std::optional<array> rhs, Stream s) {
         return mx::block_masked_mm(a, b, block, out, lhs, rhs, s);
       }),
    op("segmentedMm", "a, b, segments",
       [](array a, array b, array segments, Stream s) {
         if (a.ndim() < 2) return mx::segmented_mm(a, b, segments, s);
         // The end of a segment is one past its last column.
         return mx::segmented_mm(a, b, bound_indices(segments, {.length = int64_t{a.shape(-1)} + 1, .negatives = false}, s), s);
       }),
    op("hadamardTransform", "a, scale",
       [](array a, std::optional<double> scale, Stream s) {
         return mx::hadamard_transform(a, scale ? std::optional<float>(*scale) : std::nullopt, s);
       }),
};

}  // namespace

void init_matmul(Addon& addon, napi_value exports) {
  bind(addon, exports, kOps);
}

}  // namespace sotto

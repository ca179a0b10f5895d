// Quantized weights: groups of a row share a scale and a bias (mode 'affine'), or use one of the mx/nv formats.
#include "areas.h"
#include "index_bounds.h"
#include "call.h"
#include "mlx/ops.h"
#include "sizes.h"

namespace sotto {

namespace {

using MaybeInt = std::optional<int>;
using MaybeArray = std::optional<array>;

std::string mode_or(const std::optional<std::string>& mode, const char* fallback) {
  return mode.value_or(fallback);
}

/** Indices of matrices in a batch. */
std::optional<array> matrices_of(const array& batch, const std::optional<array>& positions, Stream s) {
  if (!positions || batch.ndim() < 2) return positions;
  int64_t count = 1;
  for (size_t i = 0; i + 2 < batch.ndim(); i++) count *= batch.shape(i);
  return bound_indices(*positions, {.length = count, .negatives = false}, s);
}

/** MLX divides by both before checking them. */
void check_packing(MaybeInt group, MaybeInt bits) {
  if (group && *group < 1) throw wrong_value("'groupSize' must be positive, got " + std::to_string(*group));
  if (bits && (*bits < 1 || *bits > 32)) throw wrong_value("'bits' must be 1 to 32, got " + std::to_string(*bits));
}

/** MLX compares all but the last two sizes of quantized weights and scales, even if there are fewer than two. */
void check_packed(const array& w, const MaybeArray& scales) {
  if (w.ndim() < 2) throw wrong_value("quantized weights must have two axes or more, got shape " + shape_text(w.shape()));
  if (scales && scales->ndim() < 2) throw wrong_value("scales must have two axes or more, got shape " + shape_text(scales->shape()));
}

constexpr Op kOps[] = {
    op("quantize", "w, groupSize, bits, mode, *, globalScale",
       [](array w, MaybeInt group, MaybeInt bits, std::optional<std::string> mode, MaybeArray scale, Stream s) {
         check_packing(group, bits);
         return mx::quantize(w, group, bits, mode_or(mode, "affine"), scale, s);
       }),
    op("dequantize", "w, scales, biases, groupSize, bits, mode, globalScale, dtype",
       [](array w, array scales, MaybeArray biases, MaybeInt group, MaybeInt bits, std::optional<std::string> mode,
          MaybeArray scale, std::optional<Dtype> dtype, Stream s) {
         check_packing(group, bits);
         check_packed(w, scales);
         return mx::dequantize(w, scales, biases, group, bits, mode_or(mode, "affine"), scale, dtype, s);
       }),
    op("quantizedMatmul", "x, w, scales, biases, transpose, groupSize, bits, mode",
       [](array x, array w, array scales, MaybeArray biases, Default<true> transpose, MaybeInt group, MaybeInt bits,
          std::optional<std::string> mode, Stream s) {
         check_packing(group, bits);
         check_packed(w, scales);
         return mx::quantized_matmul(x, w, scales, biases, transpose, group, bits, mode_or(mode, "affine"), s);
       }),
    op("gatherQmm",
       "x, w, scales, biases, lhsIndices, rhsIndices, transpose, groupSize, bits, mode, globalScale, *, sortedIndices",
       [](array x, array w, array scales, MaybeArray biases, MaybeArray lhs, MaybeArray rhs, Default<true> transpose, MaybeInt group,
          MaybeInt bits, std::optional<std::string> mode, MaybeArray scale, Default<false> sorted, Stream s) {
         check_packing(group, bits);
         check_packed(w, scales);
         return mx::gather_qmm(x, w, scales, biases, matrices_of(x, lhs, s), matrices_of(w, rhs, s), transpose, group, bits, mode_or(mode, "affine"), scale, sorted, s);
       }),
    op("qqmm", "x, w, scales, groupSize, bits, mode, globalScaleX, globalScaleW",
       [](array x, array w, MaybeArray scales, MaybeInt group, MaybeInt bits, std::optional<std::string> mode, MaybeArray scale_x,
          MaybeArray scale_w, Stream s) {
         check_packing(group, bits);
         check_packed(w, scales);
         return mx::qqmm(x, w, scales, group, bits, mode_or(mode, "nvfp4"), scale_x, scale_w, s);
       }),
    op("gatherQqmm",
       "x, w, scales, lhsIndices, rhsIndices, groupSize, bits, mode, globalScaleX, globalScaleW, *, sortedIndices",
       [](array x, array w, MaybeArray scales, MaybeArray lhs, MaybeArray rhs, MaybeInt group, MaybeInt bits,
          std::optional<std::string> mode, MaybeArray scale_x, MaybeArray scale_w, Default<false> sorted, Stream s) {
         check_packing(group, bits);
         check_packed(w, scales);
         return mx::gather_qqmm(x, w, scales, matrices_of(x, lhs, s), matrices_of(w, rhs, s), group, bits, mode_or(mode, "nvfp4"), scale_x, scale_w, sorted, s);
       }),
    op("toFp8", "x", [](array x, Stream s) { return mx::to_fp8(x, s); }),
    op("fromFp8", "x, dtype",
       [](array x, std::optional<Dtype> dtype, Stream s) { return mx::from_fp8(x, dtype.value_or(mx::bfloat16), s); }),
};

}  // namespace

void init_quantize(Addon& addon, napi_value exports) {
  bind(addon, exports, kOps);
}

}  // namespace sotto

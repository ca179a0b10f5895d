// Elementwise ops: unary, binary with broadcasting and weakly typed scalars, and ternary.
#include "areas.h"
#include "call.h"
#include "mlx/ops.h"

namespace sotto {

namespace {

using Unary = array (*)(const array&, mx::StreamOrDevice);
using Binary = array (*)(const array&, const array&, mx::StreamOrDevice);

template <Unary F>
array unary(array a, Stream s) {
  return F(a, s);
}

template <Binary F>
array binary(Operand a, Operand b, Stream s) {
  return F(a.with_dtype_of(b), b.with_dtype_of(a), s);
}

template <Unary F>
constexpr Op one(const char* name) {
  return op<unary<F>>(name, "a");
}

template <Binary F>
constexpr Op two(const char* name) {
  return op<binary<F>>(name, "a, b");
}

/** Whether the processor's integer division may trap: by 0, or the minimum by -1. */
bool may_trap(const Operand& a, const Operand& b) {
  if (!mx::issubdtype(mx::result_type(a.with_dtype_of(b), b.with_dtype_of(a)), mx::integer)) return false;
  auto* number = std::get_if<double>(&b.value);
  return number == nullptr || *number == 0 || *number == -1;
}

/** Integer quotient and remainder with every division defined: by 0 they are 0 and `a`, as in MLX; by -1, -a and 0. */
std::pair<array, array> divided(array a, array b, Stream s) {
  const Dtype dtype = mx::result_type(a, b);
  a = mx::astype(a, dtype, s);
  b = mx::astype(b, dtype, s);
  const array none(0, dtype);
  const array by_zero = mx::equal(b, none, s);
  // For unsigned dtypes -1 is the maximum: dividing by it can't trap, and its quotient is never -a.
  const array by_minus_one = mx::issubdtype(dtype, mx::signedinteger) ? mx::equal(b, array(-1, dtype), s) : array(false);
  const array divisor = mx::where(mx::logical_or(by_zero, by_minus_one, s), array(1, dtype), b, s);
  array quotient = mx::where(by_minus_one, mx::negative(a, s), mx::floor_divide(a, divisor, s), s);
  array rest = mx::where(by_minus_one, none, mx::remainder(a, divisor, s), s);
  return {mx::where(by_zero, none, quotient, s), mx::where(by_zero, a, rest, s)};
}

array floor_divide(Operand a, Operand b, Stream s) {
  if (may_trap(a, b)) return divided(a.with_dtype_of(b), b.with_dtype_of(a), s).first;
  return mx::floor_divide(a.with_dtype_of(b), b.with_dtype_of(a), s);
}

array remainder(Operand a, Operand b, Stream s) {
  if (may_trap(a, b)) return divided(a.with_dtype_of(b), b.with_dtype_of(a), s).second;
  return mx::remainder(a.with_dtype_of(b), b.with_dtype_of(a), s);
}

constexpr Op kOps[] = {
    one<mx::abs>("abs"),
    one<mx::arccos>("arccos"),
    one<mx::arccosh>("arccosh"),
    one<mx::arcsin>("arcsin"),
    one<mx::arcsinh>("arcsinh"),
    one<mx::arctan>("arctan"),
    one<mx::arctanh>("arctanh"),
    one<mx::bitwise_invert>("bitwiseInvert"),
    one<mx::ceil>("ceil"),
    one<mx::conjugate>("conjugate"),
    one<mx::conjugate>("conj"),
    one<mx::cos>("cos"),
    one<mx::cosh>("cosh"),
    one<mx::degrees>("degrees"),
    one<mx::erf>("erf"),
    one<mx::erfinv>("erfinv"),
    one<mx::exp>("exp"),
    one<mx::expm1>("expm1"),
    one<mx::floor>("floor"),
    one<mx::imag>("imag"),
    one<mx::isfinite>("isfinite"),
    one<mx::isinf>("isinf"),
    one<mx::isnan>("isnan"),
    one<mx::isneginf>("isneginf"),
    one<mx::isposinf>("isposinf"),
    one<mx::log>("log"),
    one<mx::log10>("log10"),
    one<mx::log1p>("log1p"),
    one<mx::log2>("log2"),
    one<mx::logical_not>("logicalNot"),
    one<mx::negative>("negative"),
    one<mx::positive>("positive"),
    one<mx::radians>("radians"),
    one<mx::real>("real"),
    one<mx::reciprocal>("reciprocal"),
    one<mx::rsqrt>("rsqrt"),
    one<mx::sigmoid>("sigmoid"),
    one<mx::sign>("sign"),
    one<mx::sin>("sin"),
    one<mx::sinh>("sinh"),
    one<mx::sqrt>("sqrt"),
    one<mx::square>("square"),
    one<mx::stop_gradient>("stopGradient"),
    one<mx::tan>("tan"),
    one<mx::tanh>("tanh"),
    one<mx::trunc>("trunc"),
    op("round", "a, decimals", [](array a, Default<0> decimals, Stream s) { return mx::round(a, decimals, s); }),

    two<mx::add>("add"),
    two<mx::arctan2>("arctan2"),
    two<mx::bitwise_and>("bitwiseAnd"),
    two<mx::bitwise_or>("bitwiseOr"),
    two<mx::bitwise_xor>("bitwiseXor"),
    two<mx::divide>("divide"),
    two<mx::equal>("equal"),
    op<floor_divide>("floorDivide", "a, b"),
    two<mx::greater>("greater"),
    two<mx::greater_equal>("greaterEqual"),
    two<mx::left_shift>("leftShift"),
    two<mx::less>("less"),
    two<mx::less_equal>("lessEqual"),
    two<mx::logaddexp>("logaddexp"),
    two<mx::logical_and>("logicalAnd"),
    two<mx::logical_or>("logicalOr"),
    two<mx::logical_xor>("logicalXor"),
    two<mx::maximum>("maximum"),
    two<mx::minimum>("minimum"),
    two<mx::multiply>("multiply"),
    two<mx::not_equal>("notEqual"),
    two<mx::power>("power"),
    op<remainder>("remainder", "a, b"),
    two<mx::right_shift>("rightShift"),
    two<mx::subtract>("subtract"),
    op("divmod", "a, b", [](Operand a, Operand b, Stream s) {
         if (!may_trap(a, b)) return mx::divmod(a.with_dtype_of(b), b.with_dtype_of(a), s);
         auto [quotient, rest] = divided(a.with_dtype_of(b), b.with_dtype_of(a), s);
         auto parts = mx::broadcast_arrays({quotient, rest}, s);
         return parts;
       }),
    op("allclose", "a, b, rtol, atol, *, equalNan",
       [](Operand a, Operand b, std::optional<double> rtol, std::optional<double> atol, Default<false> equal_nan, Stream s) {
         return mx::allclose(a.with_dtype_of(b), b.with_dtype_of(a), rtol.value_or(1e-5), atol.value_or(1e-8), equal_nan, s);
       }),
    op("isclose", "a, b, rtol, atol, *, equalNan",
       [](Operand a, Operand b, std::optional<double> rtol, std::optional<double> atol, Default<false> equal_nan, Stream s) {
         return mx::isclose(a.with_dtype_of(b), b.with_dtype_of(a), rtol.value_or(1e-5), atol.value_or(1e-8), equal_nan, s);
       }),
    op("arrayEqual", "a, b, equalNan",
       [](Operand a, Operand b, Default<false> equal_nan, Stream s) {
         return mx::array_equal(a.with_dtype_of(b), b.with_dtype_of(a), equal_nan, s);
       }),

    op("where", "condition, x, y",
       [](Operand condition, Operand x, Operand y, Stream s) {
         return mx::where(condition.to_array(mx::bool_), x.with_dtype_of(y), y.with_dtype_of(x), s);
       }),
    op("clip", "a, aMin, aMax",
       [](array a, std::optional<Operand> low, std::optional<Operand> high, Stream s) {
         Operand self{a};
         auto bound = [&](const std::optional<Operand>& limit) -> std::optional<array> {
           if (!limit) return std::nullopt;
           return limit->with_dtype_of(self);
         };
         return mx::clip(a, bound(low), bound(high), s);
       }),
    op("nanToNum", "a, nan, posinf, neginf",
       [](array a, std::optional<double> nan, std::optional<double> posinf, std::optional<double> neginf, Stream s) {
         auto narrow = [](std::optional<double> v) { return v ? std::optional<float>(*v) : std::nullopt; };
         return mx::nan_to_num(a, static_cast<float>(nan.value_or(0)), narrow(posinf), narrow(neginf), s);
       }),
};

}  // namespace

void init_elementwise(Addon& addon, napi_value exports) {
  bind(addon, exports, kOps);
}

}  // namespace sotto

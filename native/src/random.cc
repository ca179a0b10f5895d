// mx.random: counter-based generators. With a `key`, a result does not depend on earlier calls.
#include "mlx/random.h"

#include "areas.h"
#include "call.h"

namespace sotto {

namespace {

using Key = std::optional<array>;
using MaybeShape = std::optional<Shape>;
using MaybeDtype = std::optional<Dtype>;

uint64_t seed_from(int64_t seed) {
  return static_cast<uint64_t>(seed);
}

constexpr Op kOps[] = {
    op("seed", "seed", [](int64_t seed) { mx::random::seed(seed_from(seed)); }),
    op("key", "seed", [](int64_t seed) { return mx::random::key(seed_from(seed)); }),
    op("split", "key, num", [](array key, Default<2> num, Stream s) { return mx::random::split(key, num, s); }),
    op("bits", "shape, width, key",
       [](MaybeShape shape, Default<4> width, Key key, Stream s) { return mx::random::bits(shape.value_or(Shape{}), width, key, s); }),
    op("uniform", "low, high, shape, dtype, key",
       [](std::optional<Operand> low, std::optional<Operand> high, MaybeShape shape, MaybeDtype dtype, Key key, Stream s) {
         Dtype out = dtype.value_or(mx::float32);
         array from = low ? low->to_array(out) : array(0, out);
         array to = high ? high->to_array(out) : array(1, out);
         return mx::random::uniform(from, to, shape.value_or(Shape{}), out, key, s);
       }),
    op("normal", "shape, dtype, loc, scale, key",
       [](MaybeShape shape, MaybeDtype dtype, std::optional<Operand> loc, std::optional<Operand> scale, Key key, Stream s) {
         Dtype out = dtype.value_or(mx::float32);
         auto given = [&](const std::optional<Operand>& v) { return v ? Key(v->to_array(out)) : std::nullopt; };
         return mx::random::normal(shape.value_or(Shape{}), out, given(loc), given(scale), key, s);
       }),
    op("multivariateNormal", "mean, cov, shape, dtype, key",
       [](array mean, array cov, MaybeShape shape, MaybeDtype dtype, Key key, Stream s) {
         return mx::random::multivariate_normal(mean, cov, shape.value_or(Shape{}), dtype.value_or(mx::float32), key, s);
       }),
    op("randint", "low, high, shape, dtype, key",
       [](Operand low, Operand high, MaybeShape shape, MaybeDtype dtype, Key key, Stream s) {
         Dtype out = dtype.value_or(mx::int32);
         return mx::random::randint(low.as_element_of(out), high.as_element_of(out), shape.value_or(Shape{}), out, key, s);
       }),
    op("bernoulli", "p, shape, key",
       [](std::optional<array> p, MaybeShape shape, Key key, Stream s) {
         array chance = p.value_or(array(0.5f));
         return shape ? mx::random::bernoulli(chance, *shape, key, s) : mx::random::bernoulli(chance, key, s);
       }),
    op("truncatedNormal", "lower, upper, shape, dtype, key",
       [](Operand lower, Operand upper, MaybeShape shape, MaybeDtype dtype, Key key, Stream s) {
         Dtype out = dtype.value_or(mx::float32);
         array from = lower.to_array(out);
         array to = upper.to_array(out);
         return shape ? mx::random::truncated_normal(from, to, *shape, out, key, s)
                      : mx::random::truncated_normal(from, to, out, key, s);
       }),
    op("gumbel", "shape, dtype, key",
       [](MaybeShape shape, MaybeDtype dtype, Key key, Stream s) {
         return mx::random::gumbel(shape.value_or(Shape{}), dtype.value_or(mx::float32), key, s);
       }),
    op("categorical", "logits, axis, shape, numSamples, key",
       [](array logits, Default<-1> axis, MaybeShape shape, std::optional<int> samples, Key key, Stream s) {
         if (shape && samples) throw wrong_value("give 'shape' or 'numSamples', not both");
         if (shape) return mx::random::categorical(logits, axis, *shape, key, s);
         if (samples) return mx::random::categorical(logits, axis, *samples, key, s);
         return mx::random::categorical(logits, axis, key, s);
       }),
    op("laplace", "shape, dtype, loc, scale, key",
       [](MaybeShape shape, MaybeDtype dtype, std::optional<double> loc, std::optional<double> scale, Key key, Stream s) {
         return mx::random::laplace(shape.value_or(Shape{}), dtype.value_or(mx::float32), static_cast<float>(loc.value_or(0)),
                                    static_cast<float>(scale.value_or(1)), key, s);
       }),
    op("permutation", "x, axis, key",
       [](Operand x, Default<0> axis, Key key, Stream s) {
         if (auto* list = x.as_array()) return mx::random::permutation(*list, axis, key, s);
         const int count = int32_of(x, "x");
         if (count < 0) throw wrong_value("argument 'x' must not be negative");
         return mx::random::permutation(count, key, s);
       }),
};

}  // namespace

void init_random(Addon& addon, napi_value exports) {
  bind(addon, make_namespace(addon, exports, "random"), kOps);
}

}  // namespace sotto

// Convolutions. Inputs are channels-last: [N, L, C], [N, H, W, C], [N, D, H, W, C]; weights [C_out, …kernel, C_in].
#include "areas.h"
#include "call.h"
#include "mlx/ops.h"

namespace sotto {

namespace {

/** A number for every spatial axis, or one per axis. */
template <size_t N>
std::vector<int> spatial(const std::optional<Ints>& given, int fallback, const char* name) {
  auto list = given ? given->times(N) : std::vector<int>(N, fallback);
  if (list.size() == 1) list.assign(N, list.front());
  if (list.size() != N) throw wrong_value(std::string("'") + name + "' must be a number or " + std::to_string(N) + " numbers");
  return list;
}

std::pair<int, int> two(const std::optional<Ints>& given, int fallback, const char* name) {
  auto list = spatial<2>(given, fallback, name);
  return {list[0], list[1]};
}

std::tuple<int, int, int> three(const std::optional<Ints>& given, int fallback, const char* name) {
  auto list = spatial<3>(given, fallback, name);
  return {list[0], list[1], list[2]};
}

/** MLX divides channels by groups, and sizes by the results, without checks. */
void check_channels(const array& input, const array& weight, int groups) {
  if (groups < 1) throw wrong_value("'groups' must be positive, got " + std::to_string(groups));
  for (const array* a : {&input, &weight}) {
    if (a->ndim() > 0 && a->size() == 0) throw wrong_value("neither input nor weight may be empty");
  }
}

using Each = std::optional<Ints>;
constexpr const char* kConv = "input, weight, stride, padding, dilation, groups";
constexpr const char* kTransposed = "input, weight, stride, padding, dilation, outputPadding, groups";

/** Full, same or valid convolution of two vectors, as in NumPy. */
array convolve(array a, array v, std::optional<std::string> mode, Stream s) {
  if (a.ndim() != 1 || v.ndim() != 1) throw wrong_value("both inputs must have one axis");
  if (a.size() == 0 || v.size() == 0) throw wrong_value("inputs must not be empty");
  if (v.size() > a.size()) std::swap(a, v);
  int n = static_cast<int>(v.size());
  std::string how = mode.value_or("full");
  int before = 0;
  int after = 0;
  if (how == "full") {
    before = after = n - 1;
  } else if (how == "same") {
    before = n % 2 ? n / 2 : n / 2;  // an even kernel is centered to the left
    after = n % 2 ? n / 2 : n / 2 - 1;
  } else if (how != "valid") {
    throw wrong_value("'mode' must be 'full', 'same' or 'valid'");
  }
  array input = mx::reshape(a, {1, -1, 1}, s);
  array weight = mx::reshape(mx::flip(v, s), {1, -1, 1}, s);
  array out = mx::conv_general(input, weight, {1}, {before}, {after}, {1}, {1}, 1, false, s);
  return mx::reshape(out, {-1}, s);
}

/** Padding: a number, one per axis, or [before[], after[]]. */
array conv_general(array input, array weight, Each stride, napi_value padding, Each kernel_dilation, Each input_dilation,
                   Default<1> groups, Default<false> flip, Stream s, Call* call) {
  if (input.ndim() < 3) throw wrong_value("the input must have at least three axes");
  size_t n = input.ndim() - 2;
  auto list = [&](const Each& given, int fallback) { return given ? given->times(n) : std::vector<int>(n, fallback); };
  std::vector<int> low(n, 0);
  std::vector<int> high(n, 0);
  if (padding != nullptr) {
    bool nested = false;
    bool is_list = false;
    check(call->env, napi_is_array(call->env, padding, &is_list));
    napi_value first = nullptr;
    if (is_list) {
      check(call->env, napi_get_element(call->env, padding, 0, &first));
      check(call->env, napi_is_array(call->env, first, &nested));
    }
    if (nested) {
      napi_value second = nullptr;
      check(call->env, napi_get_element(call->env, padding, 1, &second));
      low = ints_from(*call, 3, first);
      high = ints_from(*call, 3, second);
    } else {
      low = ints_from(*call, 3, padding);
      if (!is_list) low.assign(n, low.front());
      high = low;
    }
  }
  check_channels(input, weight, groups);
  return mx::conv_general(input, weight, list(stride, 1), low, high, list(kernel_dilation, 1), list(input_dilation, 1), groups,
                          flip, s);
}

constexpr Op kOps[] = {
    op("conv1d", kConv,
       [](array x, array w, Default<1> stride, Default<0> padding, Default<1> dilation, Default<1> groups, Stream s) {
         check_channels(x, w, groups);
         return mx::conv1d(x, w, stride, padding, dilation, groups, s);
       }),
    op("conv2d", kConv,
       [](array x, array w, Each stride, Each padding, Each dilation, Default<1> groups, Stream s) {
         check_channels(x, w, groups);
         return mx::conv2d(x, w, two(stride, 1, "stride"), two(padding, 0, "padding"), two(dilation, 1, "dilation"), groups, s);
       }),
    op("conv3d", kConv,
       [](array x, array w, Each stride, Each padding, Each dilation, Default<1> groups, Stream s) {
         check_channels(x, w, groups);
         return mx::conv3d(x, w, three(stride, 1, "stride"), three(padding, 0, "padding"), three(dilation, 1, "dilation"), groups, s);
       }),
    op("convTranspose1d", kTransposed,
       [](array x, array w, Default<1> stride, Default<0> padding, Default<1> dilation, Default<0> extra, Default<1> groups, Stream s) {
         check_channels(x, w, groups);
         return mx::conv_transpose1d(x, w, stride, padding, dilation, extra, groups, s);
       }),
    op("convTranspose2d", kTransposed,
       [](array x, array w, Each stride, Each padding, Each dilation, Each extra, Default<1> groups, Stream s) {
         check_channels(x, w, groups);
         return mx::conv_transpose2d(x, w, two(stride, 1, "stride"), two(padding, 0, "padding"), two(dilation, 1, "dilation"),
                                     two(extra, 0, "outputPadding"), groups, s);
       }),
    op("convTranspose3d", kTransposed,
       [](array x, array w, Each stride, Each padding, Each dilation, Each extra, Default<1> groups, Stream s) {
         check_channels(x, w, groups);
         return mx::conv_transpose3d(x, w, three(stride, 1, "stride"), three(padding, 0, "padding"),
                                     three(dilation, 1, "dilation"), three(extra, 0, "outputPadding"), groups, s);
       }),
    op<conv_general>("convGeneral", "input, weight, stride, padding, kernelDilation, inputDilation, groups, flip"),
    op<convolve>("convolve", "a, v, mode"),
};

}  // namespace

void init_conv(Addon& addon, napi_value exports) {
  bind(addon, exports, kOps);
}

}  // namespace sotto

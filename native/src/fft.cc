// mx.fft: Fourier transforms.
#include "mlx/fft.h"

#include "areas.h"
#include "call.h"

namespace sotto {

namespace {

using mx::fft::FFTNorm;
using Norm = std::optional<std::string>;

FFTNorm norm_of(const Norm& name) {
  if (!name || *name == "backward") return FFTNorm::Backward;
  if (*name == "ortho") return FFTNorm::Ortho;
  if (*name == "forward") return FFTNorm::Forward;
  throw wrong_value("'norm' must be 'backward', 'ortho' or 'forward'");
}

using WithSizes = array (*)(const array&, const Shape&, const std::vector<int>&, FFTNorm, mx::StreamOrDevice);
using WithAxes = array (*)(const array&, const std::vector<int>&, FFTNorm, mx::StreamOrDevice);

template <WithSizes Sized, WithAxes Plain>
array one(array a, std::optional<int> n, Default<-1> axis, Norm norm, Stream s) {
  std::vector<int> axes{axis};
  return n ? Sized(a, Shape{*n}, axes, norm_of(norm), s) : Plain(a, axes, norm_of(norm), s);
}

/** The axes: as given, or the last ones for the given sizes, or `fallback`. */
template <WithSizes Sized, WithAxes Plain>
array several(const array& a, const std::optional<Shape>& sizes, const Axes& axes, std::vector<int> fallback, const Norm& norm, Stream s) {
  std::vector<int> over = axes.list.value_or(fallback);
  if (!sizes) return Plain(a, over, norm_of(norm), s);
  if (!axes.list && sizes->size() != over.size()) {
    over.clear();
    for (size_t i = 0; i < sizes->size(); i++) over.push_back(static_cast<int>(i) - static_cast<int>(sizes->size()));
  }
  if (over.size() != sizes->size()) throw wrong_value("'s' and 'axes' must have the same length");
  return Sized(a, *sizes, over, norm_of(norm), s);
}

template <WithSizes Sized, WithAxes Plain>
array two(array a, std::optional<Shape> sizes, Axes axes, Norm norm, Stream s) {
  return several<Sized, Plain>(a, sizes, axes, {-2, -1}, norm, s);
}

template <WithSizes Sized, WithAxes Plain>
array many(array a, std::optional<Shape> sizes, Axes axes, Norm norm, Stream s) {
  return several<Sized, Plain>(a, sizes, axes, Axes{}.of(a), norm, s);
}

constexpr const char* kOne = "a, n, axis, norm";
constexpr const char* kMany = "a, s, axes, norm";

constexpr Op kOps[] = {
    op<one<mx::fft::fftn, mx::fft::fftn>>("fft", kOne),
    op<one<mx::fft::ifftn, mx::fft::ifftn>>("ifft", kOne),
    op<one<mx::fft::rfftn, mx::fft::rfftn>>("rfft", kOne),
    op<one<mx::fft::irfftn, mx::fft::irfftn>>("irfft", kOne),
    op<two<mx::fft::fftn, mx::fft::fftn>>("fft2", kMany),
    op<two<mx::fft::ifftn, mx::fft::ifftn>>("ifft2", kMany),
    op<two<mx::fft::rfftn, mx::fft::rfftn>>("rfft2", kMany),
    op<two<mx::fft::irfftn, mx::fft::irfftn>>("irfft2", kMany),
    op<many<mx::fft::fftn, mx::fft::fftn>>("fftn", kMany),
    op<many<mx::fft::ifftn, mx::fft::ifftn>>("ifftn", kMany),
    op<many<mx::fft::rfftn, mx::fft::rfftn>>("rfftn", kMany),
    op<many<mx::fft::irfftn, mx::fft::irfftn>>("irfftn", kMany),
    op("fftfreq", "n, d", [](int n, std::optional<double> d, Stream s) { return mx::fft::fftfreq(n, d.value_or(1), s); }),
    op("rfftfreq", "n, d", [](int n, std::optional<double> d, Stream s) { return mx::fft::rfftfreq(n, d.value_or(1), s); }),
    op("fftshift", "a, axes",
       [](array a, Axes axes, Stream s) { return mx::fft::fftshift(a, axes.of(a), s); }),
    op("ifftshift", "a, axes",
       [](array a, Axes axes, Stream s) { return mx::fft::ifftshift(a, axes.of(a), s); }),
    op("stft", "x, nFft, hopLength, winLength, window, center, padMode, norm, onesided",
       [](array x, Default<2048> n_fft, std::optional<int> hop, std::optional<int> win, std::optional<array> window,
          Default<true> center, std::optional<std::string> pad_mode, Norm norm, std::optional<bool> onesided, Stream s) {
         return mx::fft::stft(x, n_fft, hop, win, window, center, pad_mode.value_or("reflect"), norm_of(norm), onesided, s);
       }),
    op("istft", "stftMatrix, nFft, hopLength, winLength, window, center, norm, onesided, length",
       [](array x, std::optional<int> n_fft, std::optional<int> hop, std::optional<int> win, std::optional<array> window,
          Default<true> center, Norm norm, std::optional<bool> onesided, std::optional<int> length, Stream s) {
         return mx::fft::istft(x, n_fft, hop, win, window, center, norm_of(norm), onesided, length, s);
       }),
};

}  // namespace

void init_fft(Addon& addon, napi_value exports) {
  bind(addon, make_namespace(addon, exports, "fft"), kOps);
}

}  // namespace sotto

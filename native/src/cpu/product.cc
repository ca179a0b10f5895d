#include "product.h"

#include <algorithm>

#include "pool.h"

extern "C" {
void scipy_cblas_sgemm(int order, int ta, int tb, int m, int n, int k, float alpha, const float* a, int lda,
                       const float* b, int ldb, float beta, float* c, int ldc);
void scipy_cblas_dgemm(int order, int ta, int tb, int m, int n, int k, double alpha, const double* a, int lda,
                       const double* b, int ldb, double beta, double* c, int ldc);
void scipy_cblas_sgemv(int order, int ta, int m, int n, float alpha, const float* a, int lda, const float* x, int incx,
                       float beta, float* y, int incy);
void scipy_cblas_dgemv(int order, int ta, int m, int n, double alpha, const double* a, int lda, const double* x,
                       int incx, double beta, double* y, int incy);
void scipy_openblas_set_num_threads(int count);
}

namespace sotto::cpu {

namespace {

constexpr int kRowMajor = 101, kPlain = 111, kTransposed = 112;

int narrow(int64_t x) { return static_cast<int>(x); }

void gemm(const Product<float>& p, int ta, int tb) {
  scipy_cblas_sgemm(kRowMajor, ta, tb, narrow(p.m), narrow(p.n), narrow(p.k), p.alpha, p.a, narrow(p.lda), p.b,
                    narrow(p.ldb), p.beta, p.c, narrow(p.ldc));
}

void gemm(const Product<double>& p, int ta, int tb) {
  scipy_cblas_dgemm(kRowMajor, ta, tb, narrow(p.m), narrow(p.n), narrow(p.k), p.alpha, p.a, narrow(p.lda), p.b,
                    narrow(p.ldb), p.beta, p.c, narrow(p.ldc));
}

/** y += alpha op(a) x, where a is stored as [rows, columns]. */
void gemv(bool transpose, int64_t rows, int64_t columns, float alpha, const float* a, int64_t lda, const float* x,
          int64_t incx, float* y, int64_t incy) {
  scipy_cblas_sgemv(kRowMajor, transpose ? kTransposed : kPlain, narrow(rows), narrow(columns), alpha, a, narrow(lda),
                    x, narrow(incx), 1, y, narrow(incy));
}

void gemv(bool transpose, int64_t rows, int64_t columns, double alpha, const double* a, int64_t lda, const double* x,
          int64_t incx, double* y, int64_t incy) {
  scipy_cblas_dgemv(kRowMajor, transpose ? kTransposed : kPlain, narrow(rows), narrow(columns), alpha, a, narrow(lda),
                    x, narrow(incx), 1, y, narrow(incy));
}

/** c *= beta; a beta of 0 also clears NaN in uninitialized results. */
template <typename T>
void scale(T* c, int64_t n, int64_t step, T beta) {
  for (int64_t i = 0; i < n; ++i) c[i * step] = beta == T(0) ? T(0) : beta * c[i * step];
}

// The thread pool replaces OpenBLAS's own threads.
[[maybe_unused]] const bool kOneThread = [] {
  scipy_openblas_set_num_threads(1);
  return true;
}();

}  // namespace

template <typename T>
void multiply(const Product<T>& p) {
  if (p.m == 1 && p.n > 0 && p.k > 0) {  // c = op(b)ᵀ x for the one row x of op(a)
    scale(p.c, p.n, 1, p.beta);
    gemv(!p.transpose_b, p.transpose_b ? p.n : p.k, p.transpose_b ? p.k : p.n, p.alpha, p.b, p.ldb, p.a,
         p.transpose_a ? p.lda : 1, p.c, 1);
  } else if (p.n == 1 && p.m > 0 && p.k > 0) {  // c = op(a) x for the one column x of op(b)
    scale(p.c, p.m, p.ldc, p.beta);
    gemv(p.transpose_a, p.transpose_a ? p.k : p.m, p.transpose_a ? p.m : p.k, p.alpha, p.a, p.lda, p.b,
         p.transpose_b ? 1 : p.ldb, p.c, p.ldc);
  } else {
    gemm(p, p.transpose_a ? kTransposed : kPlain, p.transpose_b ? kTransposed : kPlain);
  }
}

template <typename T>
void multiply_parallel(const Product<T>& p) {
  // Splits the longer side of the result in steps that keep OpenBLAS's tiles whole.
  const bool by_rows = p.m >= p.n;
  const int64_t side = by_rows ? p.m : p.n;
  constexpr int64_t kTile = 48;
  const int64_t tiles = (side + kTile - 1) / kTile;
  if (tiles < 2) return multiply(p);
  const int64_t per_tile = p.m * p.n * p.k / tiles;
  parallel_for(tiles, kMinWorkPerThread / std::max<int64_t>(per_tile, 1) + 1, [&](int64_t first, int64_t last) {
    const int64_t begin = first * kTile, end = std::min(last * kTile, side);
    Product<T> part = p;
    if (by_rows) {
      part.m = end - begin;
      part.a += p.transpose_a ? begin : begin * p.lda;
      part.c += begin * p.ldc;
    } else {
      part.n = end - begin;
      part.b += p.transpose_b ? begin * p.ldb : begin;
      part.c += begin;
    }
    multiply(part);
  });
}

template void multiply(const Product<float>&);
template void multiply(const Product<double>&);
template void multiply_parallel(const Product<float>&);
template void multiply_parallel(const Product<double>&);

}  // namespace sotto::cpu

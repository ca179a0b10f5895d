// A fast BLAS for MLX on Linux. The wheel's libmlx links the reference BLAS (about 6 GFLOP/s); symbols resolve
// breadth-first, so what the addon exports is found before it. OpenBLAS comes as `scipy-openblas32`, whose names carry a
// prefix: forward the few that MLX calls. Products with one row or one column go to gemv, which MLX never calls itself.
#include <algorithm>
#include <cstddef>

#define EXPORT extern "C" __attribute__((visibility("default")))

namespace {

enum Order { kRowMajor = 101, kColMajor = 102 };
enum Transpose { kPlain = 111, kTrans = 112 };

}  // namespace

extern "C" {
void scipy_cblas_sgemm(int, int, int, int, int, int, float, const float*, int, const float*, int, float, float*, int);
void scipy_cblas_dgemm(int, int, int, int, int, int, double, const double*, int, const double*, int, double, double*, int);
void scipy_cblas_sgemv(int, int, int, int, float, const float*, int, const float*, int, float, float*, int);
void scipy_cblas_dgemv(int, int, int, int, double, const double*, int, const double*, int, double, double*, int);
void scipy_cblas_cgemm(int, int, int, int, int, int, const void*, const void*, int, const void*, int, const void*, void*, int);
}

namespace {

template <typename T>
using Gemm = void (*)(int, int, int, int, int, int, T, const T*, int, const T*, int, T, T*, int);
template <typename T>
using Gemv = void (*)(int, int, int, int, T, const T*, int, const T*, int, T, T*, int);

/** C[m,n] = alpha·op(A)[m,k]·op(B)[k,n] + beta·C, the vector cases by gemv. */
template <typename T>
void multiply(Gemm<T> gemm, Gemv<T> gemv, int order, int ta, int tb, int m, int n, int k, T alpha, const T* a, int lda,
              const T* b, int ldb, T beta, T* c, int ldc) {
  if ((m != 1 && n != 1) || k == 0 || m == 0 || n == 0) {
    return gemm(order, ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
  }
  // Column-major is row-major with both factors exchanged: Cᵀ = op(B)ᵀ·op(A)ᵀ.
  if (order == kColMajor) {
    std::swap(ta, tb);
    std::swap(m, n);
    std::swap(a, b);
    std::swap(lda, ldb);
  }
  if (m == 1) {
    // The row c = op(B)ᵀ·x, where x is the one row of op(A).
    int step = ta == kPlain ? 1 : lda;
    if (beta == T(0)) std::fill(c, c + n, T(0));  // C may be uninitialised: NaN · 0 must not survive
    if (tb == kPlain) {
      gemv(kRowMajor, kTrans, k, n, alpha, b, ldb, a, step, beta == T(0) ? T(1) : beta, c, 1);
    } else {
      gemv(kRowMajor, kPlain, n, k, alpha, b, ldb, a, step, beta == T(0) ? T(1) : beta, c, 1);
    }
    return;
  }
  // The column c = op(A)·x, where x is the one column of op(B).
  int step = tb == kPlain ? ldb : 1;
  if (beta == T(0)) {
    for (int i = 0; i < m; i++) c[static_cast<std::ptrdiff_t>(i) * ldc] = T(0);
  }
  if (ta == kPlain) {
    gemv(kRowMajor, kPlain, m, k, alpha, a, lda, b, step, beta == T(0) ? T(1) : beta, c, ldc);
  } else {
    gemv(kRowMajor, kTrans, k, m, alpha, a, lda, b, step, beta == T(0) ? T(1) : beta, c, ldc);
  }
}

}  // namespace

EXPORT void cblas_sgemm(int order, int ta, int tb, int m, int n, int k, float alpha, const float* a, int lda, const float* b,
                        int ldb, float beta, float* c, int ldc) {
  multiply<float>(scipy_cblas_sgemm, scipy_cblas_sgemv, order, ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}

EXPORT void cblas_dgemm(int order, int ta, int tb, int m, int n, int k, double alpha, const double* a, int lda,
                        const double* b, int ldb, double beta, double* c, int ldc) {
  multiply<double>(scipy_cblas_dgemm, scipy_cblas_dgemv, order, ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}

EXPORT void cblas_cgemm(int order, int ta, int tb, int m, int n, int k, const void* alpha, const void* a, int lda,
                        const void* b, int ldb, const void* beta, void* c, int ldc) {
  scipy_cblas_cgemm(order, ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}

// LAPACK takes everything by pointer, plus hidden string lengths: a jump passes whatever the caller laid out.
#if defined(__x86_64__)
#define FORWARD(name) __asm__(".text\n.globl " #name "\n.type " #name ",@function\n" #name ":\n\tjmp scipy_" #name "@PLT\n");
#else
#define FORWARD(name) __asm__(".text\n.globl " #name "\n.type " #name ",@function\n" #name ":\n\tb scipy_" #name "\n");
#endif

FORWARD(sgeev_) FORWARD(dgeev_) FORWARD(cgeev_)
FORWARD(ssyevd_) FORWARD(dsyevd_) FORWARD(cheevd_)
FORWARD(sgesdd_) FORWARD(dgesdd_) FORWARD(cgesdd_)
FORWARD(sgeqrf_) FORWARD(dgeqrf_)
FORWARD(sorgqr_) FORWARD(dorgqr_)
FORWARD(sgetrf_) FORWARD(dgetrf_)
FORWARD(sgetri_) FORWARD(dgetri_)
FORWARD(spotrf_) FORWARD(dpotrf_)
FORWARD(strtri_) FORWARD(dtrtri_)

// A fast BLAS for MLX on Linux. The wheel's libmlx links the reference BLAS (about 6 GFLOP/s); symbols resolve
// breadth-first, so the addon's exports are found first. OpenBLAS comes from `scipy-openblas32`, which prefixes its
// names: these functions forward the few that MLX calls.
#include <utility>

#include "product.h"

#define EXPORT extern "C" __attribute__((visibility("default")))

extern "C" void scipy_cblas_cgemm(int, int, int, int, int, int, const void*, const void*, int, const void*, int,
                                  const void*, void*, int);

namespace {

constexpr int kColMajor = 102, kPlain = 111;

template <typename T>
void multiply(int order, int ta, int tb, int m, int n, int k, T alpha, const T* a, int lda, const T* b, int ldb, T beta,
              T* c, int ldc) {
  // Column-major equals row-major with the factors exchanged: Cᵀ = op(B)ᵀ op(A)ᵀ.
  if (order == kColMajor) {
    std::swap(ta, tb);
    std::swap(m, n);
    std::swap(a, b);
    std::swap(lda, ldb);
  }
  sotto::cpu::multiply_parallel<T>({ta != kPlain, tb != kPlain, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc});
}

}  // namespace

EXPORT void cblas_sgemm(int order, int ta, int tb, int m, int n, int k, float alpha, const float* a, int lda, const float* b,
                        int ldb, float beta, float* c, int ldc) {
  multiply(order, ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}

EXPORT void cblas_dgemm(int order, int ta, int tb, int m, int n, int k, double alpha, const double* a, int lda,
                        const double* b, int ldb, double beta, double* c, int ldc) {
  multiply(order, ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}

EXPORT void cblas_cgemm(int order, int ta, int tb, int m, int n, int k, const void* alpha, const void* a, int lda,
                        const void* b, int ldb, const void* beta, void* c, int ldc) {
  scipy_cblas_cgemm(order, ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}

// LAPACK takes pointers plus hidden string lengths; a jump forwards the caller's arguments unchanged.
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

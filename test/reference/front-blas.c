/* Replaces the BLAS of MLX's Linux wheel (the reference BLAS, some 30 times slower) by a fast one.
 *
 * The Python package scipy-openblas32 is OpenBLAS with prefixed names. Preloaded (LD_PRELOAD), this library forwards the
 * three functions that MLX calls, so that mlx-whisper and Sotto use the same BLAS. */
#define FORWARD(name, scalar, item)                                                                                  \
  void scipy_##name(int, int, int, int, int, int, scalar, const item *, int, const item *, int, scalar, item *, int); \
  void name(int order, int ta, int tb, int m, int n, int k, scalar alpha, const item *a, int lda, const item *b,      \
            int ldb, scalar beta, item *c, int ldc) {                                                                \
    scipy_##name(order, ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);                                       \
  }

FORWARD(cblas_sgemm, float, float)
FORWARD(cblas_dgemm, double, double)
FORWARD(cblas_cgemm, const void *, void)

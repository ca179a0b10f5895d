// Matrix products for MLX and Sotto's kernels: single-threaded OpenBLAS, split over our own thread pool. OpenBLAS's
// threads spin at barriers: a 256 x 64 x 1500 product that takes 0.4 ms on one thread took 13 ms on two while another
// process used the machine. Ours sleep, and a kernel can use them for its whole loop.
#pragma once

#include <cstdint>

namespace sotto::cpu {

/** c[m, n] = alpha a[m, k] b[k, n] + beta c, row-major. A transposed operand is stored as its transpose. */
template <typename T>
struct Product {
  bool transpose_a, transpose_b;
  int64_t m, n, k;
  T alpha;
  const T* a;
  int64_t lda;
  const T* b;
  int64_t ldb;
  T beta;
  T* c;
  int64_t ldc;
};

/** Multiply-adds (some 0.1 ms) below which starting a thread costs more than it saves. */
constexpr int64_t kMinWorkPerThread = 1 << 21;

/** On the calling thread. A single row or column uses gemv, which reads the matrix once. */
template <typename T>
void multiply(const Product<T>& p);

/** On all processors, if it is large enough. */
template <typename T>
void multiply_parallel(const Product<T>& p);

}  // namespace sotto::cpu

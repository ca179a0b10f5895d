// Matrix products for MLX and for our kernels: OpenBLAS on one thread, split over the processors by ourselves.
// OpenBLAS's own threads meet at spinning barriers: a 256 x 64 x 1500 product that takes 0.4 ms on one thread took
// 13 ms on two while another process used the machine. Ours sleep, and a kernel can use them for its whole loop.
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

/** Multiply-adds, some 0.1 ms of them, under which starting a thread costs more than it brings. */
constexpr int64_t kMinWorkPerThread = 1 << 21;

/** On the calling thread. One row or one column goes to gemv, which reads the matrix once. */
template <typename T>
void multiply(const Product<T>& p);

/** Over all processors, where it is large enough to gain from it. */
template <typename T>
void multiply_parallel(const Product<T>& p);

}  // namespace sotto::cpu

// Memory-mapped arrays.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <mlx/array.h>

namespace sotto {

namespace mx = mlx::core;

/** Location of an array in a file. */
struct Region {
  size_t offset;  // bytes from the start of the file
  mx::Shape shape;
  mx::Dtype dtype;
};

/**
 * Maps the arrays at `regions` of the file at `path`. A thread reads the file ahead from its start while any of the
 * arrays exists. The mapping lasts until the last array is freed. Replacing the file by rename is harmless; truncating
 * it in place ends this process (SIGBUS). Empty if MLX's allocator only accepts its own memory.
 *
 * @param bytes minimum length of the file
 * @throws std::runtime_error if the file can't be mapped or is shorter
 * @throws std::invalid_argument for a region beyond `bytes`
 */
std::optional<std::vector<mx::array>> map_arrays(const std::string& path, size_t bytes, const std::vector<Region>& regions);

}  // namespace sotto

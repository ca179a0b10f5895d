// A file's bytes as arrays, in the place where the system keeps them: nothing is copied.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <mlx/array.h>

namespace sotto {

namespace mx = mlx::core;

/** Where an array lies in a file. */
struct Region {
  size_t offset;  // bytes from the start of the file
  mx::Shape shape;
  mx::Dtype dtype;
};

/**
 * The arrays at `regions` of the file at `path`, mapped. A thread of its own reads the file ahead, from the front, for as
 * long as any of them is there. The file is unmapped with the last of them; who replaces it by another one meanwhile takes
 * nothing away, who shortens it in place ends this process. Nothing where MLX's allocator only takes memory of its own.
 *
 * @param bytes what the file is to hold, at least
 * @throws std::runtime_error if the file can't be mapped or is shorter
 * @throws std::invalid_argument for a region beyond `bytes`
 */
std::optional<std::vector<mx::array>> map_arrays(const std::string& path, size_t bytes, const std::vector<Region>& regions);

}  // namespace sotto

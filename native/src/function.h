// The compiled functions of an environment, by id: JavaScript never holds a pointer.
#pragma once

#include <memory>
#include <unordered_map>

namespace sotto {

struct Compiled;

class CompiledTable {
 public:
  int add(std::shared_ptr<Compiled> compiled);
  std::shared_ptr<Compiled> find(int id) const;
  void remove(int id);
  void clear() { entries_.clear(); }

 private:
  std::unordered_map<int, std::shared_ptr<Compiled>> entries_;
  int last_ = 0;
};

}  // namespace sotto

// What a Lease is made of.
#pragma once

#include <memory>

#include "dataqueue/work.h"
#include "usher/data_queue.h"

namespace usher {

struct Lease::State {
  State(std::shared_ptr<LibraryState> of, LeasedEntry entry)
      : library(std::move(of)), leased(std::move(entry)), generation(library->generation()) {}

  // Errors: lease_lost in a child of the process that holds it, and once it is over.
  void check_open() const;

  std::shared_ptr<LibraryState> library;
  LeasedEntry leased;
  std::uint32_t generation;  // of the process that holds it
  bool over = false;
};

}  // namespace usher

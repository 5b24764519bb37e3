// What a Watch is made of.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/unique_fd.h"
#include "dataqueue/work.h"
#include "usher/data_queue.h"

namespace usher {

struct Watch::State {
  State(std::shared_ptr<LibraryState> of, std::string queue, std::optional<KeySelection> selection);

  void arm();
  void disarm();
  void disarm_later();
  bool is_armed() const noexcept;
  std::optional<Entry> receive(Transaction::Work& work, std::size_t limit);

  std::shared_ptr<LibraryState> library;
  std::string name;
  std::optional<KeySelection> which;
  UniqueFd event;
  std::optional<SlotNumber> slot;
  std::uint32_t generation = 0;  // of the process that armed it

 private:
  // Not to be handed entries: taking one may be part of a transaction, and only the database can do both at once.
  Interest interest(Transaction::Work& work) const;
  void leave_slot();
  void drain() const noexcept;
};

}  // namespace usher

#include "dataqueue/identity.h"
#include "dataqueue/work.h"
#include "usher/data_queue.h"

namespace usher {

using Work = Transaction::Work;

namespace {

// Who keeps senders asks for its own name now: the user database may be slow, and a turn must not be.
void prepare_identity(const QueueAttributes& attributes) {
  if (attributes.sender_id) (void)current_sender();
}

void check_dead_letter(Work& work, const QueueRecord& queue) {
  if (queue.attributes.dead_letter.empty()) return;
  if (!work.queue(checked_name(queue.attributes.dead_letter)).takes_entries_of(queue)) {
    throw Error(ErrorCode::invalid_argument, "dead_letter: queue " + queue.attributes.dead_letter +
                                                 " cannot take the entries: shorter, or with other keys");
  }
}

}  // namespace

Library::Library(const std::string& path, const OpenLibrary& how) : state_(open_library(path, {.how = how})) {}

const std::string& Library::path() const noexcept {
  return state_->path();
}

DataQueue Library::create_queue(std::string_view name, const QueueAttributes& attributes) {
  QueueRecord queue;
  queue.name = checked_name(name);
  queue.attributes = attributes;
  check_attributes(attributes);
  if (!attributes.dead_letter.empty()) queue.attributes.dead_letter = checked_name(attributes.dead_letter);
  if (attributes.force && state_->durability() == Durability::process) {
    throw Error(ErrorCode::invalid_argument, "force: the library was opened without waiting for the disk");
  }
  prepare_identity(attributes);
  Work work(*state_, turn_deadline());
  check_dead_letter(work, queue);
  queue.number = work.catalog().free_number();
  queue.incarnation = work.next_number();
  for (const SlotNumber slot : work.slots().handed(queue.number, std::nullopt)) work.slots().take_back(slot);
  work.catalog().insert(queue);
  work.catalog_changes();
  work.waits_for_disk();
  work.commit();
  return {state_, queue.name};
}

DataQueue Library::queue(std::string_view name) {
  DataQueue queue(state_, checked_name(name));
  prepare_identity(queue.attributes());
  return queue;
}

void Library::delete_queue(std::string_view name) {
  const std::string folded = checked_name(name);
  Work work(*state_, turn_deadline());
  const QueueRecord queue = work.queue(folded);
  work.catalog().remove(queue);
  work.catalog_changes();
  work.slots().alarm(queue.number);
  work.take_back_handed(queue.number);
  work.waits_for_disk();
  work.commit();
}

std::vector<QueueDescription> Library::queues() {
  Reading reading(*state_, turn_deadline());
  std::vector<QueueDescription> descriptions;
  for (const QueueRecord& queue : reading.catalog().read_all()) descriptions.push_back(reading.describe(queue));
  return descriptions;
}

}  // namespace usher

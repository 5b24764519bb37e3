#include "dataqueue/fork_guard.h"

#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include <mutex>
#include <vector>

#include "base/system.h"

namespace usher {
namespace {

// Never destroyed: a fork may come after the end of main.
struct Registry {
  std::mutex mutex;
  std::vector<ForkAware*> all;
  int* mark = nullptr;
};

void prepare();
void in_parent();
void in_child();

int* make_mark() {
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  void* address = ::mmap(nullptr, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (address == MAP_FAILED) throw_errno("map a page");
  check(::madvise(address, page, MADV_WIPEONFORK), "mark a page to be wiped at a fork");
  auto* mark = static_cast<int*>(address);
  *mark = 1;
  return mark;
}

Registry& registry() {
  static Registry& made = *[] {
    auto* fresh = new Registry;
    fresh->mark = make_mark();
    pthread_atfork(prepare, in_parent, in_child);
    return fresh;
  }();
  return made;
}

void prepare() {
  registry().mutex.lock();
  for (ForkAware* object : registry().all) object->before_fork();
}

void in_parent() {
  for (ForkAware* object : registry().all) object->after_fork_in_parent();
  registry().mutex.unlock();
}

void in_child() {
  *registry().mark = 1;
  for (ForkAware* object : registry().all) object->after_fork_in_child();
  registry().mutex.unlock();
}

}  // namespace

ForkRegistration::ForkRegistration(ForkAware* object) : object_(object) {
  const std::lock_guard lock(registry().mutex);
  registry().all.push_back(object_);
}

ForkRegistration::~ForkRegistration() {
  const std::lock_guard lock(registry().mutex);
  std::erase(registry().all, object_);
}

bool fork_was_seen() {
  return *registry().mark != 0;
}

}  // namespace usher

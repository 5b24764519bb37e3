#include "handover/own_connection.h"

#include <fcntl.h>
#include <sys/mman.h>

#include "base/system.h"

namespace usher {

UniqueFd make_use_page(std::uint64_t max_use) {
  UniqueFd page(check(::memfd_create("usher-use", MFD_CLOEXEC | MFD_ALLOW_SEALING), "make a page"));
  check(::ftruncate(page.get(), sizeof(UsePage)), "size a page");
  check(::fcntl(page.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL), "seal a page");
  MappedUsePage(page.get())->max_use = max_use;
  return page;
}

MappedUsePage::MappedUsePage(int fd) {
  void* address = ::mmap(nullptr, sizeof(UsePage), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (address == MAP_FAILED) throw_errno("map a page");
  page_ = static_cast<UsePage*>(address);
}

MappedUsePage::~MappedUsePage() {
  if (page_ != nullptr) ::munmap(page_, sizeof(UsePage));
}

}  // namespace usher

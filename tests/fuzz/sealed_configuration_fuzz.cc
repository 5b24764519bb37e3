// The sealed form of a configuration: bytes that are none are refused, and what is read can be sealed again.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/configuration.h"
#include "base/system.h"
#include "base/unique_fd.h"
#include "tests/fuzz/fuzz.h"
#include "usher/error.h"

using namespace usher;

namespace {

UniqueFd sealed(std::string_view bytes) {
  UniqueFd fd(check(::memfd_create("fuzz", MFD_CLOEXEC | MFD_ALLOW_SEALING), "memfd_create"));
  check(::write(fd.get(), bytes.data(), bytes.size()), "write");
  check(::fcntl(fd.get(), F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE), "seal");
  return fd;
}

bool is_same(const ConfigurationSource& left, const ConfigurationSource& right) {
  const auto same_file = [](const ConfigurationSource::File& one, const ConfigurationSource::File& other) {
    return one.path == other.path && one.text == other.text;
  };
  return left.runtime_directory == right.runtime_directory && left.state_directory == right.state_directory &&
         left.complete == right.complete && std::ranges::equal(left.files, right.files, same_file);
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  try {
    const ConfigurationSource source = unseal_configuration(sealed(input.rest()).get());
    fuzz::demand(is_same(source, unseal_configuration(seal_configuration(source).get())),
                 "what was sealed is read back");
  } catch (const Error& error) {
    fuzz::demand(error.code() == ErrorCode::protocol, "what is no sealed configuration is a protocol error");
  }
  return 0;
}

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/configuration.h"
#include "base/system.h"
#include "base/unique_fd.h"
#include "tests/base/configuration_support.h"
#include "tests/support/descriptors.h"
#include "usher/error.h"

using namespace usher;
using namespace usher::testing;

namespace {

constexpr int kAllSeals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;

UniqueFd memory_file(std::string_view bytes, int seals) {
  UniqueFd fd(check(::memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING), "memfd_create"));
  check(::write(fd.get(), bytes.data(), bytes.size()), "write");
  if (seals != 0) check(::fcntl(fd.get(), F_ADD_SEALS, seals), "seal");
  return fd;
}

ErrorCode code_of_unsealing(const UniqueFd& fd) {
  try {
    unseal_configuration(fd.get());
  } catch (const Error& error) {
    return error.code();
  }
  return ErrorCode::io;
}

std::string sealed_bytes(const ConfigurationSource& source) {
  const UniqueFd fd = seal_configuration(source);
  std::string bytes(10'000, '\0');
  bytes.resize(static_cast<std::size_t>(check(::pread(fd.get(), bytes.data(), bytes.size(), 0), "pread")));
  return bytes;
}

ConfigurationSource example() {
  ConfigurationSource source = source_of(kGood, "[program.x]\ncommand = [\"/bin/x\"]\n");
  source.runtime_directory = "/run/user/7/usher";
  source.state_directory = "/home/seven/.local/state/usher";
  source.files.push_back({"empty", ""});
  return source;
}

}  // namespace

TEST_CASE("seal: what was sealed is read back, by every holder of the descriptor and more than once") {
  const std::size_t before = open_descriptors();
  {
    const ConfigurationSource source = example();
    const UniqueFd fd = seal_configuration(source);
    for (int i = 0; i < 2; ++i) {
      const ConfigurationSource read = unseal_configuration(fd.get());
      REQUIRE(read.files.size() == 3);
      CHECK(read.files[0].path == "usher.toml");
      CHECK(read.files[0].text == kGood);
      CHECK(read.files[1].path == source.files[1].path);
      CHECK(read.files[1].text == source.files[1].text);
      CHECK(read.files[2].text.empty());
      CHECK(read.runtime_directory == source.runtime_directory);
      CHECK(read.state_directory == source.state_directory);
      CHECK(read.complete);
    }
  }
  CHECK(open_descriptors() == before);
}

TEST_CASE("seal: nobody can change the sealed bytes, and the descriptor does not pass through exec") {
  const UniqueFd fd = seal_configuration(example());
  CHECK(::pwrite(fd.get(), "x", 1, 0) == -1);
  CHECK(::ftruncate(fd.get(), 0) == -1);
  CHECK(::ftruncate(fd.get(), 1 << 20) == -1);
  CHECK(::mmap(nullptr, 1, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0) == MAP_FAILED);
  CHECK((check(::fcntl(fd.get(), F_GET_SEALS), "seals") & kAllSeals) == kAllSeals);
  CHECK((check(::fcntl(fd.get(), F_GETFD), "flags") & FD_CLOEXEC) != 0);
}

TEST_CASE("seal: a file that is not sealed, or no memory file at all, is refused") {
  const std::string bytes = sealed_bytes(example());
  CHECK(code_of_unsealing(memory_file(bytes, 0)) == ErrorCode::protocol);
  CHECK(code_of_unsealing(memory_file(bytes, F_SEAL_WRITE)) == ErrorCode::protocol);
  CHECK(code_of_unsealing(UniqueFd(check(::open("/dev/null", O_RDONLY | O_CLOEXEC), "open"))) == ErrorCode::protocol);
}

TEST_CASE("seal: bytes that are cut, longer, or something else are refused") {
  const std::string bytes = sealed_bytes(example());
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    CAPTURE(length);
    CHECK(code_of_unsealing(memory_file(bytes.substr(0, length), kAllSeals)) == ErrorCode::protocol);
  }
  CHECK(code_of_unsealing(memory_file(bytes + "x", kAllSeals)) == ErrorCode::protocol);
  CHECK(code_of_unsealing(memory_file("x" + bytes, kAllSeals)) == ErrorCode::protocol);
  CHECK(code_of_unsealing(memory_file(std::string(100, '\xFF'), kAllSeals)) == ErrorCode::protocol);
  std::string many_files = bytes.substr(0, bytes.find("usher-configuration 1\n") + 23) + std::string(8, '\0');
  CHECK(code_of_unsealing(memory_file(many_files + "\xFF\xFF\xFF\xFF", kAllSeals)) == ErrorCode::protocol);
}

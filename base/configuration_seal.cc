// Layout: the line "usher-configuration 1", then little-endian: complete (1 byte), both directories, the number of
// files (4 bytes), and of each its path and its text; every string is its length (4 bytes) and its bytes.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/configuration.h"
#include "base/configuration_limits.h"
#include "base/system.h"
#include "base/unique_fd.h"
#include "usher/error.h"

namespace usher {
namespace {

constexpr std::string_view kMagic = "usher-configuration 1\n";
constexpr int kSeals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
// The texts, and room for paths and lengths.
constexpr std::size_t kMaxSealed = kMaxConfigurationBytes + kMaxConfigurationFiles * std::size_t{8192};

[[noreturn]] void not_ours(const char* why) {
  throw Error(ErrorCode::protocol, std::string("these bytes are no sealed configuration: ") + why);
}

void put_number(std::string& to, std::uint32_t number) {
  for (unsigned shift = 0; shift < 32; shift += 8) to += static_cast<char>((number >> shift) & 0xFFU);
}

void put_string(std::string& to, std::string_view text) {
  put_number(to, static_cast<std::uint32_t>(text.size()));
  to += text;
}

std::string encode(const ConfigurationSource& source) {
  std::string bytes(kMagic);
  bytes += source.complete ? '\1' : '\0';
  put_string(bytes, source.runtime_directory);
  put_string(bytes, source.state_directory);
  put_number(bytes, static_cast<std::uint32_t>(source.files.size()));
  for (const auto& file : source.files) {
    put_string(bytes, file.path);
    put_string(bytes, file.text);
  }
  return bytes;
}

class Decoder {
 public:
  explicit Decoder(std::string_view bytes) : bytes_(bytes) {}

  ConfigurationSource run() {
    if (take(kMagic.size()) != kMagic) not_ours("they begin otherwise");
    ConfigurationSource source;
    source.complete = take(1) == "\1";
    source.runtime_directory = string();
    source.state_directory = string();
    const std::uint32_t files = number();
    if (files > kMaxConfigurationFiles + 1) not_ours("too many files");
    for (std::uint32_t i = 0; i < files; ++i) {
      std::string path = string();
      source.files.push_back({std::move(path), string()});
    }
    if (!bytes_.empty()) not_ours("bytes follow the last file");
    return source;
  }

 private:
  std::string_view take(std::size_t count) {
    if (count > bytes_.size()) not_ours("they end too early");
    const std::string_view taken = bytes_.substr(0, count);
    bytes_.remove_prefix(count);
    return taken;
  }
  std::uint32_t number() {
    std::uint32_t number = 0;
    unsigned shift = 0;
    for (const char byte : take(4)) {
      number |= std::uint32_t{static_cast<unsigned char>(byte)} << shift;
      shift += 8;
    }
    return number;
  }
  std::string string() { return std::string(take(number())); }

  std::string_view bytes_;
};

void write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto written =
        check(retry([&] { return ::write(fd, bytes.data(), bytes.size()); }), "write the configuration");
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

// From the start, whatever the offset that all holders of the descriptor share.
std::string read_all(int fd, std::size_t size) {
  std::string bytes(size, '\0');
  std::size_t done = 0;
  while (done < size) {
    const auto got =
        check(retry([&] { return ::pread(fd, bytes.data() + done, size - done, static_cast<off_t>(done)); }),
              "read the configuration");
    if (got == 0) not_ours("they end too early");
    done += static_cast<std::size_t>(got);
  }
  return bytes;
}

}  // namespace

UniqueFd seal_configuration(const ConfigurationSource& source) {
  UniqueFd fd(check(::memfd_create("usher-configuration", MFD_CLOEXEC | MFD_ALLOW_SEALING), "seal the configuration"));
  write_all(fd.get(), encode(source));
  check(::fcntl(fd.get(), F_ADD_SEALS, kSeals), "seal the configuration");
  return fd;
}

ConfigurationSource unseal_configuration(int fd) {
  const int seals = ::fcntl(fd, F_GET_SEALS);
  if (seals == -1 && errno != EINVAL) throw_errno("look at the sealed configuration");
  if (seals == -1 || (seals & kSeals) != kSeals) not_ours("they are not sealed");
  struct stat status {};
  check(::fstat(fd, &status), "look at the sealed configuration");
  const auto size = static_cast<std::size_t>(status.st_size);
  if (size > kMaxSealed) not_ours("too many");
  return Decoder(read_all(fd, size)).run();
}

}  // namespace usher

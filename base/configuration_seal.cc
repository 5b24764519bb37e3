// Layout: the line "usher-configuration 1", then little-endian: complete (1 byte), both directories, the number of
// files (4 bytes), and of each its path and its text; every string is its length (4 bytes) and its bytes.
#include "base/configuration.h"
#include "base/configuration_limits.h"
#include "base/sealed.h"
#include "usher/error.h"

namespace usher {
namespace {

constexpr std::string_view kMagic = "usher-configuration 1\n";
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

}  // namespace

UniqueFd seal_configuration(const ConfigurationSource& source) { return seal_bytes("usher-configuration", encode(source)); }

ConfigurationSource unseal_configuration(int fd) { return Decoder(unseal_bytes(fd, kMaxSealed)).run(); }

}  // namespace usher

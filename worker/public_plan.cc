#include "worker/public_plan.h"

#include "base/sealed.h"
#include "usher/error.h"

namespace usher {
namespace {

constexpr std::size_t kMaxPlan = std::size_t{4} << 20U;  // a command and an environment are a small part of it

// Numbers as eight bytes, the lowest first; a text as its length and its bytes.
class Writer {
 public:
  template <class Number>
  void number(Number signed_or_not) {
    const auto value = static_cast<std::uint64_t>(signed_or_not);
    for (unsigned shift = 0; shift < 64; shift += 8) bytes_ += static_cast<char>((value >> shift) & 0xFFU);
  }
  void text(std::string_view value) {
    number(value.size());
    bytes_ += value;
  }
  const std::string& bytes() const noexcept { return bytes_; }

 private:
  std::string bytes_;
};

class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}

  template <class Number>
  void number(Number& value) {
    std::uint64_t bits = 0;
    unsigned shift = 0;
    for (const char byte : take(8)) {
      bits |= std::uint64_t{static_cast<unsigned char>(byte)} << shift;
      shift += 8;
    }
    value = static_cast<Number>(bits);
  }
  void text(std::string& value) {
    std::uint64_t size = 0;
    number(size);
    value = take(size);
  }
  void end() const {
    if (!bytes_.empty()) throw Error(ErrorCode::protocol, "a public listener's plan is too long");
  }

 private:
  std::string_view take(std::size_t count) {
    if (count > bytes_.size()) throw Error(ErrorCode::protocol, "a public listener's plan is cut short");
    const std::string_view taken = bytes_.substr(0, count);
    bytes_.remove_prefix(count);
    return taken;
  }

  std::string_view bytes_;
};

void walk_duration(Writer& codec, std::chrono::milliseconds time) { codec.number(time.count()); }
void walk_duration(Reader& codec, std::chrono::milliseconds& time) {
  std::int64_t count = 0;
  codec.number(count);
  time = std::chrono::milliseconds(count);
}

void walk_list(Writer& codec, const std::vector<std::string>& list) {
  codec.number(list.size());
  for (const std::string& text : list) codec.text(text);
}
void walk_list(Reader& codec, std::vector<std::string>& list) {
  std::size_t size = 0;
  codec.number(size);
  for (; size > 0; --size) codec.text(list.emplace_back());
}

using Variables = std::vector<std::pair<std::string, std::string>>;
void walk_list(Writer& codec, const Variables& list) {
  codec.number(list.size());
  for (const auto& [name, value] : list) {
    codec.text(name);
    codec.text(value);
  }
}
void walk_list(Reader& codec, Variables& list) {
  std::size_t size = 0;
  codec.number(size);
  for (; size > 0; --size) {
    auto& variable = list.emplace_back();
    codec.text(variable.first);
    codec.text(variable.second);
  }
}

template <class Codec, class Program>
void walk_program(Codec& codec, Program& program) {
  codec.text(program.name);
  walk_list(codec, program.command);
  walk_list(codec, program.environment);
  codec.text(program.working_directory);
  bool to_client = program.stderr_to == StderrTo::client;
  codec.number(to_client);
  if constexpr (!std::is_const_v<Program>) program.stderr_to = to_client ? StderrTo::client : StderrTo::log;
  codec.number(program.max_sessions);
  codec.number(program.max_sessions_per_user);
  walk_duration(codec, program.timeout);
  codec.number(program.nice);
  codec.number(program.limits.open_files);
  codec.number(program.limits.processes);
  codec.number(program.limits.memory_bytes);
  walk_duration(codec, program.limits.cpu);
  codec.number(program.limits.file_size_bytes);
}

// Written and read by the same walk.
template <class Codec, class Plan>
void walk(Codec& codec, Plan& plan) {
  codec.number(plan.place);
  codec.text(plan.listener);
  codec.text(plan.owner);
  codec.text(plan.account.name);
  codec.number(plan.account.uid);
  codec.number(plan.account.gid);
  codec.text(plan.account.home);
  codec.text(plan.account.shell);
  walk_program(codec, plan.program);
  codec.number(plan.max_sessions);
}

}  // namespace

UniqueFd seal_plan(const PublicPlan& plan) {
  Writer writer;
  walk(writer, plan);
  return seal_bytes("usher-public-plan", writer.bytes());
}

PublicPlan unseal_plan(int fd) {
  const std::string bytes = unseal_bytes(fd, kMaxPlan);
  Reader reader(bytes);
  PublicPlan plan;
  walk(reader, plan);
  reader.end();
  return plan;
}

}  // namespace usher

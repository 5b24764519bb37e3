#include "auth/system_call_filter.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>
#include <memory>
#include <string>

#include "base/system.h"
#include "base/unique_fd.h"
#include "usher/error.h"

namespace usher {
namespace {

struct Release {
  void operator()(void* context) const noexcept { seccomp_release(context); }
};
using Context = std::unique_ptr<void, Release>;

void require(int result, const std::string& what) {
  if (result < 0) throw Error(ErrorCode::io, what, -result);
}

std::vector<scmp_arg_cmp> comparisons(const AllowedCall& call) {
  std::vector<scmp_arg_cmp> list;
#ifndef USHER_SANITIZED
  for (const ArgumentRule& rule : call.rules) {
    if (rule.mask != 0) list.push_back({rule.number, SCMP_CMP_MASKED_EQ, rule.mask, rule.value});
  }
#else
  static_cast<void>(call);
#endif
  return list;
}

void allow(const Context& context, const AllowedCall& call) {
  const int number = seccomp_syscall_resolve_name(call.name);
  if (number == __NR_SCMP_ERROR) throw Error(ErrorCode::io, std::string("libseccomp knows no system call ") + call.name);
  if (number < 0) return;  // not a call of this architecture
  const std::vector<scmp_arg_cmp> rules = comparisons(call);
  const std::uint32_t action = call.answer == CallAnswer::done ? SCMP_ACT_ALLOW : SCMP_ACT_ERRNO(ENOSYS);
  const int result =
      seccomp_rule_add_array(context.get(), action, number, static_cast<unsigned>(rules.size()), rules.data());
  if (result != -EEXIST) require(result, std::string("allow ") + call.name);  // a sanitizer's list may have it twice
}

}  // namespace

SystemCallFilter::SystemCallFilter(const SystemCalls& calls) {
  const Context context(seccomp_init(SCMP_ACT_KILL_PROCESS));
  if (!context) throw Error(ErrorCode::io, "libseccomp cannot make a filter");
  require(seccomp_attr_set(context.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2), "ask for a binary-tree filter");
  for (const AllowedCall& call : calls) allow(context, call);

  const UniqueFd file(check(memfd_create("usher-filter", MFD_CLOEXEC), "make room for the filter"));
  require(seccomp_export_bpf(context.get(), file.get()), "compile the filter");
  const off_t size = check(lseek(file.get(), 0, SEEK_END), "measure the filter");
  program_.resize(static_cast<std::size_t>(size) / sizeof(sock_filter));
  static_assert(sizeof(sock_filter) == sizeof(program_[0]));
  const ssize_t got = check(pread(file.get(), program_.data(), static_cast<std::size_t>(size), 0), "read the filter");
  if (got != size) throw Error(ErrorCode::io, "the compiled filter is cut short");
}

SystemCallFilter::SystemCallFilter(std::string_view code) : program_(code.size() / kRecord) {
  std::memcpy(program_.data(), code.data(), program_.size() * kRecord);
}

std::string_view SystemCallFilter::code() const noexcept {
  return {reinterpret_cast<const char*>(program_.data()), program_.size() * kRecord};  // NOLINT: records as bytes
}

void SystemCallFilter::load() const {
  sock_fprog program{};
  program.len = static_cast<unsigned short>(program_.size());
  program.filter = const_cast<sock_filter*>(reinterpret_cast<const sock_filter*>(program_.data()));  // NOLINT: kernel shape
  check(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program), "load the system-call filter");
}

}  // namespace usher

// System calls that throw: check(::open(...), "open " + path).
#pragma once

#include <cerrno>
#include <string>
#include <system_error>

namespace usher {

[[noreturn]] inline void throw_errno(const std::string& what, int error_number = errno) {
  throw std::system_error(error_number, std::generic_category(), what);
}

// The result, or std::system_error when it is -1.
template <class Result>
Result check(Result result, const char* what) {
  if (result == Result(-1)) throw_errno(what);
  return result;
}
template <class Result>
Result check(Result result, const std::string& what) {
  if (result == Result(-1)) throw_errno(what);
  return result;
}

// Calls again while a signal interrupts.
template <class Call>
auto retry(Call call) {
  decltype(call()) result;
  do result = call();
  while (result == -1 && errno == EINTR);
  return result;
}

}  // namespace usher

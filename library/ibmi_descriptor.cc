// givedescriptor() and takedescriptor() on top of usher/descriptor.h.
#include "usher/ibmi_descriptor.h"

#include <fcntl.h>

#include <cerrno>
#include <cstring>
#include <new>
#include <system_error>

#include "base/job_id.h"
#include "usher/descriptor.h"

namespace {

using usher::Error;
using usher::ErrorCode;

constexpr std::chrono::seconds kPatience{60};

std::string hex_of(const char* job) {
  usher::JobId id;
  std::memcpy(id.bytes.data(), job, id.bytes.size());
  return id.hex();
}

int errno_of(const Error& error, int no_job) {
  if (error.code() == ErrorCode::not_authorized) return EACCES;
  if (error.code() == ErrorCode::not_running) return EUNATCH;
  if (error.code() == ErrorCode::job_not_found) return no_job;
  return error.code() == ErrorCode::busy ? EAGAIN : EIO;
}

// `call` returns what the caller gets, or -1 with errno.
template <class Call>
int with_errno(int no_job, Call call) noexcept {
  try {
    return call();
  } catch (const Error& error) {
    errno = errno_of(error, no_job);
  } catch (const std::system_error& error) {
    const int code = error.code().value();
    errno = code == EMFILE || code == ENFILE || code == ENOMEM ? code : EIO;
  } catch (const std::bad_alloc&) {
    errno = ENOMEM;
  } catch (...) {
    errno = EIO;
  }
  return -1;
}

int fail_with(int error) {
  errno = error;
  return -1;
}

}  // namespace

int givedescriptor(int descriptor, char* target_job) {
  if (::fcntl(descriptor, F_GETFD) < 0) return -1;
  if (target_job == nullptr) return fail_with(EINVAL);
  return with_errno(EINVAL, [&] {
    return usher::give(hex_of(target_job), {&descriptor, 1}, "", kPatience) ? 0 : fail_with(EAGAIN);
  });
}

int takedescriptor(char* source_job) {
  return with_errno(EUNATCH, [&] {
    usher::Taker taker(source_job == nullptr ? std::string() : hex_of(source_job));
    while (true) {
      auto given = taker.take();
      const int fd = given ? given->descriptors.at(0).release() : -1;
      if (fd >= 0 && ::fcntl(fd, F_SETFD, 0) == 0) return fd;
    }
  });
}

int usher_internal_job_id(char* job) {
  if (job == nullptr) return fail_with(EINVAL);
  return with_errno(EUNATCH, [&] {
    const auto id = usher::JobId::from_hex(usher::own_job().id);
    std::memcpy(job, id->bytes.data(), id->bytes.size());
    return 0;
  });
}

#include "usher/error.h"

#include <system_error>

namespace usher {

const char* name_of(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::invalid_argument: return "invalid_argument";
    case ErrorCode::not_authorized: return "not_authorized";
    case ErrorCode::library_not_found: return "library_not_found";
    case ErrorCode::queue_not_found: return "queue_not_found";
    case ErrorCode::already_exists: return "already_exists";
    case ErrorCode::too_long: return "too_long";
    case ErrorCode::key_required: return "key_required";
    case ErrorCode::key_length: return "key_length";
    case ErrorCode::not_keyed: return "not_keyed";
    case ErrorCode::queue_full: return "queue_full";
    case ErrorCode::lease_lost: return "lease_lost";
    case ErrorCode::busy: return "busy";
    case ErrorCode::damaged: return "damaged";
    case ErrorCode::wrong_version: return "wrong_version";
    case ErrorCode::disk_full: return "disk_full";
    case ErrorCode::read_only: return "read_only";
    case ErrorCode::io: return "io";
    case ErrorCode::protocol: return "protocol";
    case ErrorCode::configuration: return "configuration";
    case ErrorCode::not_running: return "not_running";
    case ErrorCode::job_not_found: return "job_not_found";
  }
  return "unknown";
}

Error::Error(ErrorCode code, const std::string& what, int error_number)
    : std::runtime_error(what + ": " + std::generic_category().message(error_number)),
      code_(code),
      error_number_(error_number) {}

}  // namespace usher

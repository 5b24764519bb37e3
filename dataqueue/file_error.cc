#include "dataqueue/file_error.h"

namespace usher {

ErrorCode code_of_errno(int error_number) noexcept {
  switch (error_number) {
    case EACCES:
    case EPERM: return ErrorCode::not_authorized;
    case ENOENT:
    case ENOTDIR: return ErrorCode::library_not_found;
    case ENOSPC:
    case EDQUOT:
    case EFBIG: return ErrorCode::disk_full;
    case EROFS: return ErrorCode::read_only;
    case ENAMETOOLONG:
    case EINVAL: return ErrorCode::invalid_argument;
    default: return ErrorCode::io;
  }
}

void throw_file_error(const std::string& action, int error_number) {
  throw Error(code_of_errno(error_number), action, error_number);
}

}  // namespace usher

// What can go wrong in Usher's libraries, as one exception type with a code that programs can test.
//
// Shape:  what() is one line without a newline: what was attempted, then why it did not work.
// Source: the data-queue codes follow the CPF messages of the IBM i data-queue API, named in the text of each error.
#ifndef USHER_ERROR_H
#define USHER_ERROR_H

#include <stdexcept>
#include <string>

#pragma GCC visibility push(default)
namespace usher {

enum class ErrorCode : int {
  invalid_argument = 1,  // a parameter is out of its range; what() names it
  not_authorized,        // the file system says no
  library_not_found,     // no such file, and it was not to be made
  queue_not_found,       // the library is there, the queue is not (any more)
  already_exists,        // a queue of that name is there
  too_long,              // data longer than the queue's maximum entry length (CPF2498)
  key_required,          // a keyed queue was used without a key (CPF9501)
  key_length,            // the key is not exactly as long as the queue's keys (CPF9506)
  not_keyed,             // a key for a queue that has none (CPF9502)
  queue_full,            // the queue holds its maximum number of entries
  lease_lost,            // the lease is over: completed, released, or given to another holder
  busy,                  // no turn within the wait
  damaged,               // the file is not what it should be; nothing was repaired
  wrong_version,         // the file is of another layout or of a newer version
  disk_full,             // no space, or a quota or file-size limit
  read_only,             // the file or its file system takes no writes
  io,                    // any other failure of the operating system
  protocol,              // a message between processes is not what was agreed
  configuration,         // the configuration has faults
  not_running,           // no Usher runs on this configuration
  job_not_found,         // there is no such job (any more), or this process belongs to none
};

// The code as printed by the commands, e.g. "queue_not_found".
const char* name_of(ErrorCode code) noexcept;

class Error : public std::runtime_error {
 public:
  Error(ErrorCode code, const std::string& what) : std::runtime_error(what), code_(code) {}
  // The same with the operating system's reason: "WHAT: No such file or directory".
  Error(ErrorCode code, const std::string& what, int error_number);

  ErrorCode code() const noexcept { return code_; }
  int error_number() const noexcept { return error_number_; }

 private:
  ErrorCode code_;
  int error_number_ = 0;
};

}  // namespace usher
#pragma GCC visibility pop

#endif

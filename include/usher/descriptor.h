/* Descriptors given from one job of Usher to another: several at a time, with control data. For C++ and for C.
 *
 *   // the job that has the descriptor                      // the job that wants it, whose id the other has learnt,
 *   int fds[2] = {client, log};                             // by a data queue say
 *   usher::give(id, fds, "index.html", 5s);                 usher::Taker taker;
 *                                                           if (auto given = taker.take(5s)) serve(*given);
 *
 * Model:  a job is a program that Usher started, with all that it started itself. A giver names a job, by its id (32
 * hex digits), its name ("000123/usher/generic") or its number; any process of that job takes. Both wait until there is
 * the other, in order of arrival. The pool brings them together and what is given goes from one to the other directly:
 *         it is one message, given as a whole or not at all. The giver keeps its own descriptors, to be closed by it.
 * Rules:  a job may give to jobs of the same user, root to all: by what the kernel says of both, not by their word.
 * Deaths: a taker that dies has taken nothing, and the giver goes on waiting for another of that job; when the job
 * itself ends the giver gets job_not_found. A giver that dies has given nothing. When the pool is restarted both wait
 * on; when Usher stops both get not_running. Shape:  1..16 descriptors, up to 1,024 bytes of control data. Errors:
 * invalid_argument, too_long, not_authorized (a job of another user; or one gives that is neither job nor root),
 *         job_not_found (no such job, or not any more; or one takes that belongs to none), not_running, busy. A wait
 * that is over is no error. io (EMFILE) when the taker has no room for the descriptors; the giver goes on waiting. Fork:   a Taker is its own process's. Thread: takers belong to one thread at a time; the
 * rest may be called by any. Source: IBM i givedescriptor(), takedescriptor(), for which see usher/ibmi_descriptor.h.
 */
#ifndef USHER_DESCRIPTOR_H
#define USHER_DESCRIPTOR_H

#include "usher/usher.h"

#define USHER_MOST_DESCRIPTORS 16
#define USHER_MOST_CONTROL_DATA 1024

#ifdef __cplusplus
#include <sys/types.h>
#include <unistd.h>

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "usher/data_queue.h"

#pragma GCC visibility push(default)
namespace usher {

// A descriptor with one owner.
class Descriptor {
 public:
  explicit Descriptor(int fd) noexcept : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(other.release()) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const noexcept { return fd_; }
  int release() noexcept { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

struct JobIdentity {
  std::string id;    // 32 hex digits
  std::string name;  // "000123/usher/generic"
};

// The job that this process belongs to. Errors: job_not_found when it belongs to none.
JobIdentity own_job();

// True when a process of that job has taken them; false when none did within the wait.
bool give(std::string_view job, std::span<const int> descriptors, std::string_view data, Wait wait);

struct Given {
  std::vector<Descriptor> descriptors;  // close-on-exec
  std::string data;
  JobIdentity giver;  // both empty when it was root, from outside of all jobs
  uid_t user = 0;     // of the giver
  pid_t process = 0;  // of the giver
};

class Taker {
 public:
  // `source`: takes only what this job gives, by its id; empty: from any.
  explicit Taker(std::string_view source = {});
  Taker(Taker&&) noexcept;
  Taker& operator=(Taker&&) noexcept;
  ~Taker();

  // Empty when nothing came within the wait.
  std::optional<Given> take(Wait wait = Wait::for_ever());
  // For an event loop: readable when take() without a wait is worth a call, which may find nothing. Asks the pool for
  // what comes: call it before each wait, its number is always the same.
  int fd();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace usher
#pragma GCC visibility pop
#endif

/* NOLINTBEGIN(modernize-use-using): this is C */
#ifdef __cplusplus
extern "C" {
#endif
#if defined(__GNUC__)
#pragma GCC visibility push(default)
#endif

/* The calls below return as those of usher/usher.h do: USHER_OK, USHER_NOTHING when the wait is over, or an error. */

#define USHER_JOB_ID_SIZE 33    /* with the zero byte at its end */
#define USHER_JOB_NAME_SIZE 301 /* with the zero byte at its end */

/* Of the job that this process belongs to; either may be NULL. */
int usher_own_job(char* id, char* name);

int usher_give(const char* job, const int* descriptors, size_t count, const void* data, size_t length, double wait);

typedef struct usher_taker usher_taker;
typedef struct usher_given usher_given;

/* `source` NULL: from any job. */
int usher_taker_open(const char* source, usher_taker** taker);
int usher_taker_fd(usher_taker* taker); /* -1: an error */
int usher_take(usher_taker* taker, double wait, usher_given** out);
void usher_taker_close(usher_taker* taker);

size_t usher_given_count(const usher_given* given);
/* The nth descriptor, from now on the caller's; -1 when there is none, or it was fetched before. */
int usher_given_descriptor(usher_given* given, size_t n);
const void* usher_given_data(const usher_given* given);
size_t usher_given_size(const usher_given* given);
const char* usher_given_giver_id(const usher_given* given); /* "": root, from outside of all jobs */
const char* usher_given_giver_name(const usher_given* given);
long usher_given_giver_user(const usher_given* given);
/* Closes the descriptors that were not fetched. */
void usher_given_free(usher_given* given);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif
/* NOLINTEND(modernize-use-using) */

#endif

#include "dataqueue/library_state.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <cstdlib>

#include "base/system.h"
#include "dataqueue/fault_point.h"
#include "dataqueue/file_error.h"
#include "dataqueue/member.h"
#include "dataqueue/new_file.h"
#include "dataqueue/work.h"

namespace usher {
namespace {

constexpr auto kLookEvery = std::chrono::milliseconds(10);
// Pages of a log; measured. A short one moves pages to the file that will change again soon, and of these a large file has
// more: it gets half as long as the file, between these. A long one takes its time to get its blocks of the disk, of which
// every write to the disk then waits for the list as well.
constexpr int kLongLog = 4000;
constexpr int kLongestLog = 16'000;
constexpr int kLongForcedLog = 1000;
constexpr int kPageBytes = 4096;
constexpr int kCacheKb = 4096;                       // the branches of a tree of a million entries, and the leaves of some hundred keys
constexpr std::int64_t kLogBytesKept = 72 << 20;     // of the log's file: the longest, and what is added while it is moved
constexpr auto kForkWait = std::chrono::seconds(1);  // for a thread that is in a turn

std::string resolved(const std::string& path) {
  if (path.empty() || path.back() == '/')
    throw Error(ErrorCode::invalid_argument, "path: \"" + path + "\" names no file");
  const std::string directory = directory_of(path);
  const std::unique_ptr<char, decltype(&std::free)> real(::realpath(directory.c_str(), nullptr), &std::free);
  if (real == nullptr) throw_file_error("open " + path);
  return std::string(real.get()) + "/" + path.substr(path.rfind('/') + 1);
}

bool may(const std::string& path, int access) {
  return ::faccessat(AT_FDCWD, path.c_str(), access, AT_EACCESS) == 0;
}

// A file that nobody may write is read-only; one that this caller may not is a matter of authority.
Error no_writes(const std::string& path, mode_t mode, int error_number) {
  const bool nobody = (mode & 0222) == 0 || error_number == EROFS;
  return {nobody ? ErrorCode::read_only : ErrorCode::not_authorized, "write " + path, error_number};
}

Error gone(const std::string& path) {
  return {ErrorCode::library_not_found, "use " + path + ": it, or its sidecar file, was removed or replaced"};
}

struct Unlock {
  template <class Lock>
  void operator()(Lock* lock) const noexcept {
    lock->unlock();
  }
};

void sync_file(const std::string& path) {
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!file || ::fsync(file.get()) != 0) throw_file_error("write " + path + " to the disk");
}

// Files of which this process has a connection of its parent, that was in use at the fork: SQLite here thinks that it
// holds locks on them.
std::vector<std::pair<dev_t, ino_t>>& inherited_files() {
  static auto& files = *new std::vector<std::pair<dev_t, ino_t>>;
  return files;
}

void check_not_inherited(const std::string& path, const struct stat& file) {
  for (const auto& [device, inode] : inherited_files()) {
    if (device != file.st_dev || inode != file.st_ino) continue;
    throw Error(ErrorCode::io, "open " + path + ": this process was forked inside a transaction on it");
  }
}

// Not a thread id, which would have to be asked for: any address that no other thread has.
std::uintptr_t this_thread() {
  static thread_local char place;
  return reinterpret_cast<std::uintptr_t>(&place);
}

}  // namespace

Instant turn_deadline() {
  return Clock::now() + std::chrono::seconds(10);
}

std::shared_ptr<LibraryState> open_library(const std::string& path, LibraryOptions options) {
  return std::make_shared<LibraryState>(path, std::move(options));
}

LibraryState::LibraryState(const std::string& path, LibraryOptions options)
    : path_(resolved(path)), options_(std::move(options)) {
  lock_.initialize();
  find_file();
  open_sidecar();
  open_connection();
  if (!no_writes_) add_client_schemas();
}

// Everything that a fork must not meet is closed while the registration still stands.
LibraryState::~LibraryState() {
  if (unusable_) return;
  member_.reset();
  (void)lock_.lock(Instant::max());
  connection_.reset();
  lock_.unlock();
}

void LibraryState::find_file() {
  if (::lstat(path_.c_str(), &file_) != 0) {
    if (errno != ENOENT || !options_.how.create) throw_file_error("open " + path_);
    make_file();
    if (::lstat(path_.c_str(), &file_) != 0) throw_file_error("open " + path_);
  }
  if (S_ISLNK(file_.st_mode)) throw Error(ErrorCode::not_authorized, "open " + path_ + ": is a symbolic link");
  if (!S_ISREG(file_.st_mode)) throw Error(ErrorCode::damaged, "open " + path_ + ": is no file");
  check_not_inherited(path_, file_);
  if (!may(path_, R_OK)) throw_file_error("open " + path_);
  if (!may(path_, W_OK)) no_writes_ = no_writes(path_, file_.st_mode, errno);
}

// Complete before it has its name; somebody else's that came first is as good. Who makes one locks the directory
// meanwhile: a log left by a library that was removed must go before the new one can be seen, for SQLite would take it
// for its own.
void LibraryState::make_file() {
  NewFile file(path_, options_.how.mode);
  file.write(new_library_image());
  if (durability() == Durability::library) file.sync();
  const UniqueFd directory(::open(directory_of(path_).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory || retry([&] { return ::flock(directory.get(), LOCK_EX); }) != 0) throw_file_error("make " + path_);
  if (::lstat(path_.c_str(), &file_) == 0) return;
  for (const char* suffix : {"-wal", "-shm"}) {
    if (::unlink((path_ + suffix).c_str()) != 0 && errno != ENOENT) throw_file_error("remove " + path_ + suffix);
  }
  file.give_name();
  if (durability() == Durability::library) ::fsync(directory.get());
}

void LibraryState::open_sidecar() {
  if (no_writes_) return;
  try {
    sidecar_ = std::make_unique<Sidecar>(path_ + "-sidecar", file_);
    slots_ = std::make_unique<SlotTable>(*sidecar_);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::not_authorized && error.code() != ErrorCode::read_only) throw;
    no_writes_ = error;
  }
}

void LibraryState::open_connection() {
  Database database =
      Database::open(path_, {.create = false, .read_only = no_writes_.has_value(), .vfs = options_.vfs});
  database.set_busy_deadline(turn_deadline());
  database.execute(durability() == Durability::library ? "PRAGMA synchronous = NORMAL" : "PRAGMA synchronous = OFF");
  database.execute("PRAGMA journal_size_limit = " + std::to_string(kLogBytesKept));
  database.execute("PRAGMA cache_size = -" + std::to_string(kCacheKb));
  check_schema(database, options_.clients);
  connection_ = std::make_unique<Connection>(std::move(database));
}

void LibraryState::add_client_schemas() {
  for (const ClientSchema& client : options_.clients) {
    if (has_schema(connection_->database, client)) continue;
    Transaction::Work work(*this, turn_deadline());
    if (!has_schema(work.database(), client)) add_schema(work.database(), client);
    work.commit();
  }
}

void LibraryState::lock(Instant deadline) {
  if (owner_ == this_thread()) {
    throw Error(ErrorCode::invalid_argument,
                "this thread has a transaction open on " + path_ + ": use it, or end it first");
  }
  if (unusable_ || !fork_was_seen()) {
    throw Error(ErrorCode::io, "use " + path_ + ": this process was forked inside a transaction, or not with fork()");
  }
  if (lock_.lock(deadline) == Outcome::timed_out)
    throw Error(ErrorCode::busy, "use " + path_ + ": another thread has the turn");
  owner_ = this_thread();
}

void LibraryState::unlock() noexcept {
  owner_ = 0;
  lock_.unlock();
}

Connection& LibraryState::connection() {
  if (connection_ == nullptr) open_connection();
  return *connection_;
}

Sidecar& LibraryState::sidecar() {
  if (no_writes_) throw Error(*no_writes_);
  return *sidecar_;
}

void LibraryState::check_still_there() {
  const Instant now = Clock::now();
  if (now - looked_ >= kLookEvery) {
    struct stat found {};
    const bool there =
        ::lstat(path_.c_str(), &found) == 0 && found.st_dev == file_.st_dev && found.st_ino == file_.st_ino;
    if (sidecar_ != nullptr && (!there || !sidecar_->is_in_place())) sidecar_->abandon();
    if (!there) throw gone(path_);
    long_log_ = static_cast<int>(std::clamp<off_t>(found.st_size / kPageBytes / 2, kLongLog, kLongestLog));
    looked_ = now;
  }
  if (sidecar_ != nullptr && is_abandoned()) throw gone(path_);
}

bool LibraryState::needs_repair() const {
  return slots_ != nullptr && (sidecar_->control().leases_known == 0 || slots_->needs_repair());
}

void LibraryState::join() {
  if (joined_) return;
  auto repair = Transaction::Work::Repair::when_needed;
  for (RingAttempts attempts;; attempts.failed()) {
    Transaction::Work work(*this, turn_deadline(), repair);
    if (member_ == nullptr) {
      auto made = std::make_unique<Member>(*this);
      if (made->enter()) member_ = std::move(made);
    }
    joined_ = member_ != nullptr;
    work.end();
    if (joined_) return;
    repair = Transaction::Work::Repair::in_full;  // a dead neighbour in the ring
  }
}

void LibraryState::wait_for_disk(const SharedWrite::Ticket& ticket) {
  sidecar_->control().log.wait(ticket, [this](bool first) { write_log(first); });
}

void LibraryState::write_log(bool first) {
  const std::shared_lock open(open_);
  if (connection_ != nullptr)
    connection_->database.sync_log();
  else
    sync_file(path_ + "-wal");                // closed for a fork since the commit
  if (first) sync_file(directory_of(path_));  // the log's own name
}

// The long parts come before the turn is taken: writing the log to the disk, and moving to the file what is in the log by
// then. With the turn the little is moved that came meanwhile, so that the next commit begins the log anew.
void LibraryState::keep_log_short() noexcept {
  if (log_pages_ < longest_log()) return;
  Control& control = sidecar_->control();
  try {
    if (control.checkpoint.try_lock() == Outcome::timed_out) return;
    const std::unique_ptr<RobustMutex, Unlock> held(&control.checkpoint);
    if (durability() == Durability::library) wait_for_disk(control.log.everything());
    move_log();
    fault::point("most of the log moved");
    move_rest_of_log();
    control.log_writes = control.log.begun();
  } catch (const std::exception&) {
    return;  // the log stays long until somebody can
  }
}

// Somebody forces, if the log is written to the disk for more than its own move.
int LibraryState::longest_log() const {
  const Control& control = sidecar_->control();
  return control.log.begun() > control.log_writes + 1 ? kLongForcedLog : long_log_.load();
}

void LibraryState::move_log() {
  lock(turn_deadline());
  const std::unique_ptr<LibraryState, Unlock> held(this);
  connection().database.checkpoint();
}

void LibraryState::move_rest_of_log() {
  Transaction::Work work(*this, turn_deadline());
  connection().database.checkpoint();
  log_pages_ = 0;
  work.end();
}

// A thread that is in a turn is waited for; one that does not come out of it, or this one, leaves the child without the
// library.
void LibraryState::before_fork() noexcept {
  closed_for_fork_ = owner_ != this_thread() && lock_.lock(Clock::now() + kForkWait) != Outcome::timed_out;
  if (!closed_for_fork_) return;
  const std::unique_lock closing(open_);
  if (connection_ != nullptr) connection_->database.leave_log_at_close();
  connection_.reset();
}

void LibraryState::after_fork_in_parent() noexcept {
  if (closed_for_fork_) lock_.unlock();
}

// The parent's thread and handles are not touched, only put where nobody finds them.
void LibraryState::after_fork_in_child() noexcept {
  static auto* members = new std::vector<std::unique_ptr<Member>>;  // NOLINT(bugprone-unhandled-exception-at-new)
  static auto* connections =
      new std::vector<std::unique_ptr<Connection>>;  // NOLINT(bugprone-unhandled-exception-at-new)
  ++generation_;
  joined_ = false;
  if (member_ != nullptr) members->push_back(std::move(member_));
  owner_ = 0;
  lock_.initialize();
  if (closed_for_fork_) return;
  unusable_ = true;
  inherited_files().emplace_back(file_.st_dev, file_.st_ino);
  if (connection_ != nullptr) connections->push_back(std::move(connection_));
}

}  // namespace usher

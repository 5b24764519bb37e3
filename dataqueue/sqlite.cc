#include "dataqueue/sqlite.h"

#include <sqlite3.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <limits>

#include "dataqueue/file_error.h"
#include "usher/error.h"

namespace usher {
namespace {

struct CodeFor {
  int result;  // primary or extended result code
  ErrorCode code;
};

// The first row that fits counts: extended codes stand before their primary one.
constexpr CodeFor kCodes[] = {
    {SQLITE_CONSTRAINT_UNIQUE, ErrorCode::already_exists},
    {SQLITE_CONSTRAINT_PRIMARYKEY, ErrorCode::already_exists},
    {SQLITE_CONSTRAINT_ROWID, ErrorCode::already_exists},
    {SQLITE_CONSTRAINT, ErrorCode::invalid_argument},
    {SQLITE_RANGE, ErrorCode::invalid_argument},
    {SQLITE_MISMATCH, ErrorCode::invalid_argument},
    {SQLITE_TOOBIG, ErrorCode::too_long},
    {SQLITE_BUSY, ErrorCode::busy},
    {SQLITE_LOCKED, ErrorCode::busy},
    {SQLITE_PROTOCOL, ErrorCode::busy},
    {SQLITE_PERM, ErrorCode::not_authorized},
    {SQLITE_AUTH, ErrorCode::not_authorized},
    {SQLITE_READONLY_DBMOVED, ErrorCode::library_not_found},
    {SQLITE_READONLY, ErrorCode::read_only},
    {SQLITE_FULL, ErrorCode::disk_full},
    {SQLITE_CORRUPT, ErrorCode::damaged},
    {SQLITE_NOTADB, ErrorCode::damaged},
};

ErrorCode code_by_table(int result) {
  for (const CodeFor& row : kCodes) {
    if (row.result == result || row.result == (result & 0xFF)) return row.code;
  }
  return ErrorCode::io;
}

ErrorCode code_of(int result, int error_number) {
  const int primary = result & 0xFF;
  const bool of_the_system = primary == SQLITE_IOERR || primary == SQLITE_CANTOPEN;
  return of_the_system ? code_of_errno(error_number) : code_by_table(result);
}

// What failed in a commit is known to the file only, mostly to that of the log.
int error_number_of(sqlite3* handle) {
  const int known = sqlite3_system_errno(handle);
  sqlite3_file* log = nullptr;
  sqlite3_file_control(handle, "main", SQLITE_FCNTL_JOURNAL_POINTER, static_cast<void*>(&log));
  if (known != 0 || log == nullptr || log->pMethods == nullptr) return known;
  int last = 0;
  log->pMethods->xFileControl(log, SQLITE_FCNTL_LAST_ERRNO, &last);
  return last;
}

[[noreturn]] void fail(sqlite3* handle, int result, const std::string& action) {
  const int error_number = error_number_of(handle);
  std::string text = action + ": " + sqlite3_errmsg(handle);
  const ErrorCode code = code_of(result, error_number);
  if (code == ErrorCode::io && error_number != 0) throw Error(code, text, error_number);
  throw Error(code, text);
}

[[noreturn]] void fail(sqlite3_stmt* statement, int result) {
  fail(sqlite3_db_handle(statement), result, std::string("SQL \"") + sqlite3_sql(statement) + "\"");
}

void check_bind(sqlite3_stmt* statement, int result) {
  if (result != SQLITE_OK) fail(statement, result);
}

int length_of(std::string_view bytes) {
  if (bytes.size() > std::size_t{std::numeric_limits<int>::max()}) {
    throw Error(ErrorCode::too_long, "a value of 2 GiB or more for the database");
  }
  return static_cast<int>(bytes.size());
}

// Another connection holds a lock of SQLite itself: a reader that recovers the log, somebody with the sqlite3 command,
// or the kernel has not yet taken the locks of a killed process away. Rare, short and without an event to wait for.
int wait_for_lock(void* deadline, int calls) {
  const auto left = *static_cast<const Instant*>(deadline) - Clock::now();
  if (left <= Clock::duration::zero()) return 0;
  const std::int64_t nap = std::min<std::int64_t>(50'000LL << std::min(calls, 5), left.count());
  const timespec pause{.tv_sec = 0, .tv_nsec = nap};
  nanosleep(&pause, nullptr);
  return 1;
}

int note_log_pages(void* pages, sqlite3* /*handle*/, const char* /*name*/, int count) {
  *static_cast<int*>(pages) = count;
  return SQLITE_OK;
}

}  // namespace

Rows::~Rows() {
  if (statement_ != nullptr) sqlite3_reset(statement_);
}

bool Rows::next() {
  const int result = sqlite3_step(statement_);
  if (result == SQLITE_ROW) return true;
  if (result != SQLITE_DONE) fail(statement_, result);
  return false;
}

bool Rows::is_null(int column) const {
  return sqlite3_column_type(statement_, column) == SQLITE_NULL;
}

int Rows::columns() const {
  return sqlite3_column_count(statement_);
}

std::string_view Rows::column_name(int column) const {
  return sqlite3_column_name(statement_, column);
}

std::int64_t Rows::integer(int column) const {
  return sqlite3_column_int64(statement_, column);
}

double Rows::real(int column) const {
  return sqlite3_column_double(statement_, column);
}

std::string_view Rows::bytes(int column) const {
  const void* data = sqlite3_column_blob(statement_, column);
  const int size = sqlite3_column_bytes(statement_, column);
  return data == nullptr ? std::string_view()
                         : std::string_view(static_cast<const char*>(data), static_cast<std::size_t>(size));
}

void Statement::Finalize::operator()(sqlite3_stmt* statement) const noexcept {
  sqlite3_finalize(statement);
}

void Statement::bind_null(int place) {
  check_bind(statement_.get(), sqlite3_bind_null(statement_.get(), place));
}

void Statement::bind_integer(int place, std::int64_t value) {
  check_bind(statement_.get(), sqlite3_bind_int64(statement_.get(), place, value));
}

void Statement::bind_real(int place, double value) {
  check_bind(statement_.get(), sqlite3_bind_double(statement_.get(), place, value));
}

void Statement::bind_text(int place, std::string_view value) {
  const char* data = value.data() == nullptr ? "" : value.data();
  check_bind(statement_.get(), sqlite3_bind_text(statement_.get(), place, data, length_of(value), SQLITE_STATIC));
}

void Statement::bind_blob(int place, std::string_view value) {
  const char* data = value.data() == nullptr ? "" : value.data();  // a null pointer would be NULL, not the empty BLOB
  check_bind(statement_.get(), sqlite3_bind_blob(statement_.get(), place, data, length_of(value), SQLITE_STATIC));
}

void Database::Close::operator()(sqlite3* handle) const noexcept {
  sqlite3_close_v2(handle);
}

// Statements before the connection, and that before what it points to.
Database& Database::operator=(Database&& other) noexcept {
  for (Statement* statement : {&begin_, &read_, &commit_, &rollback_}) *statement = Statement();
  handle_ = std::move(other.handle_);
  locks_ = std::move(other.locks_);
  begin_ = std::move(other.begin_);
  read_ = std::move(other.read_);
  commit_ = std::move(other.commit_);
  rollback_ = std::move(other.rollback_);
  return *this;
}

Database Database::open(const std::string& path, const OpenDatabase& how) {
  int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW;
  flags |= how.read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
  if (how.create) flags |= SQLITE_OPEN_CREATE;
  sqlite3* handle = nullptr;
  const int result = sqlite3_open_v2(path.c_str(), &handle, flags, how.vfs.empty() ? nullptr : how.vfs.c_str());
  Database database;
  database.handle_.reset(handle);
  if (handle == nullptr) throw Error(ErrorCode::io, "open " + path + ": out of memory");
  if (result != SQLITE_OK) fail(handle, result, "open " + path);
  database.configure();
  return database;
}

Database Database::in_memory() {
  sqlite3* handle = nullptr;
  const int result = sqlite3_open_v2(":memory:", &handle, SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_READWRITE, nullptr);
  Database database;
  database.handle_.reset(handle);
  if (handle == nullptr) throw Error(ErrorCode::io, "open a database in memory: out of memory");
  if (result != SQLITE_OK) fail(handle, result, "open a database in memory");
  database.configure();
  return database;
}

void Database::configure() {
  static std::atomic<std::uint64_t> opened{0};
  locks_ = std::make_unique<Locks>();
  locks_->serial = ++opened;
  sqlite3* handle = handle_.get();
  sqlite3_extended_result_codes(handle, 1);
  sqlite3_busy_handler(handle, wait_for_lock, &locks_->deadline);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  sqlite3_wal_hook(handle, note_log_pages, &locks_->log_pages);  // in place of automatic checkpoints
  int persist = 1;  // the log's name stays when the last connection closes: no owner or group is chosen anew
  sqlite3_file_control(handle, "main", SQLITE_FCNTL_PERSIST_WAL, &persist);
  begin_ = prepare("BEGIN IMMEDIATE");
  read_ = prepare("BEGIN");
  commit_ = prepare("COMMIT");
  rollback_ = prepare("ROLLBACK");
}

Statement Database::prepare(std::string_view sql, Use use) {
  sqlite3_stmt* statement = nullptr;
  const unsigned flags = use == Use::kept ? SQLITE_PREPARE_PERSISTENT : 0;
  const int result = sqlite3_prepare_v3(handle_.get(), sql.data(), length_of(sql), flags, &statement, nullptr);
  if (result != SQLITE_OK) fail(handle_.get(), result, "SQL \"" + std::string(sql) + "\"");
  return Statement(statement);
}

void Database::execute(const std::string& sql) {
  const int result = sqlite3_exec(handle_.get(), sql.c_str(), nullptr, nullptr, nullptr);
  if (result != SQLITE_OK) fail(handle_.get(), result, "SQL \"" + sql.substr(0, 60) + "\"");
}

std::int64_t Database::changes() const {
  return sqlite3_changes64(handle_.get());
}

bool Database::in_transaction() const {
  return sqlite3_get_autocommit(handle_.get()) == 0;
}

void Database::sync_log() {
  sqlite3_file* log = locks_->log;
  if (log == nullptr) return;  // nothing was committed through this connection
  const int result = log->pMethods->xSync(log, SQLITE_SYNC_NORMAL);
  if (result != SQLITE_OK) throw Error(ErrorCode::io, "write the log to the disk", errno);
}

void Database::checkpoint() {
  const int result = sqlite3_wal_checkpoint_v2(handle_.get(), nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
  if (result != SQLITE_OK && (result & 0xFF) != SQLITE_BUSY) fail(handle_.get(), result, "checkpoint");
}

void Database::leave_log_at_close() {
  sqlite3_db_config(handle_.get(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
}

std::string Database::serialized() {
  sqlite3_int64 size = 0;
  unsigned char* bytes = sqlite3_serialize(handle_.get(), "main", &size, 0);
  if (bytes == nullptr) throw Error(ErrorCode::io, "serialize a database: out of memory");
  std::string copy(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
  sqlite3_free(bytes);
  return copy;
}

// Some errors have rolled back by themselves already.
void Database::roll_back() noexcept {
  if (!in_transaction()) return;
  sqlite3_step(rollback_.statement_.get());
  sqlite3_reset(rollback_.statement_.get());
}

void ImmediateTransaction::commit() {
  database_->commit_.run();
  if (database_->locks_->log == nullptr) {
    sqlite3_file* log = nullptr;
    sqlite3_file_control(database_->handle_.get(), "main", SQLITE_FCNTL_JOURNAL_POINTER, &log);
    if (log != nullptr && log->pMethods != nullptr) database_->locks_->log = log;
  }
  database_ = nullptr;
}

void ImmediateTransaction::roll_back() noexcept {
  if (database_ != nullptr) database_->roll_back();
  database_ = nullptr;
}

ReadTransaction::~ReadTransaction() {
  database_.roll_back();
}

}  // namespace usher

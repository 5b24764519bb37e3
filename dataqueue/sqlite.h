// SQLite, wrapped: a database, prepared statements, and transactions that roll back unless committed.
//
//   Database db = Database::open(path, {.create = true});
//   Statement add = db.prepare("INSERT INTO job (id, state) VALUES (?1, ?2)");
//   ImmediateTransaction transaction(db);
//   add.run(Blob{id}, "ready");
//   transaction.commit();
//
//   Statement find = db.prepare("SELECT state, pid FROM job WHERE id = ?1");
//   auto rows = find.query(Blob{id});            // resets the statement when it goes
//   if (rows.next()) use(rows.get<std::string>(0), rows.get<std::optional<std::int64_t>>(1));
//
// Errors: Error. SQLITE_BUSY is busy, NOTADB and CORRUPT damaged, FULL disk_full, READONLY read_only, a broken UNIQUE
// or
//         PRIMARY KEY already_exists, any other constraint invalid_argument; the rest, and out of memory, io.
// Thread: a database and all that comes from it belong to one thread at a time (opened without SQLite's own mutex).
//         None of it may live through a fork.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "base/clock.h"

struct sqlite3;
struct sqlite3_stmt;
struct sqlite3_file;

namespace usher {

class Database;

// Bytes to be bound or read as BLOB; a std::string_view is bound as TEXT. The bytes must live until the query is over.
struct Blob {
  std::string_view bytes;
};

template <class T>
inline constexpr bool kIsOptional = false;
template <class T>
inline constexpr bool kIsOptional<std::optional<T>> = true;

// The rows of one query. Resets its statement when it goes.
class Rows {
 public:
  Rows(Rows&& other) noexcept : statement_(std::exchange(other.statement_, nullptr)) {}
  Rows& operator=(Rows&&) = delete;
  ~Rows();

  // Steps to the next row; false when there is none (any more).
  bool next();

  // The column of the current row: integers, bool, double, std::string, std::string_view (TEXT or BLOB; valid until
  // next()), or std::optional of these, empty for NULL.
  template <class T>
  T get(int column) const {
    if constexpr (kIsOptional<T>) {
      if (is_null(column)) return std::nullopt;
      return get<typename T::value_type>(column);
    } else if constexpr (std::is_same_v<T, bool>) {
      return integer(column) != 0;
    } else if constexpr (std::is_integral_v<T> || std::is_enum_v<T>) {
      return static_cast<T>(integer(column));
    } else if constexpr (std::is_floating_point_v<T>) {
      return static_cast<T>(real(column));
    } else {
      static_assert(std::is_constructible_v<T, std::string_view>);
      return T(bytes(column));
    }
  }
  bool is_null(int column) const;
  int columns() const;
  std::string_view column_name(int column) const;

 private:
  friend class Statement;
  explicit Rows(sqlite3_stmt* statement) noexcept : statement_(statement) {}
  std::int64_t integer(int column) const;
  double real(int column) const;
  std::string_view bytes(int column) const;

  sqlite3_stmt* statement_;
};

// One prepared statement, to be used again and again.
class Statement {
 public:
  Statement() noexcept = default;

  // Binds ?1, ?2, ... in order: integers, enums, bool, double, text, Blob, nullptr, std::optional of these.
  template <class... Values>
  [[nodiscard]] Rows query(const Values&... values) {
    int place = 0;
    (bind(++place, values), ...);
    return Rows(statement_.get());
  }
  // Runs to the end; rows are passed over.
  template <class... Values>
  void run(const Values&... values) {
    Rows rows = query(values...);
    while (rows.next()) {
    }
  }
  explicit operator bool() const noexcept { return statement_ != nullptr; }

 private:
  friend class Database;
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const noexcept;
  };
  explicit Statement(sqlite3_stmt* statement) noexcept : statement_(statement) {}

  template <class T>
  void bind(int place, const T& value) {
    if constexpr (std::is_same_v<T, std::nullptr_t>) {
      bind_null(place);
    } else if constexpr (kIsOptional<T>) {
      if (value.has_value())
        bind(place, *value);
      else
        bind_null(place);
    } else if constexpr (std::is_integral_v<T> || std::is_enum_v<T>) {
      bind_integer(place, static_cast<std::int64_t>(value));
    } else if constexpr (std::is_floating_point_v<T>) {
      bind_real(place, value);
    } else if constexpr (std::is_same_v<T, Blob>) {
      bind_blob(place, value.bytes);
    } else {
      bind_text(place, std::string_view(value));
    }
  }
  void bind_null(int place);
  void bind_integer(int place, std::int64_t value);
  void bind_real(int place, double value);
  void bind_text(int place, std::string_view value);
  void bind_blob(int place, std::string_view value);

  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

struct OpenDatabase {
  bool create = false;
  bool read_only = false;
  std::string vfs{};  // empty: SQLite's default
};

class Database {
 public:
  Database() noexcept = default;  // of nothing: only to be assigned to
  // Opens without following a link in the last component; trusted_schema off, defensive.
  static Database open(const std::string& path, const OpenDatabase& how);
  static Database in_memory();

  Database(Database&&) noexcept = default;
  Database& operator=(Database&& other) noexcept;

  // `kept` statements are optimised for long use; others for one use.
  enum class Use { kept, once };
  Statement prepare(std::string_view sql, Use use = Use::kept);
  // Runs one or more statements without parameters.
  void execute(const std::string& sql);
  // The first column of the first row, e.g. of a PRAGMA.
  template <class T>
  T value_of(std::string_view sql) {
    Statement statement = prepare(sql, Use::once);
    Rows rows = statement.query();
    return rows.next() ? rows.get<T>(0) : T{};
  }

  // Rows changed by the last INSERT, UPDATE or DELETE.
  std::int64_t changes() const;
  bool in_transaction() const;
  // Differs from that of every other Database of the process.
  std::uint64_t serial() const noexcept { return locks_->serial; }

  // Until when a statement that meets a lock of another connection tries again; then it is busy. Past at the start.
  void set_busy_deadline(Instant deadline) noexcept { locks_->deadline = deadline; }

  // The write-ahead log is written to the disk. Unlike all else here it may run while another thread uses the database.
  void sync_log();
  // How many pages the log had after the last commit of this connection.
  int log_pages() const noexcept { return locks_->log_pages; }
  // Moves what is in the log to the database file, as far as readers allow.
  void checkpoint();
  // What the log is not yet moved to the file at close stays there for the next opener: a fast close.
  void leave_log_at_close();

  // The whole database as the bytes of its file.
  std::string serialized();

 private:
  struct Close {
    void operator()(sqlite3* handle) const noexcept;
  };
  struct Locks {  // outlives moves of the Database: SQLite holds its address
    Instant deadline{};
    int log_pages = 0;
    std::uint64_t serial = 0;
    std::atomic<sqlite3_file*> log = nullptr;
  };
  void configure();

  std::unique_ptr<Locks> locks_;
  std::unique_ptr<sqlite3, Close> handle_;      // closed first
  Statement begin_, read_, commit_, rollback_;  // before it: finalized earlier
  void roll_back() noexcept;
  friend class ImmediateTransaction;
  friend class ReadTransaction;
};

// BEGIN IMMEDIATE; rolls back when it goes, unless committed.
class ImmediateTransaction {
 public:
  explicit ImmediateTransaction(Database& database) : database_(&database) { database.begin_.run(); }
  ImmediateTransaction(ImmediateTransaction&& other) noexcept : database_(std::exchange(other.database_, nullptr)) {}
  ImmediateTransaction& operator=(ImmediateTransaction&&) = delete;
  ~ImmediateTransaction() { roll_back(); }

  void commit();
  void roll_back() noexcept;
  // In a child made by a fork: the transaction is the parent's, and not touched.
  void forget() noexcept { database_ = nullptr; }

 private:
  Database* database_;
};

// BEGIN: all that is read in it is of one moment.
class ReadTransaction {
 public:
  explicit ReadTransaction(Database& database) : database_(database) { database.read_.run(); }
  ReadTransaction(const ReadTransaction&) = delete;
  ReadTransaction& operator=(const ReadTransaction&) = delete;
  ~ReadTransaction();

 private:
  Database& database_;
};

}  // namespace usher

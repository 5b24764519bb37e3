#include "dataqueue/schema.h"

#include <algorithm>
#include <array>

#include "usher/error.h"

namespace usher {
namespace {

constexpr int kApplicationId = 0x55736872;  // "Ushr"

// As SQLite keeps them: one space between the words up to the name.
constexpr std::array kObjects{
    R"(CREATE TABLE library (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  number_limit INTEGER NOT NULL
) STRICT)",
    R"(CREATE TABLE module (
  name TEXT PRIMARY KEY,
  version INTEGER NOT NULL
) STRICT, WITHOUT ROWID)",
    R"(CREATE TABLE queue (
  number INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  incarnation INTEGER NOT NULL,
  sequence TEXT NOT NULL CHECK (sequence IN ('fifo', 'lifo', 'keyed')),
  max_length INTEGER NOT NULL,
  key_length INTEGER NOT NULL,
  max_entries INTEGER NOT NULL,
  sender_id INTEGER NOT NULL,
  force INTEGER NOT NULL,
  text TEXT NOT NULL,
  max_deliveries INTEGER NOT NULL,
  dead_letter TEXT NOT NULL,
  counted INTEGER NOT NULL
) STRICT)",
    R"(CREATE TABLE entry (
  id INTEGER PRIMARY KEY,
  data BLOB NOT NULL,
  enqueued INTEGER NOT NULL,
  sender_job TEXT,
  sender_user TEXT,
  deliveries INTEGER NOT NULL
) STRICT)",
    R"(CREATE TABLE keyed_entry (
  queue INTEGER NOT NULL,
  key BLOB NOT NULL,
  number INTEGER NOT NULL,
  data BLOB NOT NULL,
  enqueued INTEGER NOT NULL,
  sender_job TEXT,
  sender_user TEXT,
  deliveries INTEGER NOT NULL,
  PRIMARY KEY (queue, key, number)
) STRICT, WITHOUT ROWID)",
    R"(CREATE TABLE lease (
  number INTEGER PRIMARY KEY,
  queue INTEGER NOT NULL,
  key BLOB NOT NULL,
  entry INTEGER NOT NULL,
  data BLOB NOT NULL,
  enqueued INTEGER NOT NULL,
  sender_job TEXT,
  sender_user TEXT,
  deliveries INTEGER NOT NULL,
  epoch INTEGER NOT NULL,
  holder INTEGER NOT NULL,
  pid INTEGER NOT NULL,
  since INTEGER NOT NULL
) STRICT)",
    R"(CREATE VIEW data_queue_info AS
SELECT name AS data_queue_name,
  'STANDARD' AS data_queue_type,
  max_length AS maximum_message_length,
  upper(sequence) AS sequence,
  nullif(key_length, 0) AS key_length,
  iif(sender_id, 'YES', 'NO') AS include_sender_id,
  (SELECT count(*) FROM entry WHERE id BETWEEN queue.number << 46 AND ((queue.number + 1) << 46) - 1)
    + (SELECT count(*) FROM keyed_entry WHERE keyed_entry.queue = queue.number) AS current_messages,
  nullif(max_entries, 0) AS maximum_messages,
  iif(force, 'YES', 'NO') AS force,
  text AS text_description,
  (SELECT count(*) FROM lease WHERE lease.queue = queue.number) AS leased_messages,
  max_deliveries AS maximum_deliveries,
  nullif(dead_letter, '') AS dead_letter_queue
FROM queue)",
    R"(CREATE VIEW data_queue_entries AS
SELECT queue.name AS data_queue_name,
  row_number() OVER (PARTITION BY queue.number ORDER BY
    CASE queue.sequence WHEN 'lifo' THEN -entry.id ELSE entry.id END) AS ordinal_position,
  CAST(data AS TEXT) AS message_data,
  CAST(data AS TEXT) AS message_data_utf8,
  data AS message_data_binary,
  NULL AS key_data,
  NULL AS key_data_utf8,
  NULL AS key_data_binary,
  strftime('%Y-%m-%d %H:%M:%S', enqueued / 1000000, 'unixepoch') || printf('.%06d', enqueued % 1000000)
    AS message_enqueue_timestamp,
  sender_job AS sender_job_name,
  sender_user AS sender_current_user
FROM queue JOIN entry ON entry.id BETWEEN queue.number << 46 AND ((queue.number + 1) << 46) - 1
WHERE queue.sequence <> 'keyed'
UNION ALL
SELECT queue.name,
  row_number() OVER (PARTITION BY queue.number ORDER BY key, keyed_entry.number),
  CAST(data AS TEXT),
  CAST(data AS TEXT),
  data,
  CAST(key AS TEXT),
  CAST(key AS TEXT),
  key,
  strftime('%Y-%m-%d %H:%M:%S', enqueued / 1000000, 'unixepoch') || printf('.%06d', enqueued % 1000000),
  sender_job,
  sender_user
FROM queue JOIN keyed_entry ON keyed_entry.queue = queue.number)",
};

// "CREATE TABLE name ...", "CREATE UNIQUE INDEX name ..." -> "name"
std::string_view name_of_object(std::string_view sql) {
  const int words = sql.starts_with("CREATE UNIQUE ") ? 3 : 2;
  for (int word = 0; word < words; ++word) sql.remove_prefix(std::min(sql.find(' ') + 1, sql.size()));
  return sql.substr(0, sql.find_first_of(" ("));
}

std::optional<int> version_of(Database& database, const std::string& module) {
  Statement statement = database.prepare("SELECT version FROM module WHERE name = ?1", Database::Use::once);
  Rows rows = statement.query(module);
  return rows.next() ? std::optional(rows.get<int>(0)) : std::nullopt;
}

// What may stand in the file: the objects whose text is known, each of which must be there; and, of modules the opener
// knows nothing of, any on tables of their own. "sqlite_" is what SQLite itself makes.
struct Expected {
  std::vector<std::string> texts{kObjects.begin(), kObjects.end()};
  std::vector<std::string> prefixes{"sqlite_"};
};

Expected expected_objects(Database& database, const std::vector<SchemaModule>& modules) {
  Expected expected;
  Statement statement = database.prepare("SELECT name FROM module", Database::Use::once);
  Rows rows = statement.query();
  while (rows.next()) {
    const auto name = rows.get<std::string>(0);
    const auto known = std::find_if(modules.begin(), modules.end(), [&](const auto& module) { return module.name == name; });
    if (known == modules.end()) expected.prefixes.push_back(name + "_");
    else expected.texts.insert(expected.texts.end(), known->objects.begin(), known->objects.end());
  }
  return expected;
}

bool may_be_there(const Expected& expected, std::string_view name, std::string_view table) {
  return std::any_of(expected.prefixes.begin(), expected.prefixes.end(),
                     [&](const std::string& prefix) { return name.starts_with(prefix) && table.starts_with(prefix); });
}

void compare_objects(Database& database, const Expected& expected) {
  Statement statement = database.prepare("SELECT name, tbl_name, sql FROM sqlite_schema", Database::Use::once);
  Rows rows = statement.query();
  std::size_t found = 0;
  while (rows.next()) {
    if (rows.is_null(2)) continue;  // the index of a PRIMARY KEY or UNIQUE
    const auto name = rows.get<std::string_view>(0);
    const auto& texts = expected.texts;
    if (std::find(texts.begin(), texts.end(), rows.get<std::string_view>(2)) != texts.end()) ++found;
    else if (!may_be_there(expected, name, rows.get<std::string_view>(1))) {
      throw Error(ErrorCode::damaged, "the library file: \"" + std::string(name) + "\" does not belong there");
    }
  }
  if (found != expected.texts.size()) throw Error(ErrorCode::damaged, "the library file: a table is missing");
}

void check_versions(Database& database, const std::vector<SchemaModule>& modules) {
  for (const SchemaModule& module : modules) {
    const std::optional<int> version = version_of(database, module.name);
    if (version && *version != module.version) {
      throw Error(ErrorCode::wrong_version, "the library file: its \"" + module.name + "\" tables have version " +
                                                std::to_string(*version) + ", not " + std::to_string(module.version));
    }
  }
}

}  // namespace

std::string new_library_image() {
  Database database = Database::in_memory();
  database.execute("PRAGMA page_size = 4096; PRAGMA application_id = " + std::to_string(kApplicationId) +
                   "; PRAGMA user_version = " + std::to_string(kLibraryLayout));
  for (const char* sql : kObjects) database.execute(sql);
  database.execute("INSERT INTO library (one, number_limit) VALUES (1, 1)");
  std::string image = database.serialized();
  image.at(18) = image.at(19) = 2;  // write-ahead log: a database in memory cannot say so.  Source: SQLite file format 1.3.3
  return image;
}

void check_schema(Database& database, const std::vector<SchemaModule>& modules) {
  if (database.value_of<int>("PRAGMA application_id") != kApplicationId) {
    throw Error(ErrorCode::damaged, "the file is no library of data queues");
  }
  const int layout = database.value_of<int>("PRAGMA user_version");
  if (layout != kLibraryLayout) {
    throw Error(ErrorCode::wrong_version, "the library file has layout " + std::to_string(layout) + ", not " +
                                              std::to_string(kLibraryLayout));
  }
  check_versions(database, modules);
  compare_objects(database, expected_objects(database, modules));
}

std::vector<const SchemaModule*> missing_modules(Database& database, const std::vector<SchemaModule>& modules) {
  std::vector<const SchemaModule*> missing;
  for (const SchemaModule& module : modules) {
    if (!version_of(database, module.name)) missing.push_back(&module);
  }
  return missing;
}

void add_module(Database& database, const SchemaModule& module) {
  for (const std::string& sql : module.objects) {
    if (!name_of_object(sql).starts_with(module.name + "_")) {
      throw Error(ErrorCode::invalid_argument, "an object of module \"" + module.name + "\" must be named " + module.name + "_...");
    }
    database.execute(sql);
  }
  Statement insert = database.prepare("INSERT INTO module (name, version) VALUES (?1, ?2)", Database::Use::once);
  insert.run(module.name, module.version);
}

}  // namespace usher
